/** EKS, STS and EC2 behind the real endpoint with real IAM; clusters are fakes. */
import { mkdtempSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import {
  CreateClusterCommand,
  type CreateClusterCommandInput,
  DescribeClusterCommand,
  EKSClient,
} from '@aws-sdk/client-eks';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { createCalls } from '#local/calls.ts';
import type { StartCluster } from '#local/clusters/fleet.ts';
import { clustersPlugin } from '#local/clusters/plugin.ts';
import { type CallHooks, createEndpoint } from '#local/endpoint.ts';
import { createIam } from '#local/iam/iam.ts';
import type { PluginContext } from '#local/plugin.ts';
import { ACCOUNT } from '#local/types.ts';
import { startFakeCluster } from './fake-cluster.ts';

export const roleArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:role/${name}`;

const trusting = (principal: object, ...actions: string[]) => ({
  Statement: [{ Effect: 'Allow', Principal: principal, Action: actions }],
});

/** What a task may do, each statement removable by its action. */
const RIGHTS: Readonly<Record<string, string>> = {
  'eks:*': '*',
  'ec2:*': '*',
  'iam:PassRole': '*',
  'sts:AssumeRole': '*',
};

interface Bench {
  readonly stateDir?: string;
  readonly rights?: Readonly<Record<string, string>>;
  readonly hooks?: CallHooks;
  readonly startCluster?: StartCluster;
  readonly delays?: object;
}

export async function clustersBench({
  stateDir,
  rights = RIGHTS,
  hooks = {},
  startCluster = startFakeCluster,
  delays,
}: Bench = {}) {
  const dir = stateDir ?? mkdtempSync(join(tmpdir(), 'clusters-'));
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const iam = createIam(join(dir, 'secret'));
  const endpoint = createEndpoint({ iam, calls: createCalls(), hooks, log });
  await new Promise<void>((resolve) => endpoint.server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(endpoint.server.address() as AddressInfo).port}`;
  const plugin = await clustersPlugin({
    startCluster,
    images: {},
    delays: { createMs: 50, deleteMs: 50, nodegroupMs: 50, ...delays },
  })({
    stateDir: dir,
    endpoint: url,
    iam,
    log,
  } as unknown as PluginContext);
  for (const api of plugin.apis!) {
    iam.knowKeys(api.conditionKeys ?? []);
    endpoint.add(api);
  }
  const role = (name: string, trust: object) => iam.addRole({ name, path: '/', trust });
  role('task', trusting({ Service: 'lambda.amazonaws.com' }, 'sts:AssumeRole'));
  role('cluster', trusting({ Service: 'eks.amazonaws.com' }, 'sts:AssumeRole', 'sts:TagSession'));
  role('node', trusting({ Service: 'ec2.amazonaws.com' }, 'sts:AssumeRole'));
  role('viewer', trusting({ AWS: roleArn('task') }, 'sts:AssumeRole'));
  role('closed', trusting({ AWS: roleArn('somebody-else') }, 'sts:AssumeRole'));
  for (const [Action, Resource] of Object.entries(rights))
    iam.attach('task', { Statement: [{ Effect: 'Allow', Action, Resource }] }, Action);
  await plugin.start!();

  const config = (credentials = iam.issue(roleArn('task'), 'task-1', 900)) => ({
    endpoint: url,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });
  const eks = new EKSClient(config());
  const sts = new STSClient(config());
  const status = async (name: string): Promise<string> =>
    eks.send(new DescribeClusterCommand({ name })).then(
      ({ cluster }) => cluster!.status!,
      (error: Error) => error.name,
    );
  return {
    url,
    dir,
    iam,
    eks,
    sts,
    lines,
    ec2: new EC2Client(config()),
    clusterDir: (name: string) => join(dir, 'clusters', name),
    create: (name: string, change: Partial<CreateClusterCommandInput> = {}) =>
      eks.send(new CreateClusterCommand({ ...autoMode(name), ...change })),
    describe: async (name: string) => (await eks.send(new DescribeClusterCommand({ name }))).cluster!,
    /** Waits until DescribeCluster says so: a status, or the name of an error. */
    async until(name: string, wanted: string): Promise<void> {
      for (const end = Date.now() + 15_000; ; ) {
        const now = await status(name);
        if (now === wanted) return;
        if (Date.now() > end) throw new Error(`${name} is ${now}, wanted ${wanted}; ${lines.join(' | ')}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    assume: async (name: string, session = 'acc_1') => {
      const { Credentials } = await sts.send(
        new AssumeRoleCommand({ RoleArn: roleArn(name), RoleSessionName: session }),
      );
      return {
        accessKeyId: Credentials!.AccessKeyId!,
        secretAccessKey: Credentials!.SecretAccessKey!,
        sessionToken: Credentials!.SessionToken!,
        expiration: Credentials!.Expiration!,
      };
    },
    config,
    [Symbol.asyncDispose]: async () => {
      await plugin.stop!();
      endpoint.server.closeAllConnections();
      await new Promise((resolve) => endpoint.server.close(resolve));
    },
  };
}

/** The call that our workflow makes: Auto Mode, all three parts. */
export const autoMode = (name: string): CreateClusterCommandInput => ({
  name,
  version: '1.35',
  roleArn: roleArn('cluster'),
  resourcesVpcConfig: { subnetIds: ['subnet-a', 'subnet-b'], endpointPublicAccess: true, endpointPrivateAccess: true },
  computeConfig: { enabled: true, nodePools: ['system'], nodeRoleArn: roleArn('node') },
  kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
  storageConfig: { blockStorage: { enabled: true } },
  accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
  upgradePolicy: { supportType: 'STANDARD' },
  bootstrapSelfManagedAddons: false,
  tags: { roadstead: 'test' },
});
