/** The functions' own EKS provider against the local EKS, STS and EC2, from nothing to nothing. */
import { expect, test } from 'vitest';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { eksProvider } from '#functions/tasks/providers/eks/eks.ts';
import { eksLeftovers } from '#functions/tasks/providers/eks/leftovers.ts';
import { call } from '#local/clusters/kube.ts';
import { clustersBench, roleArn } from './workbench.ts';

const cluster = {
  id: 'clu_01kabcdefghjkmnpqrstvwxyz0',
  kubernetesVersion: '1.35',
  options: { compute: 'auto' },
  workers: { count: 1, size: 'small' },
} as unknown as ClusterState;

test('the provider makes a cluster, enters it, and removes it with what it leaves', async () => {
  await using bench = await clustersBench({ delays: { createMs: 200 } });
  for (const name of ['editor', 'admin', 'access'])
    bench.iam.addRole({
      name,
      path: '/',
      trust: { Statement: [{ Effect: 'Allow', Principal: { AWS: roleArn('task') }, Action: 'sts:AssumeRole' }] },
    });
  const provider = eksProvider({
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
      subnetIds: ['subnet-a', 'subnet-b'],
      accessRoleArn: roleArn('access'),
      viewerRoleArn: roleArn('viewer'),
      editorRoleArn: roleArn('editor'),
      adminRoleArn: roleArn('admin'),
    },
  });
  const name = infrastructureName(cluster.id);

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
