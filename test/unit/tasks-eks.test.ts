import { describe, expect, it } from 'vitest';
import { decideCluster } from '#core/domain/cluster.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { newId } from '#functions/lib/deps.ts';
import { toTaskError } from '#functions/lib/task-error.ts';
import { eksProvider } from '#functions/tasks/providers/eks/eks.ts';
import { eksLeftovers } from '#functions/tasks/providers/eks/leftovers.ts';
import type { EksSettings } from '#functions/tasks/providers/eks/parts.ts';
import { LIMITS, START, spec, TIMINGS } from '../builders/world.ts';

const cluster = (compute: 'auto' | 'managed' = 'auto') =>
  decideCluster(
    { cluster: null, operation: null },
    {
      type: 'create',
      actor: 'account:acc_1',
      account: 'acc_1',
      team: 'team_1',
      spec: spec({ options: { compute }, workers: { count: 3, size: 'medium' } }),
      limits: LIMITS,
      timings: TIMINGS,
    },
    { now: START, newId },
  ).next;

const SETTINGS: EksSettings = {
  deploymentId: 'dep-1',
  region: 'eu-west-1',
  clusterRoleArn: 'arn:aws:iam::1:role/cluster',
  nodeRoleArn: 'arn:aws:iam::1:role/node',
  managedNodeRoleArn: 'arn:aws:iam::1:role/node',
  volumeDriverRoleArn: 'arn:aws:iam::1:role/volumes',
  subnetIds: ['subnet-a', 'subnet-b'],
  accessRoleArn: 'arn:aws:iam::1:role/access',
  viewerRoleArn: 'arn:aws:iam::1:role/viewer',
  editorRoleArn: 'arn:aws:iam::1:role/editor',
  adminRoleArn: 'arn:aws:iam::1:role/admin',
};

/** An error as the SDK throws it. */
const aws = (name: string, httpStatusCode = 400, message = 'no'): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

// biome-ignore lint/suspicious/noExplicitAny: inputs of many commands
type Answers = Readonly<Record<string, (input: any, nth: number) => unknown>>;

/** A client: answers by the command's name, keeps what was sent. */
const client = (answers: Answers) => {
  // biome-ignore lint/suspicious/noExplicitAny: inputs of many commands
  const sent: { name: string; input: any }[] = [];
  return {
    sent,
    names: () => sent.map(({ name }) => name),
    send: async (command: object): Promise<unknown> => {
      const name = command.constructor.name.replace(/Command$/, '');
      const { input } = command as { input: unknown };
      sent.push({ name, input });
      const answer = answers[name];
      if (answer === undefined) throw new Error(`the test gives no answer to ${name}`);
      const value = answer(input, sent.filter((each) => each.name === name).length);
      if (value instanceof Error) throw value;
      return value;
    },
  };
};

const setUp = (answers: Answers, settings: EksSettings = SETTINGS) => {
  const eks = client(answers);
  const sts = client({
    AssumeRole: () => ({ Credentials: { AccessKeyId: 'AKIA1', SecretAccessKey: 'secret', SessionToken: 'session' } }),
  });
  const provider = eksProvider({ eks: eks as never, sts: sts as never, settings, now: () => START });
  return { provider, eks, sts };
};

const described = (of: { id: string }, change: object = {}) => ({
  cluster: {
    name: `rs-${of.id.slice(4)}`,
    status: 'ACTIVE',
    endpoint: 'https://abc.eks.example',
    certificateAuthority: { data: 'Q0E=' },
    tags: { 'roadstead:deployment': 'dep-1', 'roadstead:cluster': of.id },
    ...change,
  },
});

/** Nothing is there. */
const NONE: Answers = { DescribeCluster: () => aws('ResourceNotFoundException', 404) };

