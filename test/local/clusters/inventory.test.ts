/** Node groups, add-ons, versions and tags, as the EKS API shows them. */
import { DescribeVolumesCommand, type DescribeVolumesCommandInput, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import {
  CreateAddonCommand,
  CreateNodegroupCommand,
  DeleteAddonCommand,
  DeleteClusterCommand,
  DeleteNodegroupCommand,
  DescribeAddonCommand,
  DescribeClusterVersionsCommand,
  DescribeNodegroupCommand,
  ListAddonsCommand,
  ListNodegroupsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
} from '@aws-sdk/client-eks';
import { describe, expect, test } from 'vitest';
import { supportOf, VERSIONS } from '#local/clusters/versions.ts';
import { objectsOf } from './fake-cluster.ts';
import { autoMode, clustersBench, roleArn } from './workbench.ts';

test('volumes are found by id and by tag key; what is not known here is refused', async () => {
  await using bench = await clustersBench();
  await bench.create('rs-1');
  await bench.until('rs-1', 'ACTIVE');
  await bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }));
  await bench.until('rs-1', 'ResourceNotFoundException');
  const find = async (ask: DescribeVolumesCommandInput) =>
    (await bench.ec2.send(new DescribeVolumesCommand(ask))).Volumes!;
  const [volume] = await find({ Filters: [{ Name: 'tag-key', Values: ['eks:*'] }] });

  expect(await find({ VolumeIds: [volume!.VolumeId!] })).toMatchObject([
    { VolumeId: volume!.VolumeId, CreateTime: expect.any(Date) },
  ]);
  expect(await find({ Filters: [{ Name: 'tag:eks:eks-cluster-name', Values: ['rs-2', 'rs-3'] }] })).toEqual([]);
  await expect(find({ VolumeIds: ['vol-none'] })).rejects.toMatchObject({ name: 'InvalidVolume.NotFound' });
  await expect(find({ Filters: [{ Name: 'size', Values: ['10'] }] })).rejects.toMatchObject({
    name: 'InvalidParameterValue',
    message: expect.stringContaining("'size'"),
  });
  await expect(bench.ec2.send(new DescribeVpcsCommand({}))).rejects.toMatchObject({ name: 'InvalidAction' });
});

