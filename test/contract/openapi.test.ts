import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { catalogue } from '#core/contract/errors.ts';
import { toOpenApi } from '#core/contract/openapi.ts';
import { route } from '#core/contract/route.ts';
import { allRoutes, functionOf } from '#core/contract/routes.ts';
import { environments } from '#functions/lib/env.ts';
import release from '../../package.json' with { type: 'json' };

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into at every depth
type Any = any;

const document: Any = toOpenApi(allRoutes, release.version);
const operations: [string, string, Any][] = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
  Object.entries<Any>(methods).map(([method, operation]): [string, string, Any] => [
    method.toUpperCase(),
    path,
    operation,
  ]),
);

/** Every `$ref` in the document. */
const refs = (value: unknown): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([key, each]) => (key === '$ref' ? [String(each)] : refs(each)));

const resolve = (ref: string): unknown =>
  ref
    .slice(2)
    .split('/')
    .reduce<Any>((at, part) => at?.[part], document);

describe('the OpenAPI document', () => {
  it('is the one that is checked in: a change of the public language shows in review (UPDATE_OPENAPI=1 writes it)', () => {
    const file = new URL('./openapi.json', import.meta.url);
    const text = `${JSON.stringify(document, null, 2)}\n`;
    if (process.env.UPDATE_OPENAPI === '1') writeFileSync(file, text);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(text));
  });

  it('names every route of the contract and no other', () => {
    const named = operations.map(([method, path]) => `${method} ${path}`).sort();
    expect(named).toEqual(allRoutes.map((each) => `${each.method} ${each.path}`).sort());
  });

  it('has the structure that OpenAPI 3.1 asks for', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Roadstead', version: release.version });
    const ids = operations.map(([, , operation]) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [method, path, operation] of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((each) => each[1]);
      const declared = operation.parameters.filter((each: Any) => each.in === 'path');
      expect([path, declared.map((each: Any) => each.name)]).toEqual([path, inPath]);
      for (const each of declared) expect(each.required).toBe(true);
      for (const each of operation.parameters) expect(each.$ref ?? each.schema).toBeDefined();
      if (method === 'GET') expect(operation).not.toHaveProperty('requestBody');
      for (const [status, response] of Object.entries<Any>(operation.responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(response.description.length).toBeGreaterThan(0);
      }
      for (const scheme of operation.security.flatMap((each: object) => Object.keys(each)))
        expect(document.components.securitySchemes).toHaveProperty(scheme);
    }
  });

  it('refers only to what is in it, and holds nothing that nobody refers to', () => {
    const used = new Set(refs(document));
    for (const ref of used) expect([ref, resolve(ref)]).not.toEqual([ref, undefined]);
    for (const name of Object.keys(document.components.schemas)) expect(used).toContain(`#/components/schemas/${name}`);
    for (const name of Object.keys(document.components.headers)) expect(used).toContain(`#/components/headers/${name}`);
  });

  it('has schemas that zod can read back, each an object, an array, a union or a plain value', () => {
    for (const [name, schema] of Object.entries<Any>(document.components.schemas)) {
      expect([name, Object.keys(schema)]).not.toEqual([name, []]);
      expect(schema).not.toHaveProperty('id');
      expect(() => z.fromJSONSchema({ ...schema, $defs: {} })).not.toThrow(/invalid/i);
    }
  });

  it('says of every refusal which codes it may carry, and of every closed route how to be let in', () => {
    for (const route of allRoutes) {
      const operation = document.paths[route.path][route.method.toLowerCase()];
      for (const code of route.errors) {
        const status = code === 'cluster.expired' && route.id.startsWith('access.') ? 410 : catalogue[code].status;
        expect([route.id, operation.responses[status]?.description]).toEqual([
          route.id,
          expect.stringContaining(`\`${code}\``),
        ]);
      }
      const ways = { public: [], account: ['bearer', 'password'], agent: ['clusterToken'], install: ['clusterToken'] };
      expect(operation.security.flatMap(Object.keys)).toEqual(ways[route.auth]);
      expect(operation.responses['401'] !== undefined || route.auth === 'public').toBe(true);
    }
  });

  it('offers the form of the OAuth2 password grant where sign-in is', () => {
    const { content } = document.paths['/api/v1/auth/token'].post.requestBody;
    expect(Object.keys(content)).toEqual(['application/json', 'application/x-www-form-urlencoded']);
    expect(document.components.securitySchemes.password.flows.password.tokenUrl).toBe('/api/v1/auth/token');
  });

  it('gives a shared schema one name where it is sent and answered alike, and two where not', () => {
    const Alike = z.strictObject({ a: z.string() }).meta({ id: 'TestAlike' });
    const Other = z.strictObject({ b: z.int().default(1) }).meta({ id: 'TestOther' });
    const Holder = z.strictObject({ other: Other, alike: Alike }).meta({ id: 'TestHolder' });
    const made: Any = toOpenApi(
      [
        route({
          id: 'test.put',
          method: 'POST',
          path: '/t',
          auth: 'public',
          summary: 't',
          body: Holder,
          reply: { 200: Holder },
        }),
      ],
      '1',
    );
    expect(Object.keys(made.components.schemas)).toEqual(
      expect.arrayContaining(['TestAlike', 'TestHolder', 'TestHolderInput', 'TestOther', 'TestOtherInput']),
    );
    expect(made.components.schemas).not.toHaveProperty('TestAlikeInput');
    expect(made.components.schemas.TestHolderInput.properties.other).toEqual({
      $ref: '#/components/schemas/TestOtherInput',
    });
    expect(refs(made).every((ref) => !ref.includes('in:'))).toBe(true);
  });
});

describe('the routes', () => {
  it('are served by functions that the deployment knows', () => {
    for (const each of allRoutes) expect(Object.keys(environments)).toContain(`http/${functionOf(each)}`);
  });

  it('have one id and one path with method each, under /api/v1 but for the path of the seed and the pages for people', () => {
    expect(new Set(allRoutes.map((each) => each.id)).size).toBe(allRoutes.length);
    expect(new Set(allRoutes.map((each) => `${each.method} ${each.path}`)).size).toBe(allRoutes.length);
    const elsewhere = allRoutes.filter(({ path }) => !/^\/api\/v1\/[a-z]/.test(path)).map(({ id }) => id);
    expect(elsewhere.toSorted()).toEqual(['system.docs', 'system.docsFile', 'system.root', 'tokens.register']);
  });

  it('ask for a principal, but for those under /auth (not logout), the health check, this document and its page', () => {
    const open = allRoutes.filter((each) => each.auth === 'public').map((each) => each.id);
    expect(open.filter((id) => !id.startsWith('auth.'))).toEqual([
      'system.health',
      'system.openapi',
      'system.root',
      'system.docs',
      'system.docsFile',
    ]);
    expect(open).not.toContain('auth.logout');
  });
});
