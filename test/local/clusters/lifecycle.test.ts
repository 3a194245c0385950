/** Clusters and node groups from create to gone, as the EKS API shows them. */
import { existsSync } from 'node:fs';
import {
  DeleteSecurityGroupCommand,
  DeleteVolumeCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSnapshotsCommand,
  DescribeVolumesCommand,
} from '@aws-sdk/client-ec2';
import { DeleteClusterCommand, ListClustersCommand } from '@aws-sdk/client-eks';
import { describe, expect, test } from 'vitest';
import { AwsError } from '#local/types.ts';
import { crash, objectsOf, running, startFakeCluster } from './fake-cluster.ts';
import { clustersBench, roleArn } from './workbench.ts';

const names = (objects: { metadata: { name: string } }[]) => objects.map((it) => it.metadata.name);

describe('creating', () => {
  test('a cluster is CREATING, then ACTIVE with endpoint and CA, and has the kinds and pools of Auto Mode', async () => {
    await using bench = await clustersBench();
    const { cluster } = await bench.create('rs-1');
    await bench.until('rs-1', 'ACTIVE');
    const active = await bench.describe('rs-1');

    expect(cluster).toMatchObject({
      status: 'CREATING',
      arn: 'arn:aws:eks:us-east-1:000000000000:cluster/rs-1',
      version: '1.35',
      tags: { roadstead: 'test' },
    });
    expect(cluster!.endpoint).toBeUndefined();
    expect(active.endpoint).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect(Buffer.from(active.certificateAuthority!.data!, 'base64').toString()).toContain('BEGIN CERTIFICATE');
    const dir = bench.clusterDir('rs-1');
    expect(names(objectsOf(dir, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'))).toEqual([
      'nodepools.karpenter.sh',
      'nodeclasses.eks.amazonaws.com',
    ]);
    expect(names(objectsOf(dir, '/apis/karpenter.sh/v1/nodepools'))).toEqual(['system']);
    expect(names(objectsOf(dir, '/apis/eks.amazonaws.com/v1/nodeclasses'))).toEqual(['default']);
  });

  test('a cluster stays CREATING for its delay', async () => {
    await using bench = await clustersBench({ delays: { createMs: 700 } });
    await bench.create('rs-1');
    await new Promise((resolve) => setTimeout(resolve, 400));

    expect((await bench.describe('rs-1')).status).toBe('CREATING');
    await bench.until('rs-1', 'ACTIVE');
  });

  test('the same token and input is the same cluster, any other is ResourceInUseException', async () => {
    await using bench = await clustersBench();
    await bench.create('rs-1', { clientRequestToken: 'opn_1' });

    expect((await bench.create('rs-1', { clientRequestToken: 'opn_1' })).cluster?.name).toBe('rs-1');
    for (const change of [{ clientRequestToken: 'opn_2' }, { clientRequestToken: 'opn_1', version: '1.36' }])
      await expect(bench.create('rs-1', change)).rejects.toMatchObject({
        name: 'ResourceInUseException',
        clusterName: 'rs-1',
      });
  });

  test.each([
    [
      'Auto Mode by halves',
      { storageConfig: { blockStorage: { enabled: false } } },
      /all either fully enabled or fully disabled/,
    ],
    [
      'pools without a node role',
      { computeConfig: { enabled: true, nodePools: ['system'] } },
      /nodeRoleArn is required/,
    ],
    ['an unknown version', { version: '1.12' }, /unsupported Kubernetes version 1.12; offered are 1.33/],
    ['a version in extended support under STANDARD', { version: '1.33' }, /extended support/],
    ['a role that EKS may not assume', { roleArn: roleArn('node') }, /trust policy must allow eks.amazonaws.com/],
    ['one subnet', { resourcesVpcConfig: { subnetIds: ['subnet-a'] } }, /at least two/],
    ['what is not here', { encryptionConfig: [{ resources: ['secrets'] }] }, /encryptionConfig/],
  ])('%s is refused', async (_, change, message) => {
    await using bench = await clustersBench();

    await expect(bench.create('rs-1', change)).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringMatching(message),
    });
    expect((await bench.eks.send(new ListClustersCommand({}))).clusters).toEqual([]);
  });

  test('a cluster that cannot start is FAILED with the reason, and can be deleted', async () => {
    await using bench = await clustersBench({ startCluster: () => Promise.reject(new Error('no room')) });
    await bench.create('rs-1');
    await bench.until('rs-1', 'FAILED');

    expect((await bench.describe('rs-1')).health?.issues).toMatchObject([{ message: 'no room' }]);
    await bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }));
    await bench.until('rs-1', 'ResourceNotFoundException');
  });

  test.each([
    [
      'eks:CreateCluster',
      { 'eks:DescribeCluster': '*', 'iam:PassRole': '*', 'eks:TagResource': '*' },
      'eks:CreateCluster on resource: arn:aws:eks:us-east-1:000000000000:cluster/rs-1',
    ],
    [
      'iam:PassRole for the node role',
      { 'eks:*': '*', 'iam:PassRole': roleArn('cluster') },
      `iam:PassRole on resource: ${roleArn('node')}`,
    ],
    ['eks:TagResource', { 'eks:CreateCluster': '*', 'iam:PassRole': '*' }, 'eks:TagResource'],
  ])('without %s nothing is made', async (_, rights, message) => {
    await using bench = await clustersBench({ rights });

    await expect(bench.create('rs-1')).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining(message),
    });
  });

  test('throttling put in front of a call reaches the client as such', async () => {
    const before = () => {
      throw new AwsError('ThrottlingException', 'Rate exceeded', 429);
    };
    await using bench = await clustersBench({ hooks: { before } });

    await expect(bench.create('rs-1')).rejects.toMatchObject({
      name: 'ThrottlingException',
      $metadata: { httpStatusCode: 429 },
    });
  });
});

