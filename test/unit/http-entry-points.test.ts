import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allRoutes, functionOf } from '#core/contract/routes.ts';
import { environments } from '#functions/lib/env.ts';
import { ask, eventOf } from '#test/store/http-api.ts';

const before = { ...process.env };
const functions = Object.keys(environments).filter((name) => name.startsWith('http/'));

/** A value that the schemas take, for each variable of these functions. */
const valueFor = (variable: string): string => {
  if (variable === 'REGISTRATION') return 'closed';
  if (variable === 'LOG_LEVEL') return 'ERROR';
  if (variable === 'FIPS') return 'false';
  if (/_(LIMIT|SECONDS)$/.test(variable)) return '1';
  return /(URL|URI|ISSUER)$/.test(variable) ? 'http://127.0.0.1:9' : 'value';
};

beforeAll(() => {
  for (const name of functions)
    for (const variable of Object.keys(environments[name as keyof typeof environments].shape))
      process.env[variable] = valueFor(variable);
  process.env.AWS_REGION = 'us-east-1';
});
afterAll(() => {
  process.env = before;
});

describe('the entry points of HTTP functions', () => {
  it.each(functions)('%s starts with its environment, serves its routes and no other', async (name) => {
    const { handler } = (await import(`../../functions/http/${name.slice(5)}.ts`)) as { handler: unknown };
    for (const route of allRoutes.filter((each) => each.auth !== 'public' || each.id === 'system.health')) {
      const path = route.path.replaceAll(/\{\w+\}/g, 'demo');
      const { status, body } = await ask(handler, eventOf(route.method, path, {}));
      if (`http/${functionOf(route)}` !== name)
        expect([route.id, status, body.code]).toEqual([route.id, 404, 'route.not_found']);
      else expect([route.id, status]).toEqual([route.id, route.auth === 'public' ? 200 : 401]);
    }
  });
});
