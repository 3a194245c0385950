/** The fence around pods: each way by which Pod Security `restricted` still lets a tenant out is refused (kubernetes.md finding 7). */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podName, seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { Profile } from '#core/domain/seat/profile.ts';
import { renderSeat } from '#core/domain/seat/render.ts';
import { anySpec, SEAT_ID, seatOf, TEAM_ID } from '#test/builders/seat-specs.ts';
import { type Fenced, namespaceOf, startFenced } from './support/fenced.ts';

const namespace = teamNamespace(TEAM_ID);
const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
let fenced: Fenced;
beforeAll(async () => {
  fenced = await startFenced();
  // Ends of the team's quota are not asked for here.
  for (const object of namespaceOf(TEAM_ID)) if (object.kind !== 'ResourceQuota') await fenced.apply(object);
  const { accessAccount } = renderSeat(seatOf(), { namespace, profile: Profile.parse({}), deploymentId: 'roadstead' });
  await fenced.apply(accessAccount);
});
afterAll(() => fenced?.server.stop());

interface Pod {
  metadata: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a pod that is changed at any place.
  spec: any;
}

/** The pod of a rendered seat, as the StatefulSet's controller makes it. */
const podOf = (seat = seatOf(), profile = Profile.parse({})): Pod => {
  const { statefulSet } = renderSeat(seat, { namespace, profile, deploymentId: 'roadstead' });
  const { template } = structuredClone(statefulSet.spec) as { template: Pod };
  return {
    metadata: { ...template.metadata, name: podName(seat.id), namespace },
    spec: { ...template.spec, hostname: podName(seat.id), subdomain: seatName(seat.id) },
  };
};
const create = (pod: Pod) => fenced.server.post(path, { apiVersion: 'v1', kind: 'Pod', ...pod });
const accepted = async (pod: Pod) => {
  const answer = await create(pod);
  expect(answer.status, answer.text).toBe(201);
};

describe('the pods that are rendered pass', () => {
  test('of any spec', async () => {
    await fc.assert(
      fc.asyncProperty(anySpec, async (spec) => {
        const id = spec.id ?? SEAT_ID;
        await accepted(podOf({ ...seatOf(), id, spec }));
      }),
      { numRuns: 40 },
    );
  });

  test('of any profile that is valid', async () => {
    const profile = Profile.parse({
      nodeSelector: { 'roadstead.dev/pool': 'big', 'kubernetes.io/arch': 'arm64', 'topology.kubernetes.io/zone': 'a' },
      tolerations: [{ key: 'roadstead.dev/dev', operator: 'Equal', value: 'x' }, { key: 'nvidia.com/gpu' }],
      gpuResource: 'nvidia.com/gpu',
      pullSecret: true,
    });
    await accepted(podOf(seatOf({ resources: { ...seatOf().spec.resources, gpus: 1 } }), profile));
  });
});

const ws = seatName(SEAT_ID);
const container = (change: Record<string, unknown>) => (pod: Pod) => Object.assign(pod.spec.containers[0], change);
const spec = (change: Record<string, unknown>) => (pod: Pod) => Object.assign(pod.spec, change);
const volume = (change: Record<string, unknown>) => (pod: Pod) => pod.spec.volumes.push({ name: 'extra', ...change });
const mount = (change: Record<string, unknown>) => (pod: Pod) =>
  pod.spec.containers[0].volumeMounts.push({ name: 'home', ...change });

const NODE = 'a dev pod chooses neither its node nor its scheduler nor a priority of others';
const TOLERATION = 'a dev pod tolerates only taints';
const SELECTOR = 'a dev pod selects nodes only by';
const DNS = 'a dev pod has the DNS of the cluster and no host aliases';
const VOLUME = 'a dev pod mounts its own claims, its own Secret and scratch space';
const MOUNT = 'a dev pod mounts only where people keep files';
const ENVIRONMENT = 'a dev pod reads the environment from its own Secret alone';
const ACCOUNT =
  'a dev pod carries the label roadstead.dev/workspace, runs as the service account seat and mounts no token';
