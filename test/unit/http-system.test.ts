import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { app } from '#functions/http/apps/system.ts';
import { http } from '#functions/lib/http.ts';
import { API_PATHS, TO_THE_PAGE } from '#infra/constructs/dashboard.ts';
import { ask, eventOf } from '#test/store/http-api.ts';

const handler = http(
  app({
    log: { error: () => {}, warn: () => {}, info: () => {} } as never,
    now: () => '2026-11-21T12:00:00.000Z',
    newId: () => 'id',
    checkReplies: true,
    version: '1',
    readDocsFile: async (name) =>
      readFileSync(new URL(`../../node_modules/swagger-ui-dist/${name}`, import.meta.url), 'utf8'),
  }),
);
const get = (path: string) => ask(handler, eventOf('GET', path, {}));

describe('/docs', () => {
  it('is where / leads, at the API and at the edge', async () => {
    const { status, headers } = await get('/');
    expect([status, headers.location]).toEqual([302, '/docs']);
    const atTheEdge = runInNewContext(`${TO_THE_PAGE}; handler`) as (event: object) => unknown;
    expect(atTheEdge({ request: { uri: '/' } })).toMatchObject({
      statusCode: 302,
      headers: { location: { value: '/docs' } },
    });
    expect(atTheEdge({ request: { uri: '/clusters/one' } })).toEqual({ uri: '/index.html' });
    expect(atTheEdge({ request: { uri: '/assets/app.js' } })).toEqual({ uri: '/assets/app.js' });
    expect(API_PATHS).toContain('/docs*');
  });

  it('shows our document with no inline script and no validator, with and without a slash at the end', async () => {
    const page = await get('/docs');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    expect(page.body).not.toMatch(/<script(?![^>]*src=)/);
    // API Gateway takes no route that ends in a slash: the request comes by $default.
    expect((await get('/docs/')).body).toBe(page.body);
    const script = await get('/docs/initializer.js');
    expect(script.body).toContain("url: '/api/v1/openapi.json'");
    expect(script.body).toContain('validatorUrl: null');
  });

  it('hands out every file that the page names, as what it is', async () => {
    const { body } = (await get('/docs')) as { body: string };
    const parts = [...body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] as string);
    expect(parts).toHaveLength(3);
    for (const part of parts) {
      const { status, headers } = await get(part);
      expect([part, status]).toEqual([part, 200]);
      expect(headers['content-type']).toBe(`text/${part.endsWith('.css') ? 'css' : 'javascript'}; charset=utf-8`);
      expect(headers['x-content-type-options']).toBe('nosniff');
    }
    // API Gateway takes 10 MB, Lambda 6 MB of it.
    expect(Buffer.byteLength(JSON.stringify((await get('/docs/swagger-ui-bundle.js')).body))).toBeLessThan(4e6);
  });

  it('gives no other file away', async () => {
    for (const name of ['package.json', '..%2Fpackage.json', '__proto__', 'constructor', 'index.html'])
      expect((await get(`/docs/${name}`)).status).toBe(404);
  });
});
