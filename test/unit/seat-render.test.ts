/** A seat and its namespace as Kubernetes objects. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { SeatSpec, SeatStatus } from '#core/contract/seat.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { renderCrds } from '#core/domain/seat/crds.ts';
import { claimName, podName, seatHost, seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { renderNamespace } from '#core/domain/seat/namespace.ts';
import { readPolicy } from '#core/domain/seat/policy.ts';
import { Profile } from '#core/domain/seat/profile.ts';
import { inOrder, renderSeat, renderSeatSecret, type SeatContext } from '#core/domain/seat/render.ts';
import type { Schema } from '#core/domain/seat/schema.ts';
import { anySpec, SEAT_ID, seatOf, TEAM_ID } from '#test/builders/seat-specs.ts';

const context: SeatContext = {
  namespace: teamNamespace(TEAM_ID),
  profile: Profile.parse({}),
  deploymentId: 'roadstead',
  workspaceUid: 'uid-1',
};
const render = (more: Partial<SeatSpec> = {}, profile: z.input<typeof Profile> = {}) =>
  renderSeat(seatOf(more), { ...context, profile: Profile.parse(profile) });
interface Pod {
  readonly metadata: { readonly annotations: Record<string, string> };
  readonly spec: Record<string, unknown> & {
    readonly containers: readonly [
      { readonly env: readonly { name: string; value?: string }[] } & Record<string, unknown>,
    ];
  };
}
const podOf = (object: KubernetesObject): Pod => (object.spec as { template: Pod }).template;

test('a seat is these objects', () => {
  const seat = seatOf({
    volumes: [
      {
        name: 'home',
        size: '10Gi',
        mounts: [
          { mountPath: '/workspace', subPath: 'workspace' },
          { mountPath: '/home/node', subPath: 'home' },
        ],
      },
    ],
    parameters: { version: '22' },
    secrets: [
      { name: 'TFE_TOKEN', version: 3, holder: 'Team', as: 'Env' },
      { name: 'GITHUB_TOKEN', version: 1, holder: 'Team', as: 'File' },
    ],
    git: { name: 'Ada', repository: 'https://github.com/roadstead/demo' },
  });
  expect(inOrder(renderSeat(seat, context))).toMatchSnapshot();
});

test('a namespace is these objects', () => {
  const { network, ceilings } = readPolicy();
  expect(renderNamespace(TEAM_ID, { deploymentId: 'roadstead', network, ceilings: ceilings.team })).toMatchSnapshot();
});

test('names come from ids and are names that Kubernetes takes', () => {
  expect(seatName(SEAT_ID)).toBe(`wsp-${'0'.repeat(25)}1`);
  expect(podName(SEAT_ID)).toBe(`wsp-${'0'.repeat(25)}1-0`);
  expect(claimName('home', SEAT_ID)).toBe(`home-wsp-${'0'.repeat(25)}1`);
  expect(teamNamespace(TEAM_ID)).toBe(`rs-team-${'0'.repeat(25)}2`);
  for (const part of seatHost(SEAT_ID, TEAM_ID).split('.'))
    expect(part).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  const label = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
  const longest = renderSeat({ ...seatOf(), id: 'w'.repeat(45) }, context);
  for (const { metadata } of inOrder(longest)) expect(metadata.name).toMatch(label);
});

test('a stopped seat keeps everything but its pod', () => {
  const running = render();
  const stopped = render({ runState: 'Stopped' });
  expect(running.statefulSet.spec).toMatchObject({ replicas: 1 });
  expect(stopped).toEqual({
    ...running,
    statefulSet: { ...running.statefulSet, spec: { ...(running.statefulSet.spec as object), replicas: 0 } },
  });
});

test('only claims are left when the Workspace goes', () => {
  const { claims, ...rest } = render();
  for (const object of claims) expect(object.metadata).not.toHaveProperty('ownerReferences');
  for (const object of Object.values(rest)) expect(object.metadata.ownerReferences).toMatchObject([{ uid: 'uid-1' }]);
});

test('a preview, of a Workspace that there is not, has no owner', () => {
  for (const object of inOrder(renderSeat(seatOf(), { ...context, workspaceUid: undefined })))
    expect(object.metadata).not.toHaveProperty('ownerReferences');
});

test('only a restart that was asked for and another value in the environment replace the pod', () => {
  const template = (more: Partial<SeatSpec>) => JSON.stringify(podOf(render(more).statefulSet));
  const before = template({ secrets: [{ name: 'A', version: 1, holder: 'Team', as: 'File' }] });
  expect(
    template({ secrets: [{ name: 'A', version: 2, holder: 'Team', as: 'File' }], revision: 9, idleTimeoutSeconds: 60 }),
  ).toBe(before);
  expect(template({ secrets: [{ name: 'A', version: 1, holder: 'Team', as: 'Env' }] })).not.toBe(before);
  expect(template({ secrets: [{ name: 'A', version: 1, holder: 'Team', as: 'Env' }] })).not.toBe(
    template({ secrets: [{ name: 'A', version: 2, holder: 'Team', as: 'Env' }] }),
  );
  expect(template({ secrets: [{ name: 'A', version: 1, holder: 'Team', as: 'Env' }] })).not.toBe(
    template({ secrets: [{ name: 'A', version: 1, holder: 'Owner', as: 'Env' }] }),
  );
  expect(template({ restarts: 1 })).not.toBe(template({}));
});

test('what a person typed is never expanded as a variable', () => {
  const { env } = podOf(render({ parameters: { cmd: '$(GITHUB_TOKEN) costs $5' } }).statefulSet).spec.containers[0];
  expect(env.find(({ name }) => name === 'PARAM_cmd')?.value).toBe('$$(GITHUB_TOKEN) costs $$5');
});

test('a profile adds its selector, tolerations, runtime class, GPUs, storage class and pull secret', () => {
  const { statefulSet, claims } = render(
    { resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 2 } },
    {
      nodeSelector: { 'roadstead.dev/pool': 'gpu' },
      tolerations: [{ key: 'nvidia.com/gpu' }],
      gpuResource: 'nvidia.com/gpu',
      runtimeClassName: 'gvisor',
      storageClassName: 'fast',
      accessMode: 'ReadWriteOnce',
      pullSecret: true,
    },
  );
  expect(podOf(statefulSet).spec).toMatchObject({
    nodeSelector: { 'roadstead.dev/pool': 'gpu' },
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
    runtimeClassName: 'gvisor',
    imagePullSecrets: [{ name: 'roadstead-pull' }],
    containers: [{ resources: { limits: { 'nvidia.com/gpu': '2' } } }],
  });
  expect(claims[0]?.spec).toMatchObject({ storageClassName: 'fast', accessModes: ['ReadWriteOnce'] });
});

/** Everything that a pod of ours may say at all; a new field is a decision. */
const POD_FIELDS = [
  'serviceAccountName',
  'automountServiceAccountToken',
  'enableServiceLinks',
  'terminationGracePeriodSeconds',
  'securityContext',
  'nodeSelector',
  'tolerations',
  'runtimeClassName',
  'imagePullSecrets',
  'containers',
  'volumes',
];

