/** The custom resources: what the contract takes, the API server takes and gives back; what it refuses, the API server refuses. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { SeatSpec } from '#core/contract/seat.ts';
import { renderCrds } from '#core/domain/seat/crds.ts';
import { anySpec, specOf } from '#test/builders/seat-specs.ts';
import { type TestServer, testServer } from '#test/kubernetes/apiserver/support/server.ts';

const WORKSPACES = '/apis/roadstead.dev/v1alpha1/namespaces/default/workspaces';
let server: TestServer;

beforeAll(async () => {
  server = await testServer();
  await server.namespace('default');
  for (const definition of renderCrds({ 'app.kubernetes.io/part-of': 'roadstead' })) {
    const { metadata } = definition;
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
    expect((await server.apply(path, 'roadstead', definition)).body.message).toBeUndefined();
  }
  await vi.waitUntil(async () => (await server.get(WORKSPACES)).status === 200, { timeout: 15_000 });
});
afterAll(() => server.stop());

let made = 0;
const workspace = (spec: unknown, name = `w${++made}`) => ({
  apiVersion: 'roadstead.dev/v1alpha1',
  kind: 'Workspace',
  metadata: { name },
  spec,
});
const create = (spec: unknown, name?: string) =>
  server.post(`${WORKSPACES}?fieldValidation=Strict`, workspace(spec, name));

test('every spec that the contract takes is taken and given back unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(anySpec, async (spec) => {
      const given = JSON.parse(JSON.stringify(spec));
      const answer = await create(given);
      expect(answer.body).toMatchObject({ kind: 'Workspace' });
      const { body } = await server.get(`${WORKSPACES}/${answer.body.metadata.name}`);
      expect(body.spec).toEqual(given);
    }),
    { numRuns: 60 },
  );
});

test('what a person need not say is filled in as the contract does', async () => {
  const { body } = await create({
    origin: 'Cluster',
    owner: 'ada',
    template: { name: 'node', version: '1' },
    image: 'ghcr.io/roadstead/node:1',
  });
  expect(body.spec.volumes[0].mounts).toHaveLength(3);
  expect(SeatSpec.parse(body.spec)).toEqual(body.spec);
});

const home = { name: 'home', size: '10Gi', mounts: [{ mountPath: '/workspace' }] };
const bad: Readonly<Record<string, Record<string, unknown>>> = {
  'an origin of no kind': { origin: 'Elsewhere' },
  'an id of another form': { id: 'wsp_UPPER' },
  'revision zero': { revision: 0 },
  'an owner that is no label value': { owner: 'ada@example.com' },
  'no owner': { owner: '' },
  'a run state of no kind': { runState: 'Paused' },
  'fewer than no restarts': { restarts: -1 },
  'an idle timeout above a week': { idleTimeoutSeconds: 604_801 },
  'a template without a version': { template: { name: 'node' } },
  'an image with a space': { image: 'node 22' },
  'an image with a short digest': { image: 'node@sha256:abc' },
  'a profile with a long name': { profile: 'p'.repeat(64) },
  'an amount that is none': { resources: { requests: { cpu: 'much', memory: '1Gi' } } },
  'no CPU at all': { resources: { requests: { cpu: '0', memory: '1Gi' } } },
  'requests above limits': { resources: { requests: { cpu: '3', memory: '1Gi' } } },
  'memory above its limit': { resources: { requests: { cpu: '1', memory: '5Gi' } } },
  'nine GPUs': { resources: { gpus: 9 } },
  'no volume': { volumes: [] },
  'five volumes': {
    volumes: [1, 2, 3, 4, 5].map((n) => ({ ...home, name: `v${n}`, mounts: [{ mountPath: `/data/${n}` }] })),
  },
  'a volume below 1Gi': { volumes: [{ ...home, size: '512Mi' }] },
  'a volume above 2Ti': { volumes: [{ ...home, size: '3Ti' }] },
  'a size that is none': { volumes: [{ ...home, size: 'big' }] },
  'a volume without a mount': { volumes: [{ ...home, mounts: [] }] },
  'a volume over the system': { volumes: [{ ...home, mounts: [{ mountPath: '/etc' }] }] },
  'a mount that climbs': { volumes: [{ ...home, mounts: [{ mountPath: '/workspace/../etc' }] }] },
  'a mount that stays': { volumes: [{ ...home, mounts: [{ mountPath: '/workspace/.' }] }] },
  'a folder that climbs': { volumes: [{ ...home, mounts: [{ mountPath: '/workspace', subPath: '..' }] }] },
  'two folders deep': { volumes: [{ ...home, mounts: [{ mountPath: '/workspace', subPath: 'a/b' }] }] },
  'a long volume name': { volumes: [{ ...home, name: 'v'.repeat(16) }] },
  'two volumes of one name': { volumes: [home, { ...home, mounts: [{ mountPath: '/data' }] }] },
  'two volumes at one path': { volumes: [home, { ...home, name: 'other' }] },
  'one volume twice at one path': {
    volumes: [{ ...home, mounts: [home.mounts[0], { mountPath: '/workspace', subPath: 'a' }] }],
  },
  'a parameter that is no text': { parameters: { n: 1 } },
  'a parameter that is too long': { parameters: { n: 'x'.repeat(2049) } },
  'too many parameters': { parameters: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`p${n}`, ''])) },
  'a secret in lower case': { secrets: [{ name: 'token', version: 1 }] },
  'a secret without a version': { secrets: [{ name: 'TOKEN' }] },
  'one secret twice': {
    secrets: [
      { name: 'A', version: 1 },
      { name: 'A', version: 2 },
    ],
  },
  ...Object.fromEntries(
    [
      'LD_PRELOAD',
      'GCONV_PATH',
      'NODE_OPTIONS',
      'NODE_EXTRA_CA_CERTS',
      'NPM_CONFIG_SCRIPT_SHELL',
      'GIT_PROXY_COMMAND',
      'GIT_SSL_NO_VERIFY',
      'GIT_TEMPLATE_DIR',
      'LESSOPEN',
      'MANPAGER',
      'BROWSER',
      'SSL_CERT_FILE',
      'HTTPS_PROXY',
      'ALL_PROXY',
      'AWS_CONFIG_FILE',
      'AWS_SHARED_CREDENTIALS_FILE',
      'TF_CLI_ARGS',
      'TF_CLI_ARGS_PLAN',
      'TF_CLI_CONFIG_FILE',
    ].map((name) => [`${name} in the environment`, { secrets: [{ name, version: 1, holder: 'Team', as: 'Env' }] }]),
  ),
  'a name for git with a line break': { git: { name: 'Ada\n[core]' } },
  'a name for git with a bidi override': { git: { name: 'Ada\u202e' } },
  'an address for git with a space': { git: { email: 'a b@c' } },
  'a repository by ext': { git: { repository: 'ext::sh -c id' } },
  'a repository with a password': { git: { repository: 'https://u:p@example.com/x' } },
  'a repository on this machine': { git: { repository: 'file:///etc' } },
  'a branch that is an option': { git: { branch: '--upload-pack=x' } },
  'a branch that climbs': { git: { branch: 'a/../b' } },
  'a branch that is a lock': { git: { branch: 'a.lock' } },
  'a field that there is not': { hostNetwork: true },
};

test.each(Object.entries(bad))('%s is refused by the contract and by the cluster', async (_, more) => {
  const spec = { ...specOf(), ...more };
  expect(SeatSpec.safeParse(spec).success).toBe(false);
  const { status, body } = await create(spec);
  expect([400, 422], JSON.stringify(body)).toContain(status);
});

test.each(['GITHUB_TOKEN', 'AWS_ACCESS_KEY_ID', 'TF_TOKEN_APP_TERRAFORM_IO', 'NPM_TOKEN', 'PROXY'])(
  '%s may be in the environment',
  async (name) => {
    const spec = specOf({ secrets: [{ name, version: 1, holder: 'Team', as: 'Env' }] });
    expect(SeatSpec.safeParse(spec).success).toBe(true);
    expect((await create(spec)).status).toBe(201);
  },
);

test.each([
  ['a long name', 'w'.repeat(46)],
  ['a name that begins with a digit', '1w'],
  ['a name with a dot', 'w.x'],
  ['a name that is taken', 'roadstead-pull'],
])('%s is refused', async (_, name) => {
  expect((await create(specOf(), name)).status).toBe(422);
});

test('a control plane’s workspace carries id and revision, and no other does', async () => {
  const { id, revision, ...bare } = specOf();
  expect((await create(bare)).body.message).toContain('carries id and revision');
  expect((await create({ ...bare, origin: 'Cluster', id, revision })).body.message).toContain(
    'carries id and revision',
  );
});

const grown = { ...home, size: '20Gi' };
const data = { name: 'data', size: '1Gi', mounts: [{ mountPath: '/data' }] };
test.each<[string, Record<string, unknown>, string]>([
  ['owner', { owner: 'eve' }, 'origin and owner cannot change'],
  ['origin', { origin: 'Cluster' }, 'origin and owner cannot change'],
  ['id', { id: `wsp_${'9'.repeat(26)}` }, 'the id cannot change'],
  ['revision, downwards', { revision: 6 }, 'revision only grows'],
  ['size, downwards', { volumes: [home, data] }, 'a volume only grows'],
  [
    'mounts',
    {
      volumes: [
        { ...grown, mounts: [{ mountPath: '/data' }] },
        { ...data, mounts: [{ mountPath: '/workspace' }] },
      ],
    },
    'cannot change',
  ],
  ['a volume, away', { volumes: [grown] }, 'a volume cannot be removed'],
])('%s cannot change', async (_, more, sentence) => {
  const spec = specOf({ revision: 7, volumes: [grown, data] });
  const { body } = await create(spec);
  const answer = await server.merge(`${WORKSPACES}/${body.metadata.name}`, { spec: more });
  expect(answer.body.message).toContain(sentence);
  expect(answer.status).toBe(422);
});

test('a volume grows, another is added, and the status stays out of the spec', async () => {
  const { body } = await create(specOf({ volumes: [home] }));
  const path = `${WORKSPACES}/${body.metadata.name}`;
  expect((await server.merge(path, { spec: { volumes: [grown, data], revision: 2 } })).status).toBe(200);
  const status = {
    phase: 'Running',
    observedRevision: 2,
    observedGeneration: 2,
    uid: body.metadata.uid,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Running',
        message: 'The dev pod runs.',
        lastTransitionTime: '2030-01-01T00:00:00Z',
      },
    ],
  };
  expect((await server.merge(`${path}/status`, { status })).body).toMatchObject({ status, spec: { revision: 2 } });
  expect((await server.merge(`${path}/status`, { status: { phase: 'Deleted' } })).status).toBe(422);
});

test('kubectl get ws shows who, what is wanted, and why it is not so', async () => {
  const { body } = await server.get(WORKSPACES, {
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
  });
  expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual([
    'Name',
    'Called',
    'Owner',
    'Wanted',
    'Phase',
    'Why',
    'Node',
    'Image',
    'Message',
    'Age',
  ]);
});
