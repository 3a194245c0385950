/** Secrets, templates, and the ways into a seat, over the whole HTTP API. */
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { renewSecrets } from '#functions/lib/secret-renewal.ts';
import { connectedCluster, joinTeam, seatsIn } from '#test/builders/seat-world.ts';
import { type Api, createApi, type Person } from './http-api.ts';
import { asAgent, requestWaiting } from './seats-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;
let bob: Person;
let seats: ReturnType<typeof seatsIn>;
/** What the agent does while a person waits. */
let agentActs: () => Promise<void> = async () => {};

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, { patience: 2000, whileWaiting: () => agentActs() });
  seats = seatsIn(api);
  ada = await api.person();
  bob = await api.person();
});
afterAll(() => table.stop());

const cluster = async (by: Person) => {
  const made = await connectedCluster(api, by);
  return { id: made.cluster.id, token: made.token };
};
const seat = async (by: Person, on: string) => (await seats.seat(by, on)).next;

const asked = () => requestWaiting(table);

describe('secrets', () => {
  it('are counted up, listed without their values, and kept sealed', async () => {
    const body = { name: 'GITHUB_TOKEN', value: 'ghp_first' };
    expect((await ada.call('POST', '/api/v1/secrets', { body })).body).toMatchObject({ scope: 'account', version: 1 });
    const second = await ada.call('POST', '/api/v1/secrets', { body: { ...body, value: 'ghp_second' } });
    expect(second.body.version).toBe(2);
    const listed = await ada.call('GET', '/api/v1/secrets');
    expect(listed.body.items).toEqual([expect.objectContaining({ name: 'GITHUB_TOKEN', version: 2 })]);
    const stored = JSON.stringify(await api.store.secrets.get(ada.id, 'GITHUB_TOKEN'));
    expect(stored + JSON.stringify(listed.body)).not.toContain('ghp_');
  });

  it('of another person or team do not exist', async () => {
    expect((await bob.call('GET', '/api/v1/secrets')).body.items).toEqual([]);
    expect((await bob.call('DELETE', '/api/v1/secrets/GITHUB_TOKEN')).status).toBe(404);
    for (const [method, path, body] of [
      ['GET', `/api/v1/secrets?scope=team&team=${ada.team}`, undefined],
      ['POST', '/api/v1/secrets', { scope: 'team', team: ada.team, name: 'X', value: 'x' }],
      ['DELETE', `/api/v1/secrets/X?scope=team&team=${ada.team}`, undefined],
    ] as const)
      expect((await bob.call(method, path, body === undefined ? {} : { body })).status).toBe(404);
  });

  it('that let people into dev pods are each person’s own', async () => {
    const body = { name: 'SSH_AUTHORIZED_KEYS', value: 'ssh-ed25519 AAAA ada' };
    expect((await ada.call('POST', '/api/v1/secrets', { body })).status).toBe(200);
    const refused = await ada.call('POST', '/api/v1/secrets', { body: { ...body, scope: 'team' } });
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'name' }] } });
    await ada.call('DELETE', '/api/v1/secrets/SSH_AUTHORIZED_KEYS');
  });

  it('refuse names that are no names of environment variables', async () => {
    for (const name of ['github', '1A', 'A-B', 'A.B', ''])
      expect((await ada.call('POST', '/api/v1/secrets', { body: { name, value: 'x' } })).status).toBe(400);
  });

  it('reach the specs of the pods that use them, the person’s own before the team’s, until they are forgotten', async () => {
    const carol = await api.person();
    const home = await cluster(carol);
    const { id } = await seat(carol, home.id);
    const names = async () => (await api.store.workspaces.workspace(id))?.spec.secrets;
    const put = async (body: object, holder: string) => {
      await carol.call('POST', '/api/v1/secrets', { body });
      await renewSecrets(api, await api.store.secrets.get(holder, 'TOKEN'));
    };
    await put({ scope: 'team', name: 'TOKEN', value: 'team' }, carol.team);
    const teams = { name: 'TOKEN', version: 1, holder: 'Team', as: 'File' };
    expect(await names()).toEqual([teams]);
    await put({ name: 'TOKEN', value: 'a' }, carol.id);
    // The same name and the same number, of somebody else.
    expect(await names()).toEqual([{ ...teams, holder: 'Owner' }]);
    await put({ name: 'TOKEN', value: 'b' }, carol.id);
    expect(await names()).toEqual([{ ...teams, version: 2, holder: 'Owner' }]);
    expect((await api.store.secrets.get(carol.id, 'TOKEN'))?.renewAt).toBeUndefined();

    const path = `/api/v1/agent/workspaces/${id}/secrets`;
    const fetched = await api.call('GET', path, asAgent(home.token));
    expect(fetched.body.values).toEqual([{ name: 'TOKEN', version: 2, value: 'b' }]);

    await carol.call('DELETE', '/api/v1/secrets/TOKEN');
    await renewSecrets(api, await api.store.secrets.get(carol.id, 'TOKEN'));
    expect(await names()).toEqual([teams]);
  });
});

