/** Which secrets a dev pod gets, and how: seen over the whole HTTP API. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renewSecrets } from '#functions/lib/secret-renewal.ts';
import { harbour } from '#test/builders/seat-world.ts';
import type { Person } from './http-api.ts';
import { create, createSeatsApi, freshName, path, type SeatsApi } from './seats-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: SeatsApi;

beforeAll(async () => {
  table = await startTable();
  api = await createSeatsApi(table);
});
afterAll(() => table.stop());

const moored = async (): Promise<Person> => {
  const person = await api.person();
  await harbour(api, person);
  return person;
};
const keep = (by: Person, body: object) =>
  by.call('POST', '/api/v1/secrets', { body: { value: 'the value', ...body } });
const file = (name: string, version = 1) => ({ name, version, as: 'File' });
const variable = (name: string, version = 1) => ({ name, version, as: 'Env' });

it('a pod gets all secrets of the person and the team by default, the person’s own first, as files', async () => {
  const ada = await moored();
  await keep(ada, { name: 'NODE_OPTIONS' });
  await keep(ada, { scope: 'team', name: 'TOKEN' });
  await keep(ada, { name: 'TOKEN' });
  await keep(ada, { name: 'TOKEN' });
  expect((await create(ada)).body.secrets).toEqual([file('NODE_OPTIONS'), file('TOKEN', 2)]);
  expect((await create(ada, { secrets: [] })).body.secrets).toEqual([]);
});

it('a secret is in the environment where its template asks, and there alone', async () => {
  const ada = await moored();
  const name = freshName();
  const release = (environment: string[]) =>
    ada.call('POST', '/api/v1/templates', { body: { name, title: 'T', image: 'registry.test/t:1', environment } });
  expect((await release(['TOKEN', 'NOT_THERE'])).body).toMatchObject({ environment: ['TOKEN', 'NOT_THERE'] });
  await keep(ada, { name: 'OTHER' });
  await keep(ada, { name: 'TOKEN' });
  const template = { name };
  expect((await create(ada)).body.secrets).toEqual([file('OTHER'), file('TOKEN')]);
  const { body } = await create(ada, { template });
  expect(body.secrets).toEqual([file('OTHER'), variable('TOKEN')]);
  expect((await create(ada, { template, secrets: ['TOKEN'] })).body.secrets).toEqual([variable('TOKEN')]);

  // What the template said when the pod was made stays, through other choices and new values.
  await release([]);
  const change = (secrets: string[]) => ada.call('PATCH', path(body.id), { body: { secrets } });
  expect((await change(['OTHER'])).body.secrets).toEqual([file('OTHER')]);
  expect((await change(['TOKEN'])).body.secrets).toEqual([variable('TOKEN')]);
  await keep(ada, { name: 'TOKEN' });
  await renewSecrets(api, await api.store.secrets.get(ada.id, 'TOKEN'));
  expect((await ada.call('GET', path(body.id))).body.secrets).toEqual([variable('TOKEN', 2)]);
});

it.each(['PATH', 'LD_PRELOAD', 'NODE_OPTIONS', 'KUBECONFIG', 'PARAM_MODE', 'ROADSTEAD_TEAM', 'lower'])(
  'a template that asks for %s in the environment is refused, field and reason named',
  async (unsafe) => {
    const ada = await api.person();
    const body = { name: freshName(), title: 'T', image: 'registry.test/t:1', environment: ['TOKEN', unsafe] };
    const refused = await ada.call('POST', '/api/v1/templates', { body });
    expect(refused).toMatchObject({
      status: 400,
      body: { code: 'request.invalid', errors: [{ path: 'environment.1' }] },
    });
    if (unsafe !== 'lower') expect(refused.body.errors[0].message).toContain(unsafe);
  },
);

it('the objects that a template makes show where the secrets of the one who asks come, and no value', async () => {
  const ada = await api.person();
  await keep(ada, { name: 'TFE_TOKEN' });
  const { body } = await ada.call('POST', '/api/v1/templates/claude-terraform/render', { body: {} });
  expect(JSON.stringify(body)).toContain('{"name":"TFE_TOKEN","valueFrom":{"secretKeyRef":');
  expect(JSON.stringify(body)).not.toContain('the value');
});