const GROUP = 'a dev pod has the group 1000 alone';

test.each<[string, (pod: Pod) => unknown, string]>([
  ['no label', (pod) => delete (pod.metadata.labels as Record<string, string>)['roadstead.dev/workspace'], ACCOUNT],
  ['another service account', spec({ serviceAccountName: `access-${ws}` }), ACCOUNT],
  ['a mounted token', spec({ automountServiceAccountToken: true }), ACCOUNT],
  ['a node', spec({ nodeName: 'one' }), NODE],
  ['another scheduler', spec({ schedulerName: 'mine' }), NODE],
  ['a priority of the system', spec({ priorityClassName: 'system-cluster-critical' }), NODE],
  ['tolerating everything', spec({ tolerations: [{ operator: 'Exists' }] }), TOLERATION],
  [
    'tolerating the control plane',
    spec({ tolerations: [{ key: 'node-role.kubernetes.io/control-plane', operator: 'Exists' }] }),
    TOLERATION,
  ],
  ['nodes of the control plane', spec({ nodeSelector: { 'node-role.kubernetes.io/control-plane': '' } }), SELECTOR],
  ['one node by its name', spec({ nodeSelector: { 'kubernetes.io/hostname': 'one' } }), SELECTOR],
  ['host aliases', spec({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['github.com'] }] }), DNS],
  ['its own DNS', spec({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.2.3.4'] } }), DNS],
  ['the DNS of the node', spec({ dnsPolicy: 'Default' }), DNS],
  ['affinity', spec({ affinity: { nodeAffinity: {} } }), 'no affinity'],
  ['resource claims', spec({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'others' }] }), 'no resource claims'],
  ['the group root', (pod) => Object.assign(pod.spec.securityContext, { fsGroup: 0 }), GROUP],
  ['another group', (pod) => Object.assign(pod.spec.securityContext, { supplementalGroups: [0] }), GROUP],
  ['one process namespace', spec({ shareProcessNamespace: true }), GROUP],
  ['an end that takes an hour', spec({ terminationGracePeriodSeconds: 3600 }), 'a dev pod ends within two minutes'],
  ['another runtime class', spec({ runtimeClassName: 'privileged' }), 'a dev pod has a runtime class of'],
  ['a colleague’s claim', volume({ persistentVolumeClaim: { claimName: 'home-wsp-other' } }), VOLUME],
  ['its own claim under another name', volume({ persistentVolumeClaim: { claimName: `home-${ws}` } }), VOLUME],
  ['a colleague’s Secret', volume({ secret: { secretName: 'wsp-other' } }), VOLUME],
  ['a projected token', volume({ projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }), VOLUME],
  ['a projected Secret', volume({ projected: { sources: [{ secret: { name: 'wsp-other' } }] } }), VOLUME],
  ['a config map', volume({ configMap: { name: 'kube-root-ca.crt' } }), VOLUME],
  ['an inline CSI volume', volume({ csi: { driver: 'secrets-store.csi.k8s.io' } }), VOLUME],
  [
    'an ephemeral claim',
    volume({
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      },
    }),
    VOLUME,
  ],
  ['an image as a volume', volume({ image: { reference: 'ghcr.io/other/private:1' } }), VOLUME],
  ['a mount over the system', mount({ mountPath: '/etc' }), MOUNT],
  ['a mount beside a place for files', mount({ mountPath: '/home/nodes' }), MOUNT],
  ['a folder from a variable', mount({ mountPath: '/data', subPathExpr: '$(HOSTNAME)' }), MOUNT],
  ['a raw device', container({ volumeDevices: [{ name: 'home', devicePath: '/dev/xvda' }] }), MOUNT],
  ['a colleague’s Secret as environment', container({ envFrom: [{ secretRef: { name: 'wsp-other' } }] }), ENVIRONMENT],
  [
    'a colleague’s key as environment',
    container({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'wsp-other', key: 'A' } } }] }),
    ENVIRONMENT,
  ],
  [
    'a config map as environment',
    container({ envFrom: [{ configMapRef: { name: 'kube-root-ca.crt' } }] }),
    ENVIRONMENT,
  ],
  [
    'a colleague’s Secret in an init container',
    (pod) => {
      const { securityContext, image } = pod.spec.containers[0];
      pod.spec.initContainers = [
        { name: 'init', image, securityContext, envFrom: [{ secretRef: { name: 'wsp-other' } }] },
      ];
    },
    ENVIRONMENT,
  ],
  [
    'another pull secret',
    spec({ imagePullSecrets: [{ name: 'wsp-other' }] }),
    'a dev pod pulls images with the Secret roadstead-pull alone',
  ],
])('%s is refused', async (_, change, sentence) => {
  const pod = podOf();
  change(pod);
  const { status, body } = await create(pod);
  expect(body.message).toContain(sentence);
  expect(status).toBe(422);
});

