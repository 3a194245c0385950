/** The HTTP adapter by itself, with routes made up here: what holds for every route of the API. */

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { AppError } from '#core/contract/errors.ts';
import { type Route, route } from '#core/contract/route.ts';
import type { HttpDeps } from '#functions/lib/http/call.ts';
import { http, on, reply } from '#functions/lib/http.ts';
import { ask, type CallOptions, eventOf } from '#test/store/http-api.ts';

const echo = route({
  id: 'test.echo',
  method: 'POST',
  path: '/api/v1/echo/{name}',
  auth: 'public',
  summary: 'Answers what it was given',
  form: true,
  params: z.strictObject({ name: z.string().max(8) }),
  query: z.strictObject({ tag: z.union([z.string(), z.array(z.string())]).optional() }),
  body: z.strictObject({
    text: z.string().optional(),
    list: z.array(z.int()).optional(),
    password: z.string().min(12).optional(),
  }),
  reply: { 200: z.strictObject({ name: z.string(), tag: z.unknown(), text: z.string().optional() }) },
});
const bad = route({
  id: 'test.bad',
  method: 'GET',
  path: '/api/v1/bad',
  auth: 'public',
  summary: 'Fails in several ways',
  query: z.strictObject({ how: z.string() }),
  reply: { 200: z.strictObject({ ok: z.literal(true) }), 204: null },
});

const SECRET = 'hunter2-hunter2';
const lines: { level: string; line: string; extra: Record<string, unknown> }[] = [];
const log = (level: string) => (line: unknown, extra?: unknown) =>
  lines.push({ level, line: String(line), extra: (extra ?? {}) as Record<string, unknown> });
const deps: HttpDeps = {
  log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } as unknown as HttpDeps['log'],
  now: () => '2026-11-21T12:00:00.000Z',
  newId: (prefix) => `${prefix}_made`,
  checkReplies: true,
};
const handler = http({
  deps,
  served: [
    on(echo, async ({ params, query, body }) =>
      reply(200, {
        name: params.name,
        tag: query.tag ?? null,
        ...(body.text === undefined ? {} : { text: body.text }),
      }),
    ),
    on(bad, async ({ query: { how } }): Promise<never> => {
      if (how === 'throws') throw new Error(`the database said ${SECRET}`);
      if (how === 'internal') throw new AppError('internal', { detail: SECRET });
      if (how === 'busy') throw new AppError('retry');
      if (how === 'limited') throw new AppError('rate.limited', { retryAfterSeconds: 7 });
      if (how === 'body') return reply(200, { ok: 'yes' }) as never;
      if (how === 'status') return reply(201) as never;
      return reply(204) as never;
    }),
  ],
});
const call = (method: string, target: string, options: CallOptions = {}) =>
  ask(handler, eventOf(method, target, options));
const post = (options: CallOptions, target = '/api/v1/echo/ada') => call('POST', target, options);

describe('every answer', () => {
  it('carries a correlation id of ours, or the client’s when it is sane, and the security headers', async () => {
    const made = await post({ body: {} });
    expect(made.headers).toMatchObject({
      'x-correlation-id': 'req_made',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-type': 'application/json; charset=utf-8',
    });
    const given = await post({ body: {}, headers: { 'X-Correlation-Id': 'trace-1:2/3' } });
    expect(given.headers['x-correlation-id']).toBe('trace-1:2/3');
    for (const insane of ['a b', '', 'x'.repeat(129), 'a\nb', '"'])
      expect((await post({ body: {}, headers: { 'x-correlation-id': insane } })).headers['x-correlation-id']).toBe(
        'req_made',
      );
    const refused = await call('GET', '/api/v1/bad', { headers: { 'x-correlation-id': 'mine' } });
    expect(refused).toMatchObject({
      status: 400,
      body: { correlationId: 'mine' },
      headers: { 'x-correlation-id': 'mine', 'cache-control': 'no-store' },
    });
  });

  it('is one line in the log, with the route and never with the path, the query or the body', async () => {
    lines.length = 0;
    await post({ body: { text: SECRET } }, `/api/v1/echo/ada?tag=${SECRET}`);
    expect(lines).toEqual([
      {
        level: 'info',
        line: 'request',
        extra: {
          correlationId: 'req_made',
          method: 'POST',
          route: 'test.echo',
          status: 200,
          milliseconds: expect.any(Number),
        },
      },
    ]);
  });
});

