/** The ConfigMap `roadstead-policy`: what it says, and what a seat may be under it. */
import { expect, test } from 'vitest';
import { checkSeat, profileOf, readPolicy } from '#core/domain/seat/policy.ts';
import { specOf } from '#test/builders/seat-specs.ts';

const refusals = (data: Record<string, string>, more: Parameters<typeof specOf>[0] = {}) =>
  checkSeat(specOf(more), readPolicy(data));

test('an empty policy allows what Roadstead offers by itself', () => {
  const policy = readPolicy();
  expect(policy).toEqual(readPolicy({}));
  expect(policy.problems).toEqual([]);
  expect(policy.capabilities).toEqual({ workspaces: true, terminals: true, debug: 'readOnly', pivot: false });
  expect(checkSeat(specOf(), policy)).toEqual([]);
  expect(profileOf(specOf(), policy)).toMatchObject({ nodeSelector: {}, accessMode: 'ReadWriteOncePod' });
});

test('what the admin leaves out keeps its default', () => {
  const policy = readPolicy({ capabilities: 'debug: off', ceilings: 'team: {seats: 3}' });
  expect(policy.capabilities).toMatchObject({ debug: 'off', workspaces: true });
  expect(policy.ceilings.team).toMatchObject({ seats: 3, claims: 800 });
});

test('an admin who takes no dev pods gets none', () => {
  expect(refusals({ capabilities: 'workspaces: false' })).toMatchObject([
    { reason: 'PolicyRefused', message: expect.stringContaining('capabilities.workspaces is false') },
  ]);
});

test.each([
  ['ghcr.io/roadstead/node:1', '[ghcr.io/roadstead]', true],
  ['ghcr.io/roadstead/node:1', '[ghcr.io/roadstead/]', true],
  ['ghcr.io/roadstead-evil/node:1', '[ghcr.io/roadstead]', false],
  ['ghcr.io/other/node:1', '[ghcr.io/roadstead, quay.io]', false],
  ['quay.io/a/b:1', '[ghcr.io/roadstead, quay.io]', true],
  ['quay.io.evil.example/a:1', '[quay.io]', false],
  ['node:22', '[docker.io/library]', true],
  ['roadstead/node:22', '[docker.io/roadstead]', true],
  ['node:22', '[ghcr.io]', false],
  ['localhost:5000/a:1', '["localhost:5000"]', true],
  ['ghcr.io/a/b:1', '[]', true],
])('the image %s under the registries %s: %s', (image, registries, allowed) => {
  const found = refusals({ registries }, { image });
  expect(found.length === 0).toBe(allowed);
  if (!allowed) expect(found[0]).toMatchObject({ reason: 'PolicyRefused', message: expect.stringContaining(image) });
});

test('a seat above the ceilings is told what it asked for and what is allowed', () => {
  const found = refusals({ ceilings: 'seat: {cpu: "1", memory: 2Gi, storage: 5Gi, gpus: 0}' });
  expect(found.map(({ message }) => message.replace(/^.*: (?=cpu|memory|storage)/, ''))).toEqual([
    'cpu: 2 was asked for and 1 is allowed by ceilings.seat.cpu',
    'memory: 4Gi was asked for and 2Gi is allowed by ceilings.seat.memory',
    'storage: 10Gi was asked for and 5Gi is allowed by ceilings.seat.storage',
  ]);
});

const gpus = { resources: { ...specOf().resources, gpus: 1 } };
test('GPUs are had with a profile that has them', () => {
  expect(refusals({}, gpus)).toMatchObject([
    { reason: 'PolicyRefused', message: expect.stringContaining('has no gpuResource') },
  ]);
  expect(refusals({}, { ...gpus, profile: 'gpu' })).toEqual([]);
  expect(refusals({ ceilings: 'seat: {gpus: 0}' }, { ...gpus, profile: 'gpu' })).toHaveLength(1);
});

test('a profile that is not there names those that are', () => {
  expect(refusals({ profiles: 'big: {}' }, { profile: 'huge' })).toEqual([
    {
      reason: 'ProfileInvalid',
      message: 'there is no profile "huge" of roadstead-policy: there are big, default, gpu',
    },
  ]);
  expect(refusals({}, { profile: 'constructor' })).toMatchObject([{ reason: 'ProfileInvalid' }]);
});

test.each([
  [
    'a node selector',
    'nodeSelector: {node-role.kubernetes.io/control-plane: ""}',
    'node-role.kubernetes.io/control-plane',
  ],
  [
    'a toleration',
    'tolerations: [{key: node-role.kubernetes.io/control-plane}]',
    'node-role.kubernetes.io/control-plane',
  ],
  ['a runtime class', 'runtimeClassName: privileged', 'privileged'],
  ['a field', 'hostNetwork: true', 'hostNetwork'],
])('%s that the fence would refuse makes the profile invalid, with the key named, and no other', (_, text, key) => {
  const data = { profiles: `odd: {${text}}\nfine: {nodeSelector: {roadstead.dev/pool: big}}` };
  expect(refusals(data, { profile: 'odd' })).toMatchObject([
    { reason: 'ProfileInvalid', message: expect.stringContaining(key) },
  ]);
  expect(profileOf(specOf({ profile: 'odd' }), readPolicy(data))).toBeUndefined();
  expect(refusals(data, { profile: 'fine' })).toEqual([]);
});

test.each([
  ['no YAML', { registries: '[a' }, 'registries'],
  ['another type', { registries: 'ghcr.io' }, 'registries'],
  ['a word that is none', { capabilities: 'debug: everything' }, 'capabilities'],
  ['a key that there is not', { registry: '[ghcr.io]' }, 'registry'],
  ['a profile list', { profiles: '[a]' }, 'profiles'],
  ['a range that is everything', { network: 'excluded: [0.0.0.0/0]' }, 'network'],
  ['a range that is none', { network: 'excluded: [10.0.0.0]' }, 'network'],
])('a policy that cannot be read (%s) refuses every seat rather than being passed over', (_, data, key) => {
  expect(refusals(data as Record<string, string>)).toMatchObject([
    { reason: 'PolicyInvalid', message: expect.stringContaining(`"${key}"`) },
  ]);
});