describe('what an agent fetches', () => {
  it('is answered to the agent of that cluster alone: install tokens, people and other clusters get nothing', async () => {
    const [home, other] = [await cluster(ada), await cluster(bob)];
    const { id } = await seat(ada, home.id);
    const path = `/api/v1/agent/workspaces/${id}/secrets`;
    expect((await api.call('GET', path, asAgent(other.token))).status).toBe(404);
    expect((await api.call('GET', path, asAgent(await api.installToken({ id: home.id, team: ada.team })))).status).toBe(
      401,
    );
    expect((await ada.call('GET', path)).status).toBe(401);
    expect((await api.call('GET', path, { token: null })).status).toBe(401);
  });

  it('holds a host key of the seat that stays the same', async () => {
    const home = await cluster(ada);
    const { id } = await seat(ada, home.id);
    const path = `/api/v1/agent/workspaces/${id}/secrets`;
    const [first, second] = await Promise.all([
      api.call('GET', path, asAgent(home.token)),
      api.call('GET', path, asAgent(home.token)),
    ]);
    expect(first.body.hostKey).toBe(second.body.hostKey);
    expect(createPublicKey(first.body.hostKey).asymmetricKeyType).toBe('ec');
  });
});

describe('the way into a seat', () => {
  it('is a kubeconfig with a token that the agent made for this request, opened by nobody else', async () => {
    const home = await cluster(ada);
    const workspace = await seat(ada, home.id);
    let answered: number | undefined;
    agentActs = async () => {
      if (answered !== undefined) return;
      const body = { token: 'the-token', expiresInSeconds: 3600 };
      answered = (
        await api.call('POST', `/api/v1/agent/credentials/${await asked()}`, { ...asAgent(home.token), body })
      ).status;
    };
    const { status, body, headers } = await ada.call('GET', `/api/v1/workspaces/${workspace.id}/kubeconfig`);
    expect([status, answered]).toEqual([200, 204]);
    expect(headers['cache-control']).toBe('no-store');
    const config = yaml.parse(body);
    expect(config.users[0].user.token).toBe('the-token');
    expect(config.contexts[0].context.namespace).toBe(`rs-${ada.team.replace('_', '-')}`);
  });

  it('asks again later when the agent does not answer, and says so when it refuses', async () => {
    const home = await cluster(ada);
    const workspace = await seat(ada, home.id);
    agentActs = async () => new Promise((resolve) => setTimeout(resolve, 700));
    expect((await ada.call('POST', `/api/v1/workspaces/${workspace.id}/credentials`, { body: {} })).status).toBe(202);
    agentActs = async () => {
      const body = { refused: 'the policy of the cluster forbids it' };
      await api.call('POST', `/api/v1/agent/credentials/${await asked()}`, { ...asAgent(home.token), body });
    };
    const refused = await ada.call('POST', `/api/v1/workspaces/${workspace.id}/credentials`, { body: {} });
    expect([refused.status, refused.body.detail]).toEqual([
      503,
      'the agent made no credential: the policy of the cluster forbids it',
    ]);
  });

  it('is closed to strangers, to colleagues, to admins of the team, and while the cluster is silent', async () => {
    const home = await cluster(ada);
    const workspace = await seat(ada, home.id);
    const path = `/api/v1/workspaces/${workspace.id}/kubeconfig`;
    expect((await bob.call('GET', path)).status).toBe(404);
    const colleague = await api.person();
    await joinTeam(api, colleague.id, ada.team, 'admin');
    expect((await colleague.call('GET', path)).body.code).toBe('access.denied');
    const { next } = await api.readyCluster(ada, { name: 'silent', takesWorkspaces: true });
    const lost = await seat(ada, next.id);
    const { status, body } = await ada.call('GET', `/api/v1/workspaces/${lost.id}/kubeconfig`);
    expect([status, body.code]).toEqual([503, 'workspace.agent_offline']);
  });

  it('takes no answer from another cluster, and none twice', async () => {
    const [home, other] = [await cluster(ada), await cluster(bob)];
    const workspace = await seat(ada, home.id);
    const statuses: number[] = [];
    agentActs = async () => {
      if (statuses.length > 0) return;
      const path = `/api/v1/agent/credentials/${await asked()}`;
      const answer = (token: string, value: string) =>
        api.call('POST', path, { ...asAgent(token), body: { token: value, expiresInSeconds: 60 } });
      statuses.push((await answer(other.token, 'theirs')).status);
      statuses.push((await answer(home.token, 'first')).status);
      statuses.push((await answer(home.token, 'second')).status);
    };
    const { body } = await ada.call('POST', `/api/v1/workspaces/${workspace.id}/credentials`, { body: {} });
    expect(statuses).toEqual([404, 204, 204]);
    expect(body.status.token).toBe('first');
  });
});

