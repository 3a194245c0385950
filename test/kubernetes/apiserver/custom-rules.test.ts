/** Rules in CEL on a custom kind: the Workspace definition as an agent installs it, and definitions whose rules are wrong. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manifests } from './fixtures/read.ts';
import { type Answer, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const workspaces = '/apis/roadstead.dev/v1alpha1/namespaces/seats/workspaces';

const workspace = (name: string, spec: object = {}) => ({
  apiVersion: 'roadstead.dev/v1alpha1',
  kind: 'Workspace',
  metadata: { name },
  spec: { origin: 'Cluster', owner: 'ann', template: { name: 'node', version: '1' }, image: 'node', ...spec },
});
const causes = ({ body }: Answer): string[] =>
  (body.details?.causes ?? []).map(({ field, message }: { field: string; message: string }) => `${field}: ${message}`);
const until = async (ask: () => Promise<Answer>, right: (answer: Answer) => boolean): Promise<Answer> => {
  for (let tries = 0; tries < 200; tries++) {
    const answer = await ask();
    if (right(answer)) return answer;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error('it did not become true');
};

beforeAll(async () => {
  server = await testServer();
  await server.namespace('seats');
  const { status, body } = await server.post(definitions, manifests('workspace-definition.yaml')[0]);
  expect(status, JSON.stringify(body)).toBe(201);
  await until(
    () => server.get(workspaces),
    ({ status }) => status === 200,
  );
});
afterAll(() => server.stop());

describe('the rules of a definition', () => {
  it('take what keeps them, with the defaults filled in', async () => {
    const { status, body, headers } = await server.post(workspaces, workspace('good'));
    expect(status, JSON.stringify(body)).toBe(201);
    expect(headers.warning).toBeUndefined();
    expect(body.spec.resources).toEqual({
      requests: { cpu: '500m', memory: '2Gi' },
      limits: { cpu: '2', memory: '4Gi' },
    });
  });

  it.each([
    ['a name that is too long', 'x'.repeat(46), {}, '<nil>: Invalid value: name: at most 45 characters'],
    [
      'what a field needs beside it',
      'a',
      { origin: 'ControlPlane' },
      'spec: Invalid value: a ControlPlane workspace carries id and revision',
    ],
    [
      'requests above limits',
      'a',
      { resources: { requests: { cpu: '3' } } },
      'spec: Invalid value: requests must not exceed limits',
    ],
    [
      'what is no quantity',
      'a',
      { resources: { requests: { cpu: 'much' } } },
      'spec.resources.requests.cpu: Invalid value: "much": failed rule: isQuantity(self) && quantity(self).isGreaterThan(quantity(\'0\'))',
    ],
    [
      'a value in an item of a list',
      'a',
      { volumes: [{ name: 'v', mountPath: '/data', size: '9Ti' }] },
      'spec.volumes[0].size: Invalid value: "9Ti": size: 1Gi to 2Ti',
    ],
  ])('refuse %s', async (_title, name, spec, cause) => {
    const answer = await server.post(workspaces, workspace(name, spec));
    expect(answer.status).toBe(422);
    expect(causes(answer)).toContain(cause);
  });

  it('are not asked while the schema has faults, which an extra cause says', async () => {
    const answer = await server.post(
      workspaces,
      workspace('a', { origin: 'Nowhere', resources: { requests: { cpu: '3' } } }),
    );
    expect(causes(answer)).toEqual([
      'spec.origin: Unsupported value: "Nowhere": supported values: "ControlPlane", "Cluster"',
      '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]);
  });

  it('about a change are asked at a change only', async () => {
    await server.post(
      workspaces,
      workspace('old', { volumes: [{ name: 'home', mountPath: '/home/node', size: '10Gi' }] }),
    );
    const one = `${workspaces}/old`;
    expect(causes(await server.merge(one, { spec: { owner: 'bob' } }))).toEqual([
      'spec: Invalid value: origin and owner cannot change: a volume is never given to another person',
    ]);
    expect(
      causes(await server.merge(one, { spec: { volumes: [{ name: 'home', mountPath: '/home/node', size: '9Gi' }] } })),
    ).toEqual(['spec.volumes[0]: Invalid value: a volume only grows']);
    expect(causes(await server.merge(one, { spec: { volumes: [] } }))).toEqual([
      'spec.volumes: Invalid value: a volume cannot be removed',
    ]);
    const more = [
      { name: 'data', mountPath: '/data', size: '1Gi' },
      { name: 'home', mountPath: '/home/node', size: '11Gi' },
    ];
    expect((await server.merge(one, { spec: { volumes: more } })).status).toBe(200);
  });

  it('are asked of an apply too', async () => {
    const answer = await server.apply(`${workspaces}/applied`, 'ann', workspace('applied', { origin: 'ControlPlane' }));
    expect(answer.status).toBe(422);
    expect(answer.body.message).toContain('a ControlPlane workspace carries id and revision');
  });

  it('forgive what was there before them and did not change, with a warning', async () => {
    await server.post(workspaces, workspace('early', { group: 'a', profile: 'odd' }));
    const [definition] = manifests('workspace-definition.yaml');
    const spec = definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties;
    spec.profile['x-kubernetes-validations'] = [{ rule: "self != 'odd'", message: 'an even profile' }];
    spec.group.pattern = '^[0-9]+$';
    await server.merge(`${definitions}/workspaces.roadstead.dev`, { spec: { versions: definition.spec.versions } });
    await until(
      () => server.post(`${workspaces}?dryRun=All`, workspace('late', { profile: 'odd' })),
      ({ status }) => status === 422,
    );
    const changed = await server.merge(`${workspaces}/early`, { spec: { runState: 'Running' } });
    expect(changed.status).toBe(200);
    expect(changed.headers.warning).toContain('an even profile');
    expect((await server.merge(`${workspaces}/early`, { spec: { group: 'b' } })).status).toBe(422);
  });
});

describe('a rule', () => {
  const boats = '/apis/fleet.example.com/v1/namespaces/seats/boats';
  const number = { type: 'integer' };
  const rules = [
    { rule: 'self.crew >= self.sails', message: 'too few hands', fieldPath: '.crew', reason: 'FieldValueForbidden' },
    { rule: 'self.sails < 5', messageExpression: "string(self.sails) + ' sails'" },
    { rule: 'self.sails < 6', message: 'too many', messageExpression: 'self.names[7]' },
    { rule: 'oldSelf.hasValue() || self.sails == 1', optionalOldSelf: true, message: 'begins with one sail' },
    { rule: "!has(self.names) || self.names[0] != 'x'" },
  ];
  const properties = {
    sails: { ...number, 'x-kubernetes-validations': [{ rule: 'self != 13' }] },
    crew: number,
    names: { type: 'array', items: { type: 'string' } },
  };
  const boat = (spec: object) => ({
    apiVersion: 'fleet.example.com/v1',
    kind: 'Boat',
    metadata: { name: 'b' },
    spec: { sails: 1, crew: 9, ...spec },
  });
  const build = async (spec: object) => causes(await server.post(`${boats}?dryRun=All`, boat(spec)));

  beforeAll(async () => {
    const spec = { type: 'object', properties, 'x-kubernetes-validations': rules };
    const openAPIV3Schema = { type: 'object', properties: { spec } };
    const answer = await server.post(definitions, {
      metadata: { name: 'boats.fleet.example.com' },
      spec: {
        group: 'fleet.example.com',
        scope: 'Namespaced',
        names: { plural: 'boats', kind: 'Boat' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    });
    expect(answer.status, JSON.stringify(answer.body)).toBe(201);
    await until(
      () => server.get(boats),
      ({ status }) => status === 200,
    );
  });

  it('names the field and the reason that it says', async () => {
    const answer = await server.post(boats, boat({ crew: 0 }));
    expect(answer.body.details.causes).toEqual([
      { reason: 'FieldValueForbidden', message: 'Forbidden: too few hands', field: 'spec.crew' },
    ]);
  });

  it('computes its message, or falls back to the one that is written', async () => {
    expect(await build({ sails: 5 })).toEqual([
      'spec: Invalid value: 5 sails',
      'spec: Invalid value: begins with one sail',
    ]);
    expect(await build({ sails: 7 })).toContain('spec: Invalid value: too many');
  });

  it('shows the value of a field, and itself where it has no message', async () => {
    expect(await build({ sails: 13 })).toContain('spec.sails: Invalid value: 13: failed rule: self != 13');
  });

  it('about an old value that there need not be is asked at creation, too', async () => {
    expect(await build({ sails: 2 })).toEqual(['spec: Invalid value: begins with one sail']);
    expect((await server.post(boats, boat({}))).status).toBe(201);
    expect((await server.merge(`${boats}/b`, { spec: { sails: 2 } })).status).toBe(200);
  });

  it('that fails on a value says how', async () => {
    expect(await build({ names: [] })).toEqual([
      'spec: Invalid value: "object": index out of bounds: 0 evaluating rule: !has(self.names) || self.names[0] != \'x\'',
    ]);
  });
});

describe('a definition whose rules are wrong', () => {
  const withRule = (rule: object, properties: object = { sails: { type: 'integer' } }) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': [rule] } },
            },
          },
        },
      ],
    },
  });
  const at = 'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]';

  it.each([
    [
      'an unknown field',
      { rule: 'self.masts > 1' },
      `${at}.rule`,
      "compilation failed: ERROR: <input>:1:5: undefined field 'masts'",
    ],
    ['no boolean', { rule: 'self.sails + 1' }, `${at}.rule`, 'cel expression must evaluate to a bool'],
    [
      'a message that is no text',
      { rule: 'true', messageExpression: 'self.sails' },
      `${at}.messageExpression`,
      'messageExpression must evaluate to a string',
    ],
    ['a path to nowhere', { rule: 'true', fieldPath: '.masts' }, `${at}.fieldPath`, 'does not refer to a valid field'],
    [
      'another reason',
      { rule: 'true', reason: 'Invalid' },
      `${at}.reason`,
      'Unsupported value: "Invalid": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
    ],
    [
      'an empty message',
      { rule: 'true', message: ' ' },
      `${at}.message`,
      'Invalid value: " ": message must be non-empty if specified',
    ],
    [
      'a message of two lines',
      { rule: 'true', message: 'a\nb' },
      `${at}.message`,
      'Invalid value: "a\\nb": message must not contain line breaks',
    ],
    [
      'two lines without a message',
      { rule: 'true ||\nfalse', messageExpression: "'a'" },
      `${at}.message`,
      'message must be specified if rule contains line breaks',
    ],
    [
      'an empty expression for the message',
      { rule: 'true', messageExpression: ' ' },
      `${at}.messageExpression`,
      'messageExpression must be non-empty if specified',
    ],
    [
      'a pattern that is none',
      { rule: "string(self.sails).matches('(')" },
      `${at}.rule`,
      "compilation failed: ERROR: <input>:1:28: invalid matches argument\n | string(self.sails).matches('(')\n | ...........................^",
    ],
    [
      'a pattern that RE2 does not know, in a macro',
      { rule: "['a'].all(x, x.matches('(?=a)'))" },
      `${at}.rule`,
      'compilation failed: ERROR: <input>:1:24: invalid matches argument',
    ],
    ['an empty rule', { rule: ' ' }, `${at}.rule`, 'rule is not specified'],
  ])('is refused: %s', async (_title, rule, field, message) => {
    const answer = await server.post(definitions, withRule(rule));
    expect(answer.status).toBe(422);
    expect(answer.body.details.causes[0].field).toBe(field);
    expect(answer.body.details.causes[0].message).toContain(message);
  });

  it('is refused: a rule about a change in a list whose items have no keys', async () => {
    const items = { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] };
    const answer = await server.post(definitions, withRule({ rule: 'true' }, { marks: { type: 'array', items } }));
    expect(answer.body.message).toContain('oldSelf cannot be used on the uncorrelatable portion of the schema');
  });
});