test('whatever is asked for, the set of fields is closed, all is restricted, and no two names or paths are the same', () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const { statefulSet, claims } = renderSeat({ ...seatOf(), spec }, context);
      const { spec: pod } = podOf(statefulSet);
      for (const field of Object.keys(pod)) expect(POD_FIELDS).toContain(field);
      const [container] = pod.containers;
      expect(container).toMatchObject({
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      });
      const distinct = (items: readonly unknown[]) => expect(new Set(items).size).toBe(items.length);
      distinct(container.env.map(({ name }) => name));
      distinct((container.volumeMounts as { mountPath: string }[]).map(({ mountPath }) => mountPath));
      distinct((pod.volumes as { name: string }[]).map(({ name }) => name));
      expect(claims).toHaveLength(spec.volumes.length);
    }),
    { numRuns: 200 },
  );
});

test('secret values stand in the Secret alone, as data', () => {
  const seat = seatOf({ secrets: [{ name: 'GITHUB_TOKEN', version: 1, holder: 'Team', as: 'File' }] });
  const secret = renderSeatSecret(seat, context, { GITHUB_TOKEN: 'ghp_value' });
  expect(secret).toMatchObject({ metadata: { name: seatName(SEAT_ID) }, data: { GITHUB_TOKEN: 'Z2hwX3ZhbHVl' } });
  expect(secret).not.toHaveProperty('stringData');
});

/** Paths of all fields of a JSON Schema, items and maps included. */
const fieldsOf = (schema: Schema, path = ''): string[] => [
  ...(path ? [path] : []),
  ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => fieldsOf(one, path ? `${path}.${name}` : name)),
  ...(schema.items ? fieldsOf(schema.items, `${path}[]`) : []),
];
const [clusters, workspaces] = renderCrds({}).map(({ spec }) => {
  const { versions } = spec as { versions: [{ schema: { openAPIV3Schema: Schema } }] };
  return versions[0].schema.openAPIV3Schema;
});
const contractOf = (schema: z.ZodType) => z.toJSONSchema(schema, { unrepresentable: 'any', reused: 'inline' });
const resolved = (schema: z.ZodType): Schema => {
  const whole = contractOf(schema) as { $defs?: Record<string, Schema> };
  const inline = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(inline);
    if (typeof node !== 'object' || node === null) return node;
    if ('$ref' in node) return inline(whole.$defs?.[String(node.$ref).split('/').at(-1) ?? '']);
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, inline(value)]));
  };
  return inline(whole) as Schema;
};

test('the custom resource has the fields of the contract, no more and no fewer', () => {
  expect(fieldsOf(workspaces?.properties?.spec as Schema).sort()).toEqual(fieldsOf(resolved(SeatSpec)).sort());
  const known = fieldsOf(workspaces?.properties?.status as Schema);
  expect(known).toEqual(expect.arrayContaining(fieldsOf(resolved(SeatStatus))));
});

test('every field of the custom resources says what it is', () => {
  const silent = (schema: Schema, path: string): string[] => [
    ...(schema.description || path.endsWith('[]') ? [] : [path]),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => silent(one, `${path}.${name}`)),
    ...(schema.items ? silent(schema.items, `${path}[]`) : []),
  ];
  expect([...silent(workspaces as Schema, 'ws'), ...silent(clusters as Schema, 'rcl')]).toEqual([]);
});