describe('templates', () => {
  const body = {
    name: 'lab',
    title: 'Lab',
    image: 'registry.example/lab:1',
    parameters: { course: { type: 'string', enum: ['physics', 'maths'] } },
    required: ['course'],
  };

  it('of the team are released in versions that stay, beside those built in', async () => {
    expect((await ada.call('POST', '/api/v1/templates', { body })).body).toMatchObject({
      version: '1',
      source: 'team',
    });
    const next = { ...body, image: 'registry.example/lab:2' };
    expect((await ada.call('POST', '/api/v1/templates', { body: next })).body.version).toBe('2');
    const old = await ada.call('GET', '/api/v1/templates/lab?version=1');
    expect([old.body.version, old.body.image]).toEqual(['1', 'registry.example/lab:1']);
    const { items } = (await ada.call('GET', '/api/v1/templates')).body;
    expect(items.map((each: { name: string }) => each.name)).toEqual([
      'claude-terraform',
      'node',
      'python',
      'go',
      'gpu-notebook',
      'lab',
    ]);
  });

  it('are rendered as the objects that a pod of them would be, once the parameters fit', async () => {
    const render = (parameters: object) => ada.call('POST', '/api/v1/templates/lab/render', { body: { parameters } });
    const { body: problem } = await render({ course: 'alchemy' });
    expect([problem.code, problem.errors[0].path]).toEqual(['template.parameter_invalid', 'parameters.course']);
    const { objects } = (await render({ course: 'maths' })).body;
    expect(objects.map((each: { kind: string }) => each.kind)).toEqual(
      expect.arrayContaining(['PersistentVolumeClaim', 'StatefulSet', 'Service', 'Role', 'RoleBinding']),
    );
    expect(JSON.stringify(objects)).toContain('{"name":"PARAM_course","value":"maths"}');
  });

  it('of a profile that clusters’ admins make are shown without it, which is said', async () => {
    await ada.call('POST', '/api/v1/templates', { body: { ...body, name: 'odd', profile: 'constructor' } });
    const shown = await ada.call('POST', '/api/v1/templates/odd/render', { body: { parameters: { course: 'maths' } } });
    expect([shown.status, shown.body.note]).toEqual([200, expect.stringContaining('"constructor"')]);
    const plain = await ada.call('POST', '/api/v1/templates/gpu-notebook/render', { body: {} });
    expect(plain.body).not.toHaveProperty('note');
  });

  it('may not take a built-in name, nor have a schema that does not hold', async () => {
    const code = async (change: object) =>
      (await ada.call('POST', '/api/v1/templates', { body: { ...body, ...change } })).body.code;
    expect(await code({ name: 'node' })).toBe('template.name_builtin');
    expect(await code({ required: ['colour'] })).toBe('template.parameter_invalid');
    expect(await code({ parameters: { course: { type: 'string', pattern: '(' } } })).toBe('template.parameter_invalid');
    expect(await code({ parameters: { course: { type: 'integer', default: 'one' } } })).toBe(
      'template.parameter_invalid',
    );
    const many = Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`p${n}`, { type: 'string' }]));
    const home = (name: string, mountPath: string) => ({ name, size: '1Gi', mounts: [{ mountPath }] });
    for (const change of [
      { parameters: many },
      { volumes: [home('a', '/workspace'), home('a', '/data')] },
      { volumes: [home('a', '/workspace'), home('b', '/workspace')] },
    ])
      expect(await code(change)).toBe('request.invalid');
    expect((await ada.call('DELETE', '/api/v1/templates/node')).body.code).toBe('template.name_builtin');
  });

  it('of another team do not exist, and those withdrawn no more', async () => {
    for (const [method, path, given] of [
      ['GET', `/api/v1/templates?team=${ada.team}`, {}],
      ['GET', `/api/v1/templates/lab?team=${ada.team}`, {}],
      ['POST', '/api/v1/templates', { body: { ...body, team: ada.team } }],
      ['POST', `/api/v1/templates/lab/render?team=${ada.team}`, { body: {} }],
      ['DELETE', `/api/v1/templates/lab?team=${ada.team}`, {}],
    ] as const)
      expect((await bob.call(method, path, given)).status).toBe(404);
    expect((await ada.call('DELETE', '/api/v1/templates/lab')).status).toBe(204);
    expect((await ada.call('GET', '/api/v1/templates/lab')).status).toBe(404);
    expect((await ada.call('POST', '/api/v1/templates', { body })).body.version).toBe('3');
  });
});