describe('deleting', () => {
  test('a deleted cluster is DELETING, then not found; its process and folder are gone', async () => {
    await using bench = await clustersBench();
    await bench.create('rs-1');
    await bench.until('rs-1', 'ACTIVE');

    const { cluster } = await bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }));
    await bench.until('rs-1', 'ResourceNotFoundException');

    expect(cluster!.status).toBe('DELETING');
    expect(running.has(bench.clusterDir('rs-1'))).toBe(false);
    expect(existsSync(bench.clusterDir('rs-1'))).toBe(false);
    expect((await bench.create('rs-1')).cluster?.status).toBe('CREATING');
  });

  test('a cluster that is being created may be deleted and never comes up', async () => {
    await using bench = await clustersBench({ delays: { createMs: 300 } });
    await bench.create('rs-1');
    await bench.eks.send(new DeleteClusterCommand({ name: 'rs-1' }));
    await bench.until('rs-1', 'ResourceNotFoundException');

    expect(running.has(bench.clusterDir('rs-1'))).toBe(false);
  });

  test('what it leaves is found by its tag and can be removed', async () => {
    await using bench = await clustersBench();
    for (const name of ['rs-1', 'rs-2']) await bench.create(name);
    for (const name of ['rs-1', 'rs-2']) await bench.until(name, 'ACTIVE');
    for (const name of ['rs-1', 'rs-2']) await bench.eks.send(new DeleteClusterCommand({ name }));
    for (const name of ['rs-1', 'rs-2']) await bench.until(name, 'ResourceNotFoundException');
    const of = { Filters: [{ Name: 'tag:eks:eks-cluster-name', Values: ['rs-1'] }] };

    const { Volumes } = await bench.ec2.send(new DescribeVolumesCommand(of));
    const { SecurityGroups } = await bench.ec2.send(new DescribeSecurityGroupsCommand(of));
    expect(Volumes).toMatchObject([
      { State: 'available', Tags: expect.arrayContaining([{ Key: 'eks:eks-cluster-name', Value: 'rs-1' }]) },
    ]);
    expect(SecurityGroups).toHaveLength(1);
    expect((await bench.ec2.send(new DescribeSnapshotsCommand(of))).Snapshots).toEqual([]);
    expect((await bench.ec2.send(new DescribeNetworkInterfacesCommand(of))).NetworkInterfaces).toEqual([]);

    await bench.ec2.send(new DeleteVolumeCommand({ VolumeId: Volumes![0]!.VolumeId! }));
    await bench.ec2.send(new DeleteSecurityGroupCommand({ GroupId: SecurityGroups![0]!.GroupId! }));
    expect((await bench.ec2.send(new DescribeVolumesCommand(of))).Volumes).toEqual([]);
    expect((await bench.ec2.send(new DescribeVolumesCommand({}))).Volumes).toHaveLength(1);
    await expect(bench.ec2.send(new DeleteVolumeCommand({ VolumeId: Volumes![0]!.VolumeId! }))).rejects.toMatchObject({
      name: 'InvalidVolume.NotFound',
    });
  });

  test('only what carries the tag may be removed when the policy says so', async () => {
    await using bench = await clustersBench({
      rights: { 'eks:*': '*', 'iam:PassRole': '*', 'ec2:DescribeVolumes': '*' },
    });
    const Condition = { StringLike: { 'aws:ResourceTag/eks:eks-cluster-name': 'rs-*' } };
    bench.iam.attach(
      'task',
      { Statement: [{ Effect: 'Allow', Action: 'ec2:DeleteVolume', Resource: 'arn:aws:ec2:*:*:volume/*', Condition }] },
      'sweep',
    );
    for (const name of ['rs-1', 'other']) {
      await bench.create(name);
      await bench.until(name, 'ACTIVE');
      await bench.eks.send(new DeleteClusterCommand({ name }));
      await bench.until(name, 'ResourceNotFoundException');
    }
    const find = async (name: string) =>
      (
        await bench.ec2.send(
          new DescribeVolumesCommand({ Filters: [{ Name: 'tag:eks:eks-cluster-name', Values: [name] }] }),
        )
      ).Volumes![0]!.VolumeId!;
    const remove = async (name: string) => bench.ec2.send(new DeleteVolumeCommand({ VolumeId: await find(name) }));

    await expect(remove('other')).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
    await expect(remove('rs-1')).resolves.toBeDefined();
  });
});

