import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Problem } from '#core/contract/problem.ts';
import type { Route } from '#core/contract/route.ts';
import { allRoutes } from '#core/contract/routes.ts';
import type { Identity } from '#functions/lib/identity.ts';
import { type Api, type CallOptions, createApi, type Person } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;
let cluster: { id: string; name: string; operationId: string };

const tokens = async () => ({ access_token: 'a', token_type: 'Bearer' as const, expires_in: 900 });
const nothing = async () => {};
/** Takes whatever the contract lets through. */
const identity: Identity = {
  invite: nothing,
  create: nothing,
  confirm: tokens,
  signIn: tokens,
  refresh: tokens,
  revoke: nothing,
  revokeAll: nothing,
  forgot: nothing,
  reset: nothing,
};

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, { identity });
  ada = await api.person();
  cluster = (await ada.call('POST', '/api/v1/clusters', { body: { name: 'demo' } })).body;
});
afterAll(() => table.stop());

/** What people and programs put where something else belongs. */
const odd = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '__proto__',
    'constructor',
    '../..',
    '%',
    '\u0000',
    '💥',
    'null',
    'x'.repeat(3000),
  ),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const json = fc.oneof(odd, fc.jsonValue({ maxDepth: 3 }), fc.array(odd, { maxLength: 4 }));

/** Fields that routes know, so that generated bodies get past the first check. */
const fields = {
  name: fc.oneof(fc.constantFrom('demo', 'other', 'a-b'), json),
  team: fc.oneof(fc.constant(undefined), json),
  provider: fc.oneof(fc.constant('eks'), json),
  kubernetesVersion: fc.oneof(fc.constant('1.35'), json),
  workers: fc.oneof(
    fc.record({ count: fc.oneof(fc.integer(), json), size: fc.oneof(fc.constant('small'), json) }),
    json,
  ),
  ttlSeconds: fc.oneof(fc.integer(), json),
  labels: fc.oneof(fc.dictionary(fc.string(), json), json),
  options: fc.oneof(fc.record({ compute: json }), json),
  email: fc.oneof(fc.emailAddress(), json),
  password: fc.oneof(fc.constant('correct-Horse7battery'), json),
  code: json,
  refresh_token: json,
  username: fc.oneof(fc.emailAddress(), json),
  grant_type: fc.oneof(fc.constant('password'), json),
};
const body = fc.oneof(json, fc.record(fields, { requiredKeys: [] }));

const reference = (route: Route) =>
  fc.record(
    Object.fromEntries(
      [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [
        name as string,
        fc.oneof(
          fc.constantFrom('demo', 'clu_', '.', 'x'.repeat(65)),
          fc.string({ minLength: 1, maxLength: 70 }).filter((text) => !/[/?]/.test(text)),
        ),
      ]),
    ),
  );

const request = fc.constantFrom(...allRoutes).chain((route) =>
  fc.record({
    route: fc.constant(route),
    params: reference(route),
    query: fc.oneof(
      fc.constant(''),
      fc
        .dictionary(fc.constantFrom('limit', 'cursor', 'phase', 'label', 'team', 'auth', '__proto__', 'x'), fc.string())
        .map((pairs) => new URLSearchParams(Object.entries(pairs)).toString()),
      fc.string().filter((text) => !text.includes('?')),
    ),
    payload: fc.oneof(
      body.map((value): CallOptions => ({ body: value })),
      fc.string({ unit: 'binary' }).map((raw): CallOptions => ({ raw })),
      fc
        .uint8Array()
        .map((bytes): CallOptions => ({ raw: Buffer.from(bytes).toString('base64'), isBase64Encoded: true })),
      fc
        .webQueryParameters()
        .map((raw): CallOptions => ({ raw, headers: { 'content-type': 'application/x-www-form-urlencoded' } })),
    ),
    headers: fc.dictionary(
      fc.constantFrom('idempotency-key', 'if-match', 'x-correlation-id', 'content-type', 'accept'),
      fc.string({ maxLength: 140 }),
    ),
  }),
);

it('generated requests are never answered with a 5xx, and every refusal is a problem document', async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ route, params, query, payload, headers }) => {
      const path = route.path.replaceAll(
        /\{(\w+)\}/g,
        (_, name: string) => (params as Record<string, string>)[name] as string,
      );
      const answer = await ada.call(route.method, `${path}${query === '' ? '' : `?${query}`}`, {
        ...payload,
        headers: { ...payload.headers, ...headers },
      });
      // Nobody signs ada out here but logout itself.
      expect(answer.status).toBeLessThan(500);
      if (answer.status >= 400) expect(Problem.safeParse(answer.body)).toMatchObject({ success: true });
    }),
    { numRuns: 300 },
  );
});

it('and the cluster that was there is still there, owned by the same person', async () => {
  // A logout of everything may have been among them: this session begins afterwards.
  const began = Math.floor(Date.parse(api.now()) / 1000) + 1;
  const token = `${ada.id}|another-session|${began}`;
  const again = await api.call('GET', `/api/v1/clusters/${cluster.id}`, { token });
  expect(again).toMatchObject({ status: 200, body: { createdBy: ada.id, name: 'demo' } });
});
