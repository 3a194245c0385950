/** Why a dev pod is not running: Kubernetes' own words, and ours. */
import { expect, test } from 'vitest';
import { explain, REASONS, type Reason } from '#core/domain/seat/reasons.ts';
import { type Seen, type SeenEvent, type SeenPod, whyNotRunning } from '#core/domain/seat/why.ts';

const pod = (status: SeenPod['status'], more: Partial<SeenPod> = {}): SeenPod => ({
  deleting: false,
  spec: { nodeName: 'one' },
  status: { phase: 'Pending', ...status },
  ...more,
});
type Container = NonNullable<SeenPod['status']['containerStatuses']>[number];
const container = (state: Container['state'], more: Partial<Container> = {}) =>
  pod({ containerStatuses: [{ restartCount: 0, state: state ?? {}, ...more }] });
const waiting = (reason: string, message?: string) => ({ waiting: { reason, ...(message ? { message } : {}) } });
const created = (message: string): Partial<Seen> => ({
  events: [{ kind: 'StatefulSet', reason: 'FailedCreate', message }],
});
const unscheduled = (message: string, events: SeenEvent[] = [], phase = 'Pending'): Partial<Seen> => ({
  pod: pod({ conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }] }, { spec: {} }),
  claims: [{ name: 'home-w', phase }],
  events,
});
const failed = 'create Pod w-0 in StatefulSet w failed error: pods "w-0" is forbidden: ';
const claimEvent = (reason: string, message: string): SeenEvent => ({ kind: 'PersistentVolumeClaim', reason, message });
const disruption = (reason: string) =>
  pod(
    { conditions: [{ type: 'DisruptionTarget', status: 'True', reason, message: 'node one is going' }] },
    { deleting: true },
  );