describe('after a restart', () => {
  test('clusters run again with what was in them, a create and a delete go on', async () => {
    const first = await clustersBench({ delays: { createMs: 400, deleteMs: 5000 } });
    for (const name of ['ready', 'going']) await first.create(name);
    for (const name of ['ready', 'going']) await first.until(name, 'ACTIVE');
    await first.eks.send(new DeleteClusterCommand({ name: 'going' }));
    await first.create('coming');
    await first[Symbol.asyncDispose]();
    expect(running.has(first.clusterDir('ready'))).toBe(false);

    await using again = await clustersBench({ stateDir: first.dir });
    await again.until('coming', 'ACTIVE');
    await again.until('going', 'ResourceNotFoundException');
    await expect.poll(() => running.has(again.clusterDir('ready'))).toBe(true);
    expect((await again.describe('ready')).status).toBe('ACTIVE');
    expect((await again.eks.send(new ListClustersCommand({}))).clusters).toEqual(['coming', 'ready']);
  });

  test('a cluster whose process ends is started again with what was in it', async () => {
    await using bench = await clustersBench();
    await bench.create('rs-1');
    await bench.until('rs-1', 'ACTIVE');
    const dir = bench.clusterDir('rs-1');
    crash.get(dir)!();
    await expect.poll(() => running.has(dir), { timeout: 5000 }).toBe(true);

    expect((await bench.describe('rs-1')).status).toBe('ACTIVE');
    expect(names(objectsOf(dir, '/apis/karpenter.sh/v1/nodepools'))).toEqual(['system']);
  });

  test('networks of pods are not shared by clusters', async () => {
    const networks: string[] = [];
    await using bench = await clustersBench({
      startCluster: (options) => {
        networks.push(options.podNetwork);
        return startFakeCluster(options);
      },
    });
    for (const name of ['a', 'b', 'c']) await bench.create(name);
    for (const name of ['a', 'b', 'c']) await bench.until(name, 'ACTIVE');

    expect(new Set(networks).size).toBe(3);
    for (const network of networks) expect(network).toMatch(/^127\.[1-9]\d{0,2}$/);
  });
});