describe('what comes in', () => {
  it('is parsed: path, repeated query parameters, JSON and forms, also as base64', async () => {
    const { body } = await post({ body: { text: 'hä?' } }, '/api/v1/echo/ada?tag=a&tag=b');
    expect(body).toEqual({ name: 'ada', tag: ['a', 'b'], text: 'hä?' });
    const base64 = Buffer.from('{"text":"hä?"}').toString('base64');
    expect((await post({ raw: base64, isBase64Encoded: true })).body.text).toBe('hä?');
    const form = await post({ raw: 'text=a+b%21', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(form.body.text).toBe('a b!');
    expect((await post({ raw: '' })).status).toBe(200);
    expect((await post({ body: {}, headers: { 'content-type': 'application/json; charset="UTF-8"' } })).status).toBe(
      200,
    );
    expect((await post({ body: {}, headers: { 'content-type': 'application/merge-patch+json' } })).status).toBe(200);
  });

  it.each([
    ['malformed JSON', { raw: '{"text":' }, 400, 'request.malformed_json'],
    [
      'bytes that are no UTF-8',
      { raw: Buffer.from([0x22, 0xff, 0x22]).toString('base64'), isBase64Encoded: true },
      400,
      'request.malformed_json',
    ],
    ['half of a surrogate pair', { raw: '{"text":"\\ud800"}' }, 400, 'request.malformed_json'],
    ['another media type', { raw: '<x/>', headers: { 'content-type': 'application/xml' } }, 415, 'request.media_type'],
    [
      'another charset',
      { body: {}, headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      'request.media_type',
    ],
    ['a body over 64 KiB', { body: { text: 'x'.repeat(65_536) } }, 413, 'request.too_large'],
    ['an array for an object', { body: [] }, 400, 'request.invalid'],
    ['null', { raw: 'null' }, 400, 'request.invalid'],
    ['a field called __proto__', { raw: '{"__proto__":{"a":1}}' }, 400, 'request.invalid'],
    ['an unknown field', { body: { colour: 1 } }, 400, 'request.invalid'],
  ] as const)('is refused when it is %s', async (_, options, status, code) => {
    const refused = await post(options as CallOptions);
    expect(refused).toMatchObject({ status, body: { status, code, type: `urn:roadstead:error:${code}` } });
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  });

  it('takes exactly 64 KiB', async () => {
    const text = 'x'.repeat(65_536 - '{"text":""}'.length);
    expect((await post({ body: { text } })).status).toBe(200);
  });

  it('is refused field by field, and no value is said back', async () => {
    const { body } = await post(
      { body: { text: 7, list: [1, 'b', 2.5], password: 'short-pw' } },
      '/api/v1/echo/ada?x=1',
    );
    expect(body.errors).toEqual([{ path: 'query.x', message: 'there is no such field' }]);
    const fields = await post({ body: { text: 7, list: [1, 'b', 2.5], password: 'short-pw' } });
    expect(fields.body.errors.map((each: { path: string }) => each.path)).toEqual([
      'text',
      'list.1',
      'list.2',
      'password',
    ]);
    expect(JSON.stringify(fields.body)).not.toContain('short-pw');
    expect((await post({ body: {} }, '/api/v1/echo/much-too-long')).body.errors[0].path).toBe('path.name');
  });

  it('quotes nothing of a body that does not parse, since a password may be in it', async () => {
    expect(JSON.stringify((await post({ raw: `{"password": "${SECRET}` })).body)).not.toContain('hunter2');
  });
});

describe('a route that is not there', () => {
  it('is answered 404, and 405 with the methods where the path is known', async () => {
    expect(await call('GET', '/api/v1/nothing')).toMatchObject({ status: 404, body: { code: 'route.not_found' } });
    expect(await call('GET', '/')).toMatchObject({ status: 404, body: { code: 'route.not_found' } });
    const other = await call('PATCH', '/api/v1/clusters/demo');
    expect(other).toMatchObject({
      status: 405,
      body: { code: 'route.method_not_allowed', allowed: ['GET', 'DELETE'] },
    });
    expect(other.headers.allow).toBe('GET, DELETE');
    expect((await call('DELETE', '/api/v1/clustersXdemo')).status).toBe(404);
  });
});

describe('what goes wrong', () => {
  it.each(['throws', 'internal'])('inside (%s) is answered with the correlation id only, and logged', async (how) => {
    lines.length = 0;
    const answer = await call('GET', `/api/v1/bad?how=${how}`);
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal', correlationId: 'req_made' } });
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
    expect(lines.filter((each) => each.level === 'error')).toMatchObject([{ extra: { correlationId: 'req_made' } }]);
  });

  it('for a while is answered with the time to wait', async () => {
    expect((await call('GET', '/api/v1/bad?how=busy')).headers['retry-after']).toBe('1');
    expect((await call('GET', '/api/v1/bad?how=limited')).headers['retry-after']).toBe('7');
  });

  it.each(['body', 'status'])(
    'in a reply (%s) that the contract does not promise is a bug that tests and local runs see',
    async (how) => {
      expect((await call('GET', `/api/v1/bad?how=${how}`)).status).toBe(500);
      const lenient = http({
        deps: { ...deps, checkReplies: false },
        served: [on(bad, async () => reply(200, { ok: 'yes' } as never))],
      });
      expect((await ask(lenient, eventOf('GET', '/api/v1/bad?how=x', {}))).status).toBe(200);
    },
  );

  it('answers no content without a body', async () => {
    const answer = await call('GET', '/api/v1/bad?how=fine');
    expect(answer).toMatchObject({ status: 204, body: undefined });
    expect(answer.headers).not.toHaveProperty('content-type');
  });
});

describe('a function', () => {
  it('that serves routes with a principal does not start without a store, nor one that shows secrets without a key', () => {
    const closed = { ...echo, auth: 'account' } as unknown as Route;
    expect(() => http({ deps, served: [{ route: closed, answer: async () => reply(200) }] })).toThrow(/needs a store/);
    const secret = { ...closed, secret: true };
    expect(() =>
      http({
        deps: { ...deps, store: {} as never, verify: {} as never },
        served: [{ route: secret, answer: async () => reply(200) }],
      }),
    ).toThrow(/needs a sealing key/);
  });
});