describe('asking EKS for a cluster', () => {
  it('is one complete Auto Mode call, named by the id and never by what a person typed', async () => {
    const asked = cluster();
    const { provider, eks } = setUp({ ...NONE, CreateCluster: () => ({}) });
    expect(await provider.ensure(asked)).toBe('going');
    expect(eks.sent.slice(1)).toEqual([
      {
        name: 'CreateCluster',
        input: {
          name: `rs-${asked.id.slice(4)}`,
          version: '1.35',
          roleArn: 'arn:aws:iam::1:role/cluster',
          resourcesVpcConfig: {
            subnetIds: ['subnet-a', 'subnet-b'],
            endpointPublicAccess: true,
            endpointPrivateAccess: true,
          },
          accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
          upgradePolicy: { supportType: 'STANDARD' },
          computeConfig: { enabled: true, nodePools: ['system'], nodeRoleArn: 'arn:aws:iam::1:role/node' },
          kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
          storageConfig: { blockStorage: { enabled: true } },
          bootstrapSelfManagedAddons: false,
          tags: { 'roadstead:deployment': 'dep-1', 'roadstead:cluster': asked.id },
        },
      },
    ]);
  });

  it('leaves Auto Mode off for managed node groups, with the add-ons that nodes then need', async () => {
    const { provider, eks } = setUp({ ...NONE, CreateCluster: () => ({}) });
    await provider.ensure(cluster('managed'));
    expect(eks.sent[1]?.input).toMatchObject({ bootstrapSelfManagedAddons: true });
    expect(eks.sent[1]?.input).not.toHaveProperty('computeConfig');
    expect(eks.sent[1]?.input).not.toHaveProperty('storageConfig');
  });

  it.each([
    ['ACTIVE', 'active'],
    ['UPDATING', 'active'],
    ['CREATING', 'going'],
    ['DELETING', 'absent'],
  ])('finds the one that is there already, %s', async (status, progress) => {
    const asked = cluster();
    const { provider } = setUp({ DescribeCluster: () => described(asked, { status }) });
    expect(await provider.ensure(asked)).toBe(progress);
  });

  it('takes one away that EKS failed to make, so that it can be made anew', async () => {
    const asked = cluster();
    const { provider, eks } = setUp({
      DescribeCluster: () => described(asked, { status: 'FAILED' }),
      DeleteCluster: () => ({}),
    });
    expect(await provider.ensure(asked)).toBe('absent');
    expect(eks.names()).toEqual(['DescribeCluster', 'DeleteCluster']);
  });

  it('bears that another call was faster', async () => {
    const { provider } = setUp({ ...NONE, CreateCluster: () => aws('ResourceInUseException', 409) });
    expect(await provider.ensure(cluster())).toBe('going');
  });

  it.each([
    ['another cluster of ours', { 'roadstead:deployment': 'dep-1', 'roadstead:cluster': 'clu_other' }],
    ['another deployment', { 'roadstead:deployment': 'dep-2' }],
    ['nobody', {}],
  ])('touches nothing that belongs to %s', async (_, tags) => {
    const asked = cluster();
    if ('roadstead:deployment' in tags && tags['roadstead:deployment'] === 'dep-2')
      Object.assign(tags, { 'roadstead:cluster': asked.id });
    const { provider, eks } = setUp({ DescribeCluster: () => described(asked, { status: 'FAILED', tags }) });
    await expect(provider.ensure(asked)).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringContaining('provider.name_taken'),
    });
    expect(eks.names()).not.toContain('DeleteCluster');
  });

  it('lets throttling through as what may pass, and a refusal as what does not', async () => {
    for (const [error, name] of [
      [aws('ThrottlingException', 429), 'Retryable'],
      [aws('TooManyRequestsException', 400), 'Retryable'],
      [aws('ServerException', 500), 'Retryable'],
      [aws('AccessDeniedException', 403), 'Permanent'],
      [aws('ResourceLimitExceededException', 400), 'Permanent'],
    ] as const) {
      const { provider } = setUp({ ...NONE, CreateCluster: () => error });
      const reason = await provider.ensure(cluster()).catch((caught) => toTaskError(caught));
      expect(reason, error.name).toMatchObject({ name });
    }
  });

  it('names the setting that the deployment lacks', async () => {
    const { provider } = setUp(NONE, { deploymentId: 'dep-1', region: 'eu-west-1' });
    await expect(provider.ensure(cluster())).rejects.toMatchObject({
      name: 'Permanent',
      message: expect.stringMatching(/provider\.misconfigured.*clusterRoleArn/),
    });
  });
});