describe('node groups', () => {
  const group = (clusterName: string) => ({
    clusterName,
    nodegroupName: 'workers',
    nodeRole: roleArn('node'),
    subnets: ['subnet-a'],
    instanceTypes: ['m6i.xlarge'],
    scalingConfig: { minSize: 1, maxSize: 3, desiredSize: 3 },
    labels: { size: 'medium' },
  });

  test('its nodes appear in the cluster and go with it; the cluster cannot go before', async () => {
    await using bench = await clustersBench();
    await bench.create('rs-1');
    await bench.until('rs-1', 'ACTIVE');
    const nodes = () => objectsOf(bench.clusterDir('rs-1'), '/api/v1/nodes');
    const status = () =>
      bench.eks.send(new DescribeNodegroupCommand({ clusterName: 'rs-1', nodegroupName: 'workers' })).then(
        ({ nodegroup }) => nodegroup!.status!,
        (error: Error) => error.name,
      );

    expect((await bench.eks.send(new CreateNodegroupCommand(group('rs-1')))).nodegroup).toMatchObject({
      status: 'CREATING',
      capacityType: 'ON_DEMAND',
    });
    await expect.poll(status).toBe('ACTIVE');
    expect(nodes()).toHaveLength(3);
    expect(nodes()[0]!.metadata.labels).toMatchObject({
      size: 'medium',
      'node.kubernetes.io/instance-type': 'm6i.xlarge',
      'eks.amazonaws.com/nodegroup': 'workers',
    });
    await expect(bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
      message: 'Cluster has nodegroups attached',
    });

    await bench.eks.send(new DeleteNodegroupCommand({ clusterName: 'rs-1', nodegroupName: 'workers' }));
    await expect.poll(status).toBe('ResourceNotFoundException');
    expect(nodes()).toEqual([]);
    expect((await bench.eks.send(new ListNodegroupsCommand({ clusterName: 'rs-1' }))).nodegroups).toEqual([]);
    await expect(bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }))).resolves.toBeDefined();
  });

  test('a group in a cluster that is not ACTIVE, with a name in use, or of impossible sizes is refused', async () => {
    await using bench = await clustersBench({ delays: { createMs: 200 } });
    await bench.create('rs-1');
    await expect(bench.eks.send(new CreateNodegroupCommand(group('rs-1')))).rejects.toMatchObject({
      name: 'InvalidRequestException',
    });
    await bench.until('rs-1', 'ACTIVE');
    const clientRequestToken = 'clu_1';
    const twice = () => bench.eks.send(new CreateNodegroupCommand({ ...group('rs-1'), clientRequestToken }));
    expect((await twice()).nodegroup?.nodegroupArn).toBe((await twice()).nodegroup?.nodegroupArn);
    await expect(bench.eks.send(new CreateNodegroupCommand(group('rs-1')))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    const scalingConfig = { minSize: 2, maxSize: 3, desiredSize: 1 };

    await expect(
      bench.eks.send(new CreateNodegroupCommand({ ...group('rs-1'), nodegroupName: 'other', scalingConfig })),
    ).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

test('an add-on that the cluster has anyway is taken, any other is refused', async () => {
  await using bench = await clustersBench();
  await bench.create('rs-1');
  await bench.until('rs-1', 'ACTIVE');
  const add = (addonName: string) => bench.eks.send(new CreateAddonCommand({ clusterName: 'rs-1', addonName }));
  await add('aws-ebs-csi-driver');
  const configured = { configurationValues: '{"enableNetworkPolicy":"true"}', resolveConflicts: 'OVERWRITE' } as const;
  await bench.eks.send(new CreateAddonCommand({ clusterName: 'rs-1', addonName: 'vpc-cni', ...configured }));

  await expect(add('aws-ebs-csi-driver')).rejects.toMatchObject({ name: 'ResourceInUseException' });
  await expect(add('aws-efs-csi-driver')).rejects.toMatchObject({ name: 'InvalidParameterException' });
  const of = { clusterName: 'rs-1', addonName: 'aws-ebs-csi-driver' };
  expect((await bench.eks.send(new DescribeAddonCommand(of))).addon?.status).toBe('ACTIVE');
  expect((await bench.eks.send(new ListAddonsCommand({ clusterName: 'rs-1' }))).addons).toEqual([
    'aws-ebs-csi-driver',
    'vpc-cni',
  ]);
  await bench.eks.send(new DeleteAddonCommand(of));
  await expect(bench.eks.send(new DescribeAddonCommand(of))).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('versions say how they are supported', async () => {
  await using bench = await clustersBench();
  const ask = async (input: object) =>
    (await bench.eks.send(new DescribeClusterVersionsCommand(input))).clusterVersions!;

  expect(supportOf(VERSIONS[0]!, Date.parse('2026-11-21'))).toBe('EXTENDED_SUPPORT');
  expect(supportOf(VERSIONS[1]!, Date.parse('2026-11-21'))).toBe('STANDARD_SUPPORT');
  expect(supportOf(VERSIONS[1]!, Date.parse('2026-12-02'))).toBe('EXTENDED_SUPPORT');
  expect((await ask({})).map((it) => it.clusterVersion)).toEqual(['1.36', '1.35', '1.34', '1.33']);
  expect(await ask({ defaultOnly: true })).toMatchObject([
    { clusterVersion: '1.35', defaultVersion: true, endOfStandardSupportDate: new Date('2027-03-27') },
  ]);
  expect((await ask({ clusterVersions: ['1.33', '1.36'] })).map((it) => it.clusterVersion)).toEqual(['1.36', '1.33']);
});

test('tags can be added and listed', async () => {
  await using bench = await clustersBench();
  const resourceArn = (await bench.create('rs-1')).cluster!.arn!;
  await bench.eks.send(new TagResourceCommand({ resourceArn, tags: { owner: 'ada' } }));

  expect((await bench.eks.send(new ListTagsForResourceCommand({ resourceArn }))).tags).toEqual({
    roadstead: 'test',
    owner: 'ada',
  });
  expect(autoMode('rs-1').tags).toEqual({ roadstead: 'test' });
});
