/** Definitions whose schemas are refused, each with the field and the reason that a real server names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.stop());

const at = 'spec.validation.openAPIV3Schema';
const text = { type: 'string' };
const define = (openAPIV3Schema: object, version: object = {}, spec: object = {}) =>
  server.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All', {
    metadata: { name: 'boats.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...version }],
      ...spec,
    },
  });
const withSpec = (spec: object) => ({ type: 'object', properties: { spec } });
const list = (more: object, items: object = { type: 'object', properties: { name: text } }) =>
  withSpec({ type: 'array', items, ...more });

describe('a schema', () => {
  it.each([
    [
      'keys that may be missing',
      list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
      'properties[spec].items.properties[name].default',
      'must have a default or be a required property',
    ],
    [
      'keys that are no properties',
      list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['id'] }),
      'properties[spec].x-kubernetes-list-map-keys[0]',
      'entries must all be names of item properties',
    ],
    [
      'a map list of texts',
      list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }, text),
      'properties[spec].items.type',
      'must be object',
    ],
    [
      'an unknown kind of list',
      list({ 'x-kubernetes-list-type': 'bag' }),
      'properties[spec].x-kubernetes-list-type',
      'Unsupported value',
    ],
    [
      'a kind of map on a list',
      list({ 'x-kubernetes-map-type': 'atomic' }),
      'properties[spec].type',
      'must be object if x-kubernetes-map-type',
    ],
    ['unique items', list({ uniqueItems: true }), 'properties[spec].uniqueItems', 'quadratic'],
    [
      'a type under anyOf',
      withSpec({ type: 'object', anyOf: [{ type: 'object' }] }),
      'properties[spec].anyOf[0].type',
      'must be empty to be structural',
    ],
    [
      'a default under allOf',
      withSpec({ type: 'object', allOf: [{ properties: { a: { default: 1 } } }] }),
      'properties[spec].allOf[0].properties[a].default',
      'must be undefined to be structural',
    ],
    [
      'rules under not',
      withSpec({ type: 'object', not: { 'x-kubernetes-validations': [{ rule: 'true' }] } }),
      'properties[spec].not.x-kubernetes-validations',
      'must be empty to be structural',
    ],
    [
      'more of the metadata',
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      'properties[metadata]',
      'must not specify anything other than name and generateName',
    ],
    [
      'an embedded object of no kind',
      withSpec({ type: 'object', 'x-kubernetes-embedded-resource': true }),
      'properties[spec].properties',
      'must not be empty',
    ],
    [
      'what is not kept',
      withSpec({ type: 'object', 'x-kubernetes-preserve-unknown-fields': false }),
      'properties[spec].x-kubernetes-preserve-unknown-fields',
      'must be true or undefined',
    ],
    [
      'free fields at the root',
      { type: 'object', additionalProperties: text },
      'additionalProperties',
      'must not be used at the root',
    ],
  ])('is refused with %s', async (_title, schema, field, message) => {
    const { status, body } = await define(schema);
    expect(status).toBe(422);
    expect(body.details.causes[0].field).toBe(`${at}.${field}`);
    expect(body.details.causes[0].message).toContain(message);
  });

  it('may say anyOf of what may be a number or a text', async () => {
    const port = { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, text] };
    expect((await define(withSpec({ type: 'object', properties: { port } }))).status).toBe(201);
  });
});

describe('a definition', () => {
  it.each([
    ['a field that is not there', '.spec.mast', 'does not refer to a valid field'],
    ['a field that is no single value', '.spec', 'must point to a field of type string, boolean, or integer'],
  ])('selects by no %s', async (_title, jsonPath, message) => {
    const { status, body } = await define(withSpec({ type: 'object', properties: { sails: text } }), {
      selectableFields: [{ jsonPath }],
    });
    expect(status).toBe(422);
    expect(body.details.causes[0].field).toBe('spec.versions[0].selectableFields[0].jsonPath');
    expect(body.details.causes[0].message).toContain(message);
  });

  it('cannot have its objects converted by others', async () => {
    const { status, body } = await define({ type: 'object' }, {}, { conversion: { strategy: 'Webhook' } });
    expect(status).toBe(422);
    expect(body.message).toContain('calls no conversion webhooks');
  });
});
