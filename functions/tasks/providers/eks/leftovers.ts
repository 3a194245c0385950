/** What outlives an EKS cluster, found by AWS's own tag: volumes, snapshots, interfaces, security groups (aws.md 15: our own tags are not allowed there). */
import {
  DeleteNetworkInterfaceCommand,
  DeleteSecurityGroupCommand,
  DeleteSnapshotCommand,
  DeleteVolumeCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { AWS_CLUSTER_TAG, isNamed } from './parts.ts';

/** Answers of EC2 that mean: not yet, something still holds it. */
const HELD = [
  'VolumeInUse',
  'DependencyViolation',
  'InvalidSnapshot.InUse',
  'InvalidParameterValue',
  'InvalidNetworkInterface.InUse',
  'IncorrectState',
];
const GONE = [
  'InvalidVolume.NotFound',
  'InvalidSnapshot.NotFound',
  'InvalidNetworkInterfaceID.NotFound',
  'InvalidGroup.NotFound',
];

/** Deletes each; answers how many are held. What another sweep of ours deleted meanwhile is fine. */
const deleteEach = async (
  ids: readonly (string | undefined)[],
  remove: (id: string) => Promise<unknown>,
): Promise<number> => {
  let held = 0;
  for (const id of ids) {
    if (id === undefined) continue;
    try {
      await remove(id);
    } catch (error) {
      if (isNamed(error, ...HELD)) held += 1;
      else if (!isNamed(error, ...GONE)) throw error;
    }
  }
  return held;
};

/** One page a kind: a sweep that leaves something is repeated. */
export const eksLeftovers =
  (ec2: Pick<EC2Client, 'send'>) =>
  async (name: string): Promise<number> => {
    const of = { Filters: [{ Name: `tag:${AWS_CLUSTER_TAG}`, Values: [name] }], MaxResults: 100 };
    const snapshots = await ec2.send(new DescribeSnapshotsCommand({ ...of, OwnerIds: ['self'] }));
    const volumes = await ec2.send(new DescribeVolumesCommand(of));
    const interfaces = await ec2.send(new DescribeNetworkInterfacesCommand(of));
    const groups = await ec2.send(new DescribeSecurityGroupsCommand(of));
    const pages = [snapshots, volumes, interfaces, groups].filter(({ NextToken }) => Boolean(NextToken)).length;
    // Those that AWS made for a service of its own go with it, and are not ours to delete.
    const own = (interfaces.NetworkInterfaces ?? []).filter((each) => each.RequesterManaged !== true);
    // Interfaces before the groups that they are in.
    const held = [
      await deleteEach(
        (snapshots.Snapshots ?? []).map((each) => each.SnapshotId),
        (SnapshotId) => ec2.send(new DeleteSnapshotCommand({ SnapshotId })),
      ),
      await deleteEach(
        (volumes.Volumes ?? []).map((each) => each.VolumeId),
        (VolumeId) => ec2.send(new DeleteVolumeCommand({ VolumeId })),
      ),
      await deleteEach(
        own.map((each) => each.NetworkInterfaceId),
        (NetworkInterfaceId) => ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId })),
      ),
      await deleteEach(
        (groups.SecurityGroups ?? []).map((each) => each.GroupId),
        (GroupId) => ec2.send(new DeleteSecurityGroupCommand({ GroupId })),
      ),
    ];
    return held.reduce((sum, each) => sum + each, pages);
  };
