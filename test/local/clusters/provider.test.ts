/** The functions' own EKS provider against the local EKS, STS and EC2, from nothing to nothing. */
import { CreateAddonCommand, ListAddonsCommand } from '@aws-sdk/client-eks';
import { expect, test } from 'vitest';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { eksProvider } from '#functions/tasks/providers/eks/eks.ts';
import { eksLeftovers } from '#functions/tasks/providers/eks/leftovers.ts';
import { call } from '#local/clusters/kube.ts';
import { full, startFakeCluster } from './fake-cluster.ts';
import { clustersBench, roleArn } from './workbench.ts';

type Bench = Awaited<ReturnType<typeof clustersBench>>;

const cluster = {
  id: 'clu_01kabcdefghjkmnpqrstvwxyz0',
  kubernetesVersion: '1.35',
  options: { compute: 'auto' },
  workers: { count: 1, size: 'small' },
  operationId: 'op_1',
} as unknown as ClusterState;
const managed = { ...cluster, options: { compute: 'managed' } } as ClusterState;
const name = infrastructureName(cluster.id);

/** The provider as tasks have it, over the bench. */
const providerOver = (bench: Bench) => {
  const role = (name: string, principal: object, ...actions: string[]) =>
    bench.iam.addRole({
      name,
      path: '/',
      trust: { Statement: [{ Effect: 'Allow', Principal: principal, Action: actions }] },
    });
  for (const name of ['editor', 'admin', 'access']) role(name, { AWS: roleArn('task') }, 'sts:AssumeRole');
  role('volumes', { Service: 'pods.eks.amazonaws.com' }, 'sts:AssumeRole', 'sts:TagSession');
  return eksProvider({
    eks: bench.eks,
    sts: bench.sts,
    now: () => new Date().toISOString(),
    settings: {
      deploymentId: 'dep_1',
      region: 'us-east-1',
      stsUrl: bench.url,
      clusterRoleArn: roleArn('cluster'),
      nodeRoleArn: roleArn('node'),
      managedNodeRoleArn: roleArn('node'),
      volumeDriverRoleArn: roleArn('volumes'),
      subnetIds: ['subnet-a', 'subnet-b'],
      accessRoleArn: roleArn('access'),
      viewerRoleArn: roleArn('viewer'),
      editorRoleArn: roleArn('editor'),
      adminRoleArn: roleArn('admin'),
    },
  });
};
const connect = () => ({ apply: async () => {}, uid: async () => null });

test('the provider makes a cluster, enters it, and removes it with what it leaves', async () => {
  await using bench = await clustersBench({ delays: { createMs: 200 } });
  const provider = providerOver(bench);

  expect((await provider.versions()).offered).toContain('1.36');
  expect([await provider.ensure(cluster), await provider.ensure(cluster)]).toEqual(['going', 'going']);
  await expect.poll(() => provider.observe(cluster)).toBe('active');
  await provider.grantAccess(cluster);
  await provider.grantAccess(cluster);
  const access = (await provider.access(cluster))!;
  const me = await call(
    { server: access.endpoint, caPem: Buffer.from(access.ca, 'base64').toString(), token: access.token },
    'GET',
    '/whoami',
  );
  expect(me.body).toMatchObject({ groups: ['eks:access:AmazonEKSClusterAdminPolicy', 'system:authenticated'] });
  expect(await provider.listOwned()).toMatchObject([{ name, clusterId: cluster.id }]);

  expect(await provider.remove(name)).toBe('going');
  await expect.poll(() => provider.observeGone(name)).toBe('gone');
  expect(await eksLeftovers(bench.ec2)(name)).toBe(0);
  expect(await provider.listOwned()).toEqual([]);
});

test('a cluster that EKS failed to make is taken away by a retry and made anew', async () => {
  let starts = 0;
  await using bench = await clustersBench({
    startCluster: async (options) => {
      starts += 1;
      if (starts === 1) throw new Error('no address is free');
      return startFakeCluster(options);
    },
  });
  const provider = providerOver(bench);
  expect(await provider.ensure(cluster)).toBe('going');
  await expect.poll(() => provider.observe(cluster).catch(({ message }) => message)).toContain('no address is free');

  expect(await provider.ensure({ ...cluster, operationId: 'op_2' })).toBe('absent');
  await expect.poll(() => provider.observe(cluster)).toBe('absent');
  expect(await provider.ensure({ ...cluster, operationId: 'op_2' })).toBe('going');
  await expect.poll(() => provider.observe(cluster)).toBe('active');
  expect(await provider.ensure(cluster)).toBe('active');
});

test('a node group that failed is made anew by the retry, with what makes volumes for it', async () => {
  await using bench = await clustersBench();
  const provider = providerOver(bench);
  await provider.ensure(managed);
  await expect.poll(() => provider.observe(managed)).toBe('active');
  await provider.grantAccess(managed);
  const look = async (of: ClusterState) => {
    await provider.ensureCompute(of, connect);
    return provider.observeCompute(of).catch(({ message }) => message);
  };

  full.add(bench.clusterDir(name));
  await expect.poll(() => look(managed)).toMatch(/node group: NodeCreationFailure: .*the cluster is full/);
  full.delete(bench.clusterDir(name));
  await expect.poll(() => look({ ...managed, operationId: 'op_2' })).toBe('active');
  const { addons } = await bench.eks.send(new ListAddonsCommand({ clusterName: name }));
  expect(addons).toEqual(['aws-ebs-csi-driver', 'eks-pod-identity-agent', 'vpc-cni']);
});

test('a role that pods may not have is refused where the add-on is asked for', async () => {
  await using bench = await clustersBench();
  const provider = providerOver(bench);
  await provider.ensure(managed);
  await expect.poll(() => provider.observe(managed)).toBe('active');
  const ask = (serviceAccount: string, role: string) =>
    bench.eks.send(
      new CreateAddonCommand({
        clusterName: name,
        addonName: 'aws-ebs-csi-driver',
        podIdentityAssociations: [{ serviceAccount, roleArn: roleArn(role) }],
      }),
    );
  await expect(ask('ebs-csi-controller-sa', 'node')).rejects.toThrow('must allow pods.eks.amazonaws.com');
  await expect(ask('default', 'volumes')).rejects.toThrow('not supported for addon aws-ebs-csi-driver');
});