const cases: [string, Reason, Partial<Seen>, string?][] = [
  [
    'a pod that is ready',
    'Running',
    { pod: pod({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }) },
  ],
  ['no pod is wanted', 'Stopped', { runState: 'Stopped' }],
  ['no pod is wanted and there is one', 'Stopping', { runState: 'Stopped', pod: pod({}) }],
  ['no pod yet', 'Starting', {}],
  ['a pod that nobody looked at', 'Starting', { pod: pod({}, { spec: {} }) }],
  ['the image comes', 'Starting', { pod: container(waiting('ContainerCreating')) }],
  ['the old pod ends', 'Restarting', { pod: pod({}, { deleting: true }) }],
  ['no sshd', 'NotReady', { pod: container({ running: {} }) }],
  [
    'no sshd after a crash',
    'NotReady',
    { pod: container({ running: {} }, { restartCount: 2, lastState: { terminated: { reason: 'Error' } } }) },
    'ended 2 times, last with Error',
  ],
  [
    'an unknown image',
    'ImagePull',
    { pod: container(waiting('ErrImagePull', 'manifest unknown')) },
    'manifest unknown',
  ],
  [
    'an unknown image, later',
    'ImagePull',
    { pod: container(waiting('ImagePullBackOff', 'Back-off pulling image "x"')) },
  ],
  ['an image name that is none', 'ImagePull', { pod: container(waiting('InvalidImageName')) }],
  [
    'a missing key',
    'ContainerConfig',
    { pod: container(waiting('CreateContainerConfigError', 'secret "w" not found')) },
    'secret "w" not found',
  ],
  ['no such command', 'ContainerConfig', { pod: container(waiting('RunContainerError', 'exec: "x": not found')) }],
  [
    'it ends again and again',
    'CrashLoop',
    {
      pod: container(waiting('CrashLoopBackOff'), {
        restartCount: 4,
        lastState: { terminated: { reason: 'Error', exitCode: 1 } },
      }),
      lastLog: 'sshd: no hostkeys available -- exiting.\n',
    },
    'exit code 1, 4 restarts; last lines:\nsshd: no hostkeys available -- exiting.',
  ],
  [
    'it has just ended',
    'CrashLoop',
    { pod: container({ terminated: { reason: 'Completed', exitCode: 0 } }) },
    'exit code 0',
  ],
  ['a pod that failed', 'CrashLoop', { pod: pod({ phase: 'Failed', reason: 'DeadlineExceeded' }) }],
  ['too much memory', 'OOMKilled', { pod: container({ terminated: { reason: 'OOMKilled', exitCode: 137 } }) }],
  [
    'too much memory, again',
    'OOMKilled',
    { pod: container(waiting('CrashLoopBackOff'), { lastState: { terminated: { reason: 'OOMKilled' } } }) },
  ],
  [
    'the quota is used up',
    'QuotaExceeded',
    created(
      `${failed}exceeded quota: team, requested: requests.cpu=500m, used: requests.cpu=2, limited: requests.cpu=2`,
    ),
    'limited: requests.cpu=2',
  ],
  ['the quota wants limits', 'QuotaExceeded', created(`${failed}failed quota: team: must specify limits.cpu for: dev`)],
  [
    'Pod Security',
    'PodSecurity',
    created(`${failed}violates PodSecurity "restricted:latest": hostPort (container "dev" uses hostPort 80)`),
  ],
  ['a limit range', 'LimitRange', created(`${failed}maximum cpu usage per Container is 1, but limit is 2`)],
  [
    'a limit range of ratios',
    'LimitRange',
    created(`${failed}cpu max limit to request ratio per Container is 2, but provided ratio is 4.0`),
  ],
  [
    'the fence',
    'PolicyRefused',
    created(
      `${failed}ValidatingAdmissionPolicy 'roadstead-seat-pods' with binding 'roadstead-seat-pods' denied request: a dev pod selects nodes only by …`,
    ),
  ],
  [
    'a webhook of the admin',
    'PolicyRefused',
    created('admission webhook "images.example.com" denied the request: not signed'),
  ],
  ['no such runtime class', 'ProfileInvalid', created(`${failed}pod rejected: RuntimeClass "gvisor" not found`)],
  ['a refusal of no known kind', 'Starting', created(`${failed}the moon is full`), 'the moon is full'],
  [
    'no room',
    'Unschedulable',
    unscheduled('0/3 nodes are available: 3 Insufficient cpu.', [], 'Bound'),
    '3 Insufficient cpu',
  ],
  [
    'no room where the volume is',
    'ZoneFull',
    unscheduled(
      '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had volume node affinity conflict.',
      [],
      'Bound',
    ),
  ],
  [
    'no storage class',
    'NoStorageClass',
    unscheduled('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.', [
      claimEvent('FailedBinding', 'no persistent volumes available for this claim and no storage class is set'),
    ]),
  ],
  [
    'an unknown storage class',
    'NoStorageClass',
    unscheduled('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.', [
      claimEvent('ProvisioningFailed', 'storageclass.storage.k8s.io "fast" not found'),
    ]),
  ],
  [
    'a volume that cannot be made',
    'VolumePending',
    unscheduled('pod has unbound immediate PersistentVolumeClaims', [
      claimEvent('ProvisioningFailed', 'rpc error: code = Internal desc = could not create volume'),
    ]),
    'could not create volume',
  ],
  ['a volume that is being made', 'VolumePending', unscheduled('pod has unbound immediate PersistentVolumeClaims')],
  ['a claim that is not there', 'VolumePending', unscheduled('persistentvolumeclaim "home-w" not found', [], 'Bound')],
  [
    'a volume on another node',
    'VolumePending',
    {
      pod: container(waiting('ContainerCreating')),
      events: [{ kind: 'Pod', reason: 'FailedAttachVolume', message: 'Multi-Attach error for volume "pvc-1"' }],
    },
    'Multi-Attach error',
  ],
  [
    'a volume on another node, before the container',
    'VolumePending',
    {
      pod: pod({}),
      events: [{ kind: 'Pod', reason: 'FailedMount', message: 'timed out' }],
    },
  ],
  ['a lost volume', 'VolumeLost', { claims: [{ name: 'home-w', phase: 'Lost' }] }, 'home-w'],
  [
    'a node short of memory',
    'Evicted',
    { pod: pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' }) },
    'low on resource',
  ],
  ['a node short of memory, on its way', 'Evicted', { pod: disruption('TerminationByKubelet') }],
  ['a node that shuts down', 'NodeReplaced', { pod: pod({ phase: 'Failed', reason: 'NodeShutdown' }) }],
  ['a node that is drained', 'NodeReplaced', { pod: disruption('EvictionByEvictionAPI') }, 'node one is going'],
  ['a node that is lost', 'NodeReplaced', { pod: disruption('DeletionByTaintManager') }],
];

test.each<[string, Reason, Partial<Seen>, string?]>(cases)('%s: %s', (_, reason, seen, words) => {
  const found = whyNotRunning({ runState: 'Running', ...seen });
  expect(found.reason).toBe(reason);
  expect(found.message.startsWith(REASONS[reason])).toBe(true);
  if (words) expect(found.message).toContain(words);
});

/** What the agent and the control plane say of themselves, not read from a pod. */
const SAID: readonly Reason[] = [
  'Idle',
  'Deleting',
  'PolicyInvalid',
  'SpecInvalid',
  'VolumeNotGrown',
  'VolumeConflict',
  'NamespaceConflict',
  'NamespaceUnmanaged',
  'SecretsUnavailable',
  'AgentOffline',
];

test('every reason is read from a cluster in a case above, or said by the agent or the control plane', () => {
  const read = new Set(cases.map(([, reason]) => reason));
  expect(
    Object.keys(REASONS)
      .filter((reason) => !read.has(reason as Reason))
      .sort(),
  ).toEqual([...SAID].sort());
});

test.each(SAID)('%s is a sentence by itself and with a detail', (reason) => {
  expect(explain(reason)).toEqual({ reason, message: REASONS[reason] });
  expect(explain(reason, ' so ').message).toBe(`${REASONS[reason]} (so)`);
});

test('sentences are short enough to leave room for what a tenant wrote, and that is cut and cleaned', () => {
  for (const sentence of Object.values(REASONS)) expect(sentence.length).toBeLessThan(256);
  const { message } = whyNotRunning({
    runState: 'Running',
    pod: container(waiting('CrashLoopBackOff')),
    lastLog: `${'x'.repeat(5000)}\u001b]52;c;ZXZpbA==\u0007\u202e the end`,
  });
  expect(message.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
  expect(message).toContain('the end');
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
});

test('the newest event counts', () => {
  const events = [
    ...(created(`${failed}exceeded quota: team`).events ?? []),
    ...(created(`${failed}violates PodSecurity`).events ?? []),
  ];
  expect(whyNotRunning({ runState: 'Running', events }).reason).toBe('PodSecurity');
});
