/** No request about dev pods can say what a tenant could leave the fence with: each such field has no place (kubernetes.md finding 7). */
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { NewGroup } from '#core/contract/group.ts';
import { NewTemplate } from '#core/contract/template.ts';
import { NewWorkspace, WorkspaceChange } from '#core/contract/workspace.ts';

/** What Pod Security `restricted` accepts, and what it refuses as well: nothing of a pod's own language is here. */
const FIELDS: Readonly<Record<string, unknown>> = {
  nodeName: 'one',
  nodeSelector: { 'node-role.kubernetes.io/control-plane': '' },
  tolerations: [{ operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  priorityClassName: 'system-cluster-critical',
  schedulerName: 'mine',
  runtimeClassName: 'privileged',
  serviceAccountName: 'access-wsp-other',
  serviceAccount: 'access-wsp-other',
  automountServiceAccountToken: true,
  imagePullSecrets: [{ name: 'theirs' }],
  hostAliases: [{ ip: '1.2.3.4', hostnames: ['github.com'] }],
  dnsPolicy: 'None',
  dnsConfig: { nameservers: ['1.2.3.4'] },
  securityContext: { fsGroup: 0 },
  resourceClaims: [{ name: 'gpu', resourceClaimName: 'others' }],
  terminationGracePeriodSeconds: 2_592_000,
  shareProcessNamespace: true,
  hostNetwork: true,
  hostPID: true,
  containers: [{ name: 'more', image: 'x' }],
  initContainers: [{ name: 'more', image: 'x' }],
  ephemeralContainers: [{ name: 'more' }],
  command: ['sh'],
  args: ['-c'],
  env: [{ name: 'LD_PRELOAD', value: '/x' }],
  envFrom: [{ secretRef: { name: 'wsp-other' } }],
  volumeMounts: [{ name: 'home', mountPath: '/etc' }],
  volumeDevices: [{ name: 'home', devicePath: '/dev/xvda' }],
  persistentVolumeClaim: { claimName: 'home-wsp-other' },
  secret: { secretName: 'wsp-other' },
  projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
  csi: { driver: 'secrets-store.csi.k8s.io' },
  storageClassName: 'shared',
  hostPath: { path: '/' },
  claims: [{ name: 'gpu' }],
  subPathExpr: '$(HOSTNAME)',
  namespace: 'kube-system',
  annotations: { 'roadstead.dev/override': 'yes' },
  spec: { hostNetwork: true },
  podSpec: { hostNetwork: true },
};

const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 };
const shared = { resources, git: { name: 'Ada' }, secrets: ['TOKEN'] };
const asked = { ...shared, template: { name: 'node' }, placement: { isolation: 'team' } };

/** Each request with every object that it may hold. */
const REQUESTS: readonly (readonly [string, z.ZodType, object])[] = [
  ['a create', NewWorkspace, { name: 'pod', ...asked }],
  ['a group', NewGroup, { name: 'class', replicas: 1, ...asked }],
  ['a change', WorkspaceChange, shared],
  [
    'a template',
    NewTemplate,
    {
      name: 'lab',
      title: 'Lab',
      image: 'ghcr.io/example/lab:1',
      resources,
      parameters: { mode: { type: 'string' } },
      environment: ['TOKEN'],
      volumes: [{ name: 'home', size: '1Gi', mounts: [{ mountPath: '/workspace' }] }],
    },
  ],
];

/** The value with `field` added to the object at each place in turn; maps of a person's own names are none. */
const withField = function* (value: object, field: string, what: unknown): Generator<object> {
  if (!Array.isArray(value)) yield { ...value, [field]: what };
  for (const [key, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' || inner === null) continue;
    for (const changed of withField(inner, field, what))
      yield Array.isArray(value)
        ? value.map((each, at) => (String(at) === key ? changed : each))
        : { ...value, [key]: changed };
  }
};

describe.each(REQUESTS)('%s', (_, schema, request) => {
  it('is valid without them', () => {
    expect(schema.safeParse(request).error).toBeUndefined();
  });

  it.each(Object.entries(FIELDS))('has no place for %s', (field, what) => {
    const taken = [...withField(request, field, what)].filter((each) => schema.safeParse(each).success);
    expect(taken).toEqual([]);
  });

  it('is closed: the only maps are labels, sizes by volume, and parameters, which hold single values', () => {
    const maps: string[] = [];
    const look = (node: unknown, at: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const { type, additionalProperties: more, properties } = node as Record<string, unknown>;
      if (type === 'object' && more !== false) maps.push(`${at}: ${(more as { type?: string }).type ?? 'one of'}`);
      for (const [key, inner] of Object.entries(properties ?? {})) look(inner, key);
      for (const key of ['items', 'additionalProperties', 'anyOf', 'allOf'])
        for (const inner of [(node as Record<string, unknown>)[key]].flat()) look(inner, at);
    };
    look(z.toJSONSchema(schema, { io: 'input', reused: 'inline', unrepresentable: 'any' }), '');
    expect(maps.filter((map) => !/^(labels|volumes): string$|^parameters: (one of|object)$/.test(map))).toEqual([]);
  });
});