describe('looking at a cluster', () => {
  it('says what EKS says when it failed', async () => {
    const asked = cluster();
    const issues = [{ code: 'InsufficientFreeAddresses', message: 'subnet-a is full' }];
    const { provider } = setUp({ DescribeCluster: () => described(asked, { status: 'FAILED', health: { issues } }) });
    await expect(provider.observe(asked)).rejects.toThrow(
      'provider.failed: EKS could not make the cluster: InsufficientFreeAddresses: subnet-a is full',
    );
  });

  it('says absent when EKS knows nothing of it', async () => {
    const { provider } = setUp({ DescribeCluster: () => aws('ResourceNotFoundException', 404) });
    expect(await provider.observe(cluster())).toBe('absent');
    expect(await provider.describe(cluster())).toBeNull();
  });
});

describe('access', () => {
  it('is given to our role and the people’s three, and again without harm', async () => {
    const { provider, eks } = setUp({
      CreateAccessEntry: (_, nth) => (nth === 2 ? aws('ResourceInUseException', 409) : {}),
      AssociateAccessPolicy: () => ({}),
    });
    await provider.grantAccess(cluster());
    const entries = eks.sent.filter(({ name }) => name === 'CreateAccessEntry').map(({ input }) => input);
    expect(entries.map(({ principalArn, username }) => [principalArn.split('/')[1], username])).toEqual([
      ['access', undefined],
      ['viewer', 'roadstead:{{SessionName}}'],
      ['editor', 'roadstead:{{SessionName}}'],
      ['admin', 'roadstead:{{SessionName}}'],
    ]);
    const policies = eks.sent.filter(({ name }) => name === 'AssociateAccessPolicy').map(({ input }) => input);
    expect(policies.map(({ principalArn, policyArn }) => [principalArn.split('/')[1], policyArn])).toEqual([
      ['access', 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy'],
      ['viewer', 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy'],
      ['editor', 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy'],
      ['admin', 'arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy'],
    ]);
    expect(policies.every(({ accessScope }) => accessScope.type === 'cluster')).toBe(true);
  });

  it('is tried again while an entry is not everywhere yet', async () => {
    const { provider } = setUp({
      CreateAccessEntry: () => ({}),
      AssociateAccessPolicy: () => aws('ResourceNotFoundException', 404),
    });
    await expect(provider.grantAccess(cluster())).rejects.toMatchObject({ name: 'Retryable' });
  });

  it('for the bootstrap is a token of the assumed role for this cluster', async () => {
    const asked = cluster();
    const { provider, sts } = setUp({ DescribeCluster: () => described(asked) });
    const access = await provider.access(asked);
    expect(access).toMatchObject({ endpoint: 'https://abc.eks.example', ca: 'Q0E=' });
    expect(sts.sent[0]?.input).toMatchObject({ RoleArn: 'arn:aws:iam::1:role/access', DurationSeconds: 900 });
    const url = new URL(Buffer.from(access?.token.slice('k8s-aws-v1.'.length) ?? '', 'base64url').toString());
    expect(url.host).toBe('sts.eu-west-1.amazonaws.com');
    expect(url.searchParams.get('X-Amz-Credential')).toContain('AKIA1');
  });
});

describe('compute', () => {
  const applying = async (compute: 'auto' | 'managed', answers: Answers) => {
    const asked = cluster(compute);
    const { provider, eks } = setUp({ DescribeCluster: () => described(asked), ...answers });
    const applied: KubernetesObject[] = [];
    await provider.ensureCompute(asked, () => ({
      apply: async (object) => void applied.push(object),
      uid: async () => null,
    }));
    return { asked, provider, eks, applied };
  };

  it('in Auto Mode is a pool with the limits that were asked for, network policies that hold, and a default StorageClass', async () => {
    const { asked, provider, applied, eks } = await applying('auto', {});
    expect(applied.map(({ kind }) => kind)).toEqual(['NodePool', 'ConfigMap', 'StorageClass']);
    expect(applied[0]).toMatchObject({
      apiVersion: 'karpenter.sh/v1',
      spec: {
        limits: { cpu: '12', memory: '48Gi' },
        disruption: { consolidationPolicy: 'WhenEmpty', budgets: expect.any(Array) },
        template: { spec: { nodeClassRef: { group: 'eks.amazonaws.com', kind: 'NodeClass', name: 'default' } } },
      },
    });
    expect(JSON.stringify(applied[0])).toContain('"kubernetes.io/arch","operator":"In","values":["amd64"]');
    expect(applied[1]).toMatchObject({
      metadata: { name: 'amazon-vpc-cni', namespace: 'kube-system' },
      data: { 'enable-network-policy-controller': 'true' },
    });
    expect(applied[2]).toMatchObject({
      provisioner: 'ebs.csi.eks.amazonaws.com',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
      metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    });
    expect(applied[2]?.parameters).toEqual({ type: 'gp3', encrypted: 'true' });
    expect(await provider.observeCompute(asked)).toBe('active');
    expect(eks.names()).toEqual(['DescribeCluster']);
  });

  it('of a managed node group is that group, made once, and looked at until it is active', async () => {
    let nodegroup: object | undefined;
    const { asked, provider, eks, applied } = await applying('managed', {
      CreateNodegroup: () => aws('ResourceInUseException', 409),
      CreateAddon: () => ({}),
      DescribeNodegroup: () => (nodegroup === undefined ? aws('ResourceNotFoundException', 404) : { nodegroup }),
    });
    expect(eks.sent.find(({ name }) => name === 'CreateNodegroup')?.input).toMatchObject({
      instanceTypes: ['m7i.xlarge'],
      scalingConfig: { minSize: 3, maxSize: 3, desiredSize: 3 },
      tags: { 'roadstead:cluster': asked.id, 'roadstead:operation': asked.operationId },
    });
    expect(applied).toMatchObject([
      {
        kind: 'StorageClass',
        provisioner: 'ebs.csi.aws.com',
        // Volumes that outlive the cluster are found by it.
        parameters: { tagSpecification_1: `eks:eks-cluster-name=rs-${asked.id.slice(4)}` },
      },
    ]);
    expect(await provider.observeCompute(asked)).toBe('absent');
    for (const [status, progress] of [
      ['CREATING', 'going'],
      ['DELETING', 'going'],
      ['ACTIVE', 'active'],
    ]) {
      nodegroup = { status };
      expect(await provider.observeCompute(asked)).toBe(progress);
    }
  });

  it('of a managed node group brings credentials of its own to what makes volumes, and none through the node', async () => {
    const { eks } = await applying('managed', {
      DescribeNodegroup: () => aws('ResourceNotFoundException', 404),
      CreateNodegroup: () => ({}),
      CreateAddon: () => ({}),
    });
    expect(eks.sent.filter(({ name }) => name === 'CreateAddon').map(({ input }) => input)).toEqual([
      expect.objectContaining({ addonName: 'eks-pod-identity-agent' }),
      expect.objectContaining({
        addonName: 'aws-ebs-csi-driver',
        podIdentityAssociations: [{ serviceAccount: 'ebs-csi-controller-sa', roleArn: 'arn:aws:iam::1:role/volumes' }],
      }),
      expect.objectContaining({ addonName: 'vpc-cni', configurationValues: '{"enableNetworkPolicy":"true"}' }),
    ]);
  });

  it.each(['CREATE_FAILED', 'DEGRADED', 'DELETE_FAILED'])(
    'of a node group that is %s fails the operation that made it, and is made anew by the next',
    async (status) => {
      const issues = [{ code: 'AsgInstanceLaunchFailures', message: 'quota' }];
      const nodegroup: { status: string; tags: object; health: object } = { status, tags: {}, health: { issues } };
      const { asked, provider, eks } = await applying('managed', {
        CreateAddon: () => ({}),
        DescribeNodegroup: () => ({ nodegroup }),
        DeleteNodegroup: () => ({}),
      });
      // It was another operation's: it goes, and its failure is nobody's any more.
      expect(eks.names()).toContain('DeleteNodegroup');
      expect(await provider.observeCompute(asked)).toBe('going');

      nodegroup.tags = { 'roadstead:operation': asked.operationId };
      await provider.ensureCompute(asked, () => ({ apply: async () => {}, uid: async () => null }));
      expect(eks.names().filter((name) => name === 'DeleteNodegroup')).toHaveLength(1);
      await expect(provider.observeCompute(asked)).rejects.toThrow('AsgInstanceLaunchFailures: quota');
    },
  );
});

describe('removal', () => {
  it('deletes node groups first, then the cluster, then only looks', async () => {
    const asked = cluster();
    let status = 'ACTIVE';
    let groups = ['roadstead', 'by-hand'];
    const { provider, eks } = setUp({
      DescribeCluster: () => described(asked, { status }),
      ListNodegroups: () => ({ nodegroups: groups }),
      DeleteNodegroup: (_, nth) => (nth === 1 ? aws('ResourceInUseException', 409) : {}),
      DeleteCluster: () => ({}),
    });
    expect(await provider.remove('rs-1')).toBe('blocked');
    expect(eks.names()).not.toContain('DeleteCluster');
    groups = [];
    expect(await provider.remove('rs-1')).toBe('going');
    status = 'DELETING';
    expect(await provider.remove('rs-1')).toBe('going');
    expect(eks.names().filter((name) => name === 'DeleteCluster')).toHaveLength(1);
    expect(await provider.observeGone('rs-1')).toBe('going');
  });

  it('asks again while an update is under way, and when EKS gave the deletion up', async () => {
    const asked = cluster();
    const { provider } = setUp({
      DescribeCluster: () => described(asked, { status: 'CREATING' }),
      ListNodegroups: () => ({ nodegroups: [] }),
      DeleteCluster: () => aws('ResourceInUseException', 409),
    });
    expect(await provider.remove('rs-1')).toBe('blocked');
    expect(await provider.observeGone('rs-1')).toBe('blocked');
  });

  it('is done when EKS knows nothing of the cluster, also between two calls', async () => {
    const gone = aws('ResourceNotFoundException', 404);
    expect(await setUp({ DescribeCluster: () => gone }).provider.remove('rs-1')).toBe('gone');
    expect(await setUp({ DescribeCluster: () => gone }).provider.observeGone('rs-1')).toBe('gone');
    const { provider } = setUp({ DescribeCluster: () => described(cluster()), ListNodegroups: () => gone });
    expect(await provider.remove('rs-1')).toBe('gone');
  });
});

describe('leftovers', () => {
  it('are found by the tag of AWS, deleted kind by kind, and counted while something holds them', async () => {
    const ec2 = client({
      DescribeSnapshots: () => ({ Snapshots: [{ SnapshotId: 'snap-1' }] }),
      DescribeVolumes: () => ({ Volumes: [{ VolumeId: 'vol-1' }, { VolumeId: 'vol-2' }] }),
      DescribeNetworkInterfaces: () => ({
        NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }, { NetworkInterfaceId: 'eni-2', RequesterManaged: true }],
      }),
      DescribeSecurityGroups: () => ({ SecurityGroups: [{ GroupId: 'sg-1' }] }),
      DeleteSnapshot: () => ({}),
      DeleteVolume: (_, nth) => (nth === 1 ? aws('VolumeInUse') : aws('InvalidVolume.NotFound')),
      DeleteNetworkInterface: () => ({}),
      DeleteSecurityGroup: () => aws('DependencyViolation'),
    });
    expect(await eksLeftovers(ec2 as never)('rs-1')).toBe(2);
    for (const { name, input } of ec2.sent.filter((each) => each.name.startsWith('Describe')))
      expect(input.Filters, name).toEqual([{ Name: 'tag:eks:eks-cluster-name', Values: ['rs-1'] }]);
    expect(ec2.sent.find(({ name }) => name === 'DescribeSnapshots')?.input.OwnerIds).toEqual(['self']);
    expect(
      ec2.sent.filter(({ name }) => name === 'DeleteNetworkInterface').map(({ input }) => input.NetworkInterfaceId),
    ).toEqual(['eni-1']);
  });

  it('are none when nothing carries the tag, and more when there is another page', async () => {
    const empty = {
      DescribeSnapshots: () => ({}),
      DescribeVolumes: () => ({}),
      DescribeNetworkInterfaces: () => ({}),
      DescribeSecurityGroups: () => ({}),
    };
    expect(await eksLeftovers(client(empty) as never)('rs-1')).toBe(0);
    expect(
      await eksLeftovers(client({ ...empty, DescribeVolumes: () => ({ Volumes: [], NextToken: 'n' }) }) as never)(
        'rs-1',
      ),
    ).toBe(1);
  });

  it('that may not be deleted stop the sweep with the reason', async () => {
    const ec2 = client({
      DescribeSnapshots: () => ({}),
      DescribeVolumes: () => ({ Volumes: [{ VolumeId: 'vol-1' }] }),
      DescribeNetworkInterfaces: () => ({}),
      DescribeSecurityGroups: () => ({}),
      DeleteVolume: () => aws('UnauthorizedOperation', 403),
    });
    await expect(eksLeftovers(ec2 as never)('rs-1')).rejects.toMatchObject({ name: 'UnauthorizedOperation' });
  });
});

describe('the inventory', () => {
  it('lists the clusters of this deployment, of every page, and no other', async () => {
    const mine = cluster();
    const name = `rs-${mine.id.slice(4)}`;
    const { provider } = setUp({
      ListClusters: ({ nextToken }) =>
        nextToken === undefined
          ? { clusters: ['somebody-elses', 'rs-foreign'], nextToken: 'n' }
          : { clusters: [name, 'rs-gone'] },
      DescribeCluster: (input) =>
        input.name === 'rs-gone'
          ? aws('ResourceNotFoundException', 404)
          : input.name === name
            ? described(mine, { createdAt: new Date(START) })
            : described(mine, { tags: { 'roadstead:deployment': 'dep-2' } }),
    });
    expect(await provider.listOwned()).toEqual([{ name, clusterId: mine.id, createdAt: START }]);
  });

  it('offers the versions in standard support, newest first, the newest as default', async () => {
    const { provider, eks } = setUp({
      DescribeClusterVersions: () => ({
        clusterVersions: [{ clusterVersion: '1.9' }, { clusterVersion: '1.36' }, { clusterVersion: '1.35' }],
      }),
    });
    expect(await provider.versions()).toEqual({ default: '1.36', offered: ['1.36', '1.35', '1.9'] });
    expect(eks.sent[0]?.input).toMatchObject({ versionStatus: 'STANDARD_SUPPORT' });
  });

  it('is asked again later when EKS names no version', async () => {
    const { provider } = setUp({ DescribeClusterVersions: () => ({}) });
    await expect(provider.versions()).rejects.toMatchObject({ name: 'Retryable' });
  });
});