test.each<[string, (pod: Pod) => unknown]>([
  ['a folder of the node', volume({ hostPath: { path: '/' } })],
  ['the node’s network', spec({ hostNetwork: true })],
  ['root', (pod) => Object.assign(pod.spec.securityContext, { runAsUser: 0 })],
  ['capabilities', (pod) => Object.assign(pod.spec.containers[0].securityContext.capabilities, { add: ['SYS_ADMIN'] })],
])('%s is refused, by Pod Security or by the fence', async (_, change) => {
  const pod = podOf();
  change(pod);
  expect([403, 422]).toContain((await create(pod)).status);
});

describe('a container that is added to a pod that runs', () => {
  const name = podName(SEAT_ID);
  const at = `/api/v1/namespaces/${namespace}/pods`;
  beforeAll(async () => {
    const answer = await fenced.server.post(at, { apiVersion: 'v1', kind: 'Pod', ...podOf() });
    expect(answer.status, answer.text).toBe(201);
  });
  const add = (change: Record<string, unknown>) => {
    const { image, securityContext } = podOf().spec.containers[0];
    const ephemeralContainers = [{ name: 'debugger', image, securityContext, ...change }];
    return fenced.server.call(
      'PATCH',
      `${at}/${name}/ephemeralcontainers?dryRun=All`,
      { spec: { ephemeralContainers } },
      { type: 'application/strategic-merge-patch+json' },
    );
  };

  test.each<[string, Record<string, unknown>]>([
    ['as kubectl debug makes it', { stdin: true, tty: true, targetContainerName: podOf().spec.containers[0].name }],
    ['with the pod’s own Secret', { envFrom: [{ secretRef: { name: ws } }] }],
  ])('passes %s', async (_, change) => {
    const answer = await add(change);
    expect(answer.status, answer.text).toBe(200);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['a colleague’s Secret', { envFrom: [{ secretRef: { name: 'wsp-other' } }] }, ENVIRONMENT],
    [
      'a key of the cluster’s own',
      { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'roadstead-pull', key: 'A' } } }] },
      ENVIRONMENT,
    ],
    ['a config map', { envFrom: [{ configMapRef: { name: 'kube-root-ca.crt' } }] }, ENVIRONMENT],
    ['a mount over the system', { volumeMounts: [{ name: 'home', mountPath: '/etc' }] }, MOUNT],
    ['a raw device', { volumeDevices: [{ name: 'home', devicePath: '/dev/xvda' }] }, MOUNT],
  ])('is refused with %s', async (_, change, sentence) => {
    const { status, body } = await add(change);
    expect(body.message).toContain(sentence);
    expect(status).toBe(422);
  });

  test('is refused as root, by Pod Security', async () => {
    expect((await add({ securityContext: { runAsUser: 0 } })).status).toBe(403);
  });
});

test('pods of other namespaces are none of the fence’s business', async () => {
  const pod = { ...podOf(), metadata: { name: 'other', namespace: 'shop' } };
  pod.spec.schedulerName = 'mine';
  const answer = await fenced.server.post('/api/v1/namespaces/shop/pods?dryRun=All', {
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod,
    spec: { ...pod.spec, serviceAccountName: 'default' },
  });
  expect(answer.status, answer.text).toBe(201);
});
