/** Which secrets a dev pod gets, and how: seen over the whole HTTP API. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TOKEN_HEADER } from '#core/contract/agent.ts';
import { renewSecrets } from '#functions/lib/secret-renewal.ts';
import { connectedCluster, harbour, joinTeam } from '#test/builders/seat-world.ts';
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
const file = (name: string, version = 1) => ({ name, version, holder: 'Owner', as: 'File' });
const variable = (name: string, version = 1) => ({ name, version, holder: 'Owner', as: 'Env' });
const teams = (name: string) => ({ ...file(name), holder: 'Team' });

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

it('a pod has the secrets of its owner only once they let them in: nobody else chooses what reads them', async () => {
  const [ada, bob] = [await moored(), await api.person()];
  await joinTeam(api, bob.id, ada.team, 'member');
  await keep(ada, { scope: 'team', name: 'TOKEN' });
  for (const name of ['TOKEN', 'OWN']) await keep(bob, { name });
  await keep(bob, { name: 'TOKEN' });

  const made = await create(ada, { owner: bob.id });
  expect(made.body.secrets).toEqual([teams('TOKEN')]);
  expect(await create(ada, { owner: bob.id, secrets: ['OWN'] })).toMatchObject({ body: { code: 'secret.unknown' } });
  await renewSecrets(api, await api.store.secrets.get(bob.id, 'OWN'));
  const seat = path(made.body.id, `?team=${ada.team}`);
  expect((await bob.call('GET', seat)).body.secrets).toEqual([teams('TOKEN')]);

  const chosen = await bob.call('PATCH', seat, { body: { secrets: null } });
  expect(chosen.body.secrets).toEqual([file('OWN'), file('TOKEN', 2)]);
  expect((await bob.call('PATCH', seat, { body: { secrets: ['OWN'] } })).body.secrets).toEqual([file('OWN')]);
  for (const change of [
    { image: 'registry.test/spy:1' },
    { git: { dotfiles: 'https://spy.test/dots' } },
    { secrets: null },
  ]) {
    const refused = await ada.call('PATCH', seat, { body: change });
    expect(refused).toMatchObject({ status: 403, body: { code: 'access.denied' } });
    expect(refused.body.detail).toContain(Object.keys(change)[0]);
  }
  expect((await ada.call('PATCH', seat, { body: { idleTimeoutSeconds: 60 } })).status).toBe(200);
});

it('a pod takes 32 secrets: more are to be chosen among, and what a renewal cannot take is not what its programs look for', async () => {
  const ada = await moored();
  for (let n = 0; n < 32; n += 1) await keep(ada, { name: `A${n}` });
  const { body } = await create(ada, { template: { name: 'claude-terraform' } });
  expect(body.secrets).toHaveLength(32);
  await keep(ada, { name: 'TFE_TOKEN' });
  const refused = await create(ada);
  expect(refused).toMatchObject({ status: 400, body: { code: 'secret.too_many' } });
  expect((await create(ada, { secrets: ['A1'] })).body.secrets).toEqual([file('A1')]);
  await renewSecrets(api, await api.store.secrets.get(ada.id, 'TFE_TOKEN'));
  const after = (await ada.call('GET', path(body.id))).body.secrets;
  expect(after).toHaveLength(32);
  expect(after).toContainEqual(variable('TFE_TOKEN'));
});

it('nobody who could not enter a pod is made its owner', async () => {
  const [ada, eve] = [await moored(), await api.person()];
  await joinTeam(api, eve.id, ada.team, 'viewer');
  const refused = await create(ada, { owner: eve.id });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'owner' }] } });
  const body = { name: freshName(), replicas: 1, owners: [eve.id] };
  expect(await ada.call('POST', '/api/v1/groups', { body })).toMatchObject({
    status: 400,
    body: { errors: [{ path: 'owners.0' }] },
  });
});

it('the agent is given the values that the seat may have: not its owner’s of the same name and number, until they let them in', async () => {
  const [ada, bob] = [await api.person(), await api.person()];
  const { token } = await connectedCluster(api, ada);
  await joinTeam(api, bob.id, ada.team, 'member');
  await keep(ada, { scope: 'team', name: 'TOKEN', value: 'the team’s' });
  await keep(bob, { name: 'TOKEN', value: 'bob’s own' });
  const { body } = await create(ada, { owner: bob.id });
  const fetched = async () =>
    (
      await api.call('GET', `/api/v1/agent/workspaces/${body.id}/secrets`, {
        token: null,
        headers: { [TOKEN_HEADER]: token },
      })
    ).body.values;
  expect(await fetched()).toEqual([{ name: 'TOKEN', version: 1, value: 'the team’s' }]);
  await bob.call('PATCH', path(body.id, `?team=${ada.team}`), { body: { secrets: null } });
  expect(await fetched()).toEqual([{ name: 'TOKEN', version: 1, value: 'bob’s own' }]);
});

it('until its spec names another, a seat has the holder’s value that it names, whatever its owner keeps meanwhile', async () => {
  const ada = await api.person();
  const { token } = await connectedCluster(api, ada);
  await keep(ada, { scope: 'team', name: 'TOKEN', value: 'the team’s' });
  const { body } = await create(ada);
  await keep(ada, { name: 'TOKEN', value: 'ada’s own' });
  const request = { token: null, headers: { [TOKEN_HEADER]: token } };
  const fetched = async () =>
    (await api.call('GET', `/api/v1/agent/workspaces/${body.id}/secrets`, request)).body.values;
  expect(await fetched()).toEqual([{ name: 'TOKEN', version: 1, value: 'the team’s' }]);
  await renewSecrets(api, await api.store.secrets.get(ada.id, 'TOKEN'));
  expect(await fetched()).toEqual([{ name: 'TOKEN', version: 1, value: 'ada’s own' }]);
});
