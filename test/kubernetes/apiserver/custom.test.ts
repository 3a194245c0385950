/** Custom kinds: defined, checked, changed and removed while the server runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer, until } from './support/server.ts';

let server: TestServer;
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const boats = '/apis/example.com/v1/namespaces/custom/boats';

const text = { type: 'string' };
const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['port'],
      properties: {
        port: { ...text, pattern: '^[A-Z]', maxLength: 12 },
        colour: { ...text, enum: ['red', 'blue'], default: 'red' },
        sails: { type: 'integer', minimum: 1, maximum: 9, default: 1 },
        replicas: { type: 'integer' },
        crew: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: { name: text, rank: { ...text, default: 'sailor' } },
          },
        },
        notes: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, phase: text } },
  },
};
const version = (name: string, more: object = {}) => ({
  name,
  served: true,
  storage: name === 'v1',
  schema: { openAPIV3Schema: schema },
  subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
  additionalPrinterColumns: [
    { name: 'Port', type: 'string', jsonPath: '.spec.port' },
    { name: 'Crew', type: 'string', jsonPath: '.spec.crew[?(@.rank=="mate")].name' },
  ],
  ...more,
});
const definition = (versions: unknown[] = [version('v1')]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'boats.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'boats', kind: 'Boat', shortNames: ['bt'] },
    versions,
  },
});
const boat = (name: string, spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Boat', metadata: { name }, spec });

beforeAll(async () => {
  server = await testServer();
  await server.namespace('custom');
  expect((await server.post(definitions, definition())).status).toBe(201);
  await until(
    () => server.get(boats),
    ({ status }) => status === 200,
  );
});
afterAll(() => server.stop());

describe('a custom kind', () => {
  it('is established and stands in discovery and OpenAPI', async () => {
    const { body } = await server.get(`${definitions}/boats.example.com`);
    expect(
      body.status.conditions.map(({ type, status }: { type: string; status: string }) => `${type}=${status}`),
    ).toEqual(['NamesAccepted=True', 'Established=True']);
    expect((await server.get('/apis/example.com/v1')).body.resources.map(({ name }: { name: string }) => name)).toEqual(
      ['boats', 'boats/status', 'boats/scale'],
    );
    expect(
      (await server.get('/openapi/v3/apis/example.com/v1')).body.components.schemas['com.example.v1.Boat'].properties
        .spec.required,
    ).toEqual(['port']);
  });

  it('fills in defaults and prunes what its schema does not know', async () => {
    const { status, body, headers } = await server.post(
      boats,
      boat('a', { port: 'Kiel', masts: 2, notes: { any: [1, null] }, crew: [{ name: 'ann' }] }),
    );
    expect(status).toBe(201);
    expect(headers.warning).toContain('unknown field \\"spec.masts\\"');
    expect(body.spec).toEqual({
      port: 'Kiel',
      colour: 'red',
      sails: 1,
      notes: { any: [1, null] },
      crew: [{ name: 'ann', rank: 'sailor' }],
    });
  });

  it('refuses what its schema does not allow, field by field', async () => {
    const { status, body } = await server.post(
      boats,
      boat('bad', { port: 'kiel', colour: 'green', sails: 10, crew: [{ name: 'x' }, { name: 'x' }] }),
    );
    expect(status).toBe(422);
    expect(
      body.details.causes.map(({ field, reason }: { field: string; reason: string }) => `${field} ${reason}`),
    ).toEqual([
      'spec.port FieldValueInvalid',
      'spec.colour FieldValueNotSupported',
      'spec.sails FieldValueInvalid',
      'spec.crew[1] FieldValueDuplicate',
    ]);
    expect((await server.post(boats, boat('bad', {}))).body.message).toContain('spec.port: Required value');
  });

  it('has a status and a scale of its own', async () => {
    const one = `${boats}/a`;
    await server.merge(one, { status: { phase: 'Sunk' } });
    expect((await server.get(one)).body.status).toBeUndefined();
    await server.merge(`${one}/status`, { status: { phase: 'Afloat', replicas: 2 } });
    expect((await server.get(one)).body).toMatchObject({ status: { phase: 'Afloat' }, metadata: { generation: 1 } });
    const { body } = await server.merge(`${one}/scale`, { spec: { replicas: 3 } });
    expect(body).toMatchObject({ kind: 'Scale', spec: { replicas: 3 }, status: { replicas: 2 } });
    expect((await server.get(one)).body.metadata.generation).toBe(2);
  });

  it('prints its own columns', async () => {
    await server.merge(`${boats}/a`, { spec: { crew: [{ name: 'ann' }, { name: 'bob', rank: 'mate' }] } });
    const { body } = await server.get(boats, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    expect(body.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(['Name', 'Port', 'Crew']);
    expect(body.rows[0].cells).toEqual(['a', 'Kiel', 'bob']);
  });

  it('is applied with its list maps', async () => {
    await server.apply(`${boats}/applied`, 'alice', boat('applied', { port: 'Kiel', crew: [{ name: 'ann' }] }));
    const { body } = await server.apply(`${boats}/applied`, 'bob', boat('applied', { crew: [{ name: 'bob' }] }));
    expect(body.spec.crew.map(({ name }: { name: string }) => name)).toEqual(['ann', 'bob']);
  });

  it('serves a second version of the same objects', async () => {
    await server.merge(`${definitions}/boats.example.com`, { spec: { versions: [version('v1'), version('v2')] } });
    const { body } = await until(
      () => server.get('/apis/example.com/v2/namespaces/custom/boats/a'),
      ({ status }) => status === 200,
    );
    expect(body).toMatchObject({ apiVersion: 'example.com/v2', kind: 'Boat', spec: { port: 'Kiel' } });
  });

  it('forgives old objects what a stricter schema would refuse, as long as they do not change it', async () => {
    await server.post(boats, boat('old', { port: 'Kiel', sails: 9 }));
    const strict = structuredClone(schema);
    strict.properties.spec.properties.sails.maximum = 5;
    await server.merge(`${definitions}/boats.example.com`, {
      spec: { versions: [version('v1', { schema: { openAPIV3Schema: strict } })] },
    });
    await until(
      () => server.post(`${boats}?dryRun=All`, boat('new', { port: 'Kiel', sails: 9 })),
      ({ status }) => status === 422,
    );
    expect((await server.merge(`${boats}/old`, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
    expect((await server.merge(`${boats}/old`, { spec: { sails: 8 } })).status).toBe(422);
  });

  it('goes after its objects went', async () => {
    await server.post(boats, {
      ...boat('held', { port: 'Kiel' }),
      metadata: { name: 'held', finalizers: ['example.com/hold'] },
    });
    expect((await server.del(`${definitions}/boats.example.com`)).body.metadata.finalizers).toEqual([
      'customresourcecleanup.apiextensions.k8s.io',
    ]);
    await until(
      () => server.get(`${boats}/a`),
      ({ status }) => status === 404,
    );
    expect((await server.post(boats, boat('late', { port: 'Kiel' }))).body.message).toContain(
      'create not allowed while custom resource definition is terminating',
    );
    await server.merge(`${boats}/held`, { metadata: { finalizers: null } });
    await until(
      () => server.get(`${definitions}/boats.example.com`),
      ({ status }) => status === 404,
    );
    const gone = await server.get(boats);
    expect(gone.status).toBe(404);
    expect(gone.text).toBe('404 page not found\n');
  });

  it('is refused with a schema that is not structural', async () => {
    const loose = { type: 'object', properties: { spec: { description: 'what?' } } };
    const { status, body } = await server.post(
      definitions,
      definition([version('v1', { schema: { openAPIV3Schema: loose } })]),
    );
    expect(status).toBe(422);
    expect(body.message).toContain('must not be empty for specified object fields');
  });
});
