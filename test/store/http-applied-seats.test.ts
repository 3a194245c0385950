/** The way into a Workspace that a cluster's admin applied, over the whole HTTP API. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as yaml from 'yaml';
import type { AgentMessage } from '#core/contract/agent.ts';
import { mirrorWorkspace } from '#core/domain/workspace-mirror.ts';
import { push } from '#functions/stream/reactions/push.ts';
import { connectedCluster, joinTeam, seatsIn } from '#test/builders/seat-world.ts';
import { seatSpec, seatStatus } from '#test/builders/seats.ts';
import { SEAT_LIMITS } from '#test/builders/world.ts';
import { type Api, createApi, type Person } from './http-api.ts';
import { asAgent, path, requestWaiting } from './seats-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let api: Api;
let ada: Person;
let home: Awaited<ReturnType<typeof connectedCluster>>;
/** What was said to agents over their sockets. */
const said: { to: string; message: { type: string; payload: object } }[] = [];

/** As the stream and the agent do: the request is told, and answered. */
const answer = async () => {
  const id = await requestWaiting(table);
  const asked = await api.store.secrets.request(id);
  if (asked === null) return;
  const connections = {
    post: async (to: string, message: unknown) => {
      said.push({ to, message: message as (typeof said)[number]['message'] });
      return true;
    },
    disconnect: async () => {},
  };
  const told = push({ ...api, connections, watched: { paceSeconds: 30, staleAfterSeconds: 90 } });
  await told({ entity: 'CredentialRequest', before: null, after: asked });
  const body = { token: `token of ${asked.workspace}`, expiresInSeconds: 600 };
  await api.call('POST', `/api/v1/agent/credentials/${id}`, { ...asAgent(home.token), body });
};

beforeAll(async () => {
  table = await startTable();
  api = await createApi(table, { patience: 5000, whileWaiting: answer });
  ada = await api.person();
  home = await connectedCluster(api, ada);
});
afterAll(() => table.stop());

let found = 0;
/** One that its admin gave to `owner`, as the agent found it in ada's team. */
const applied = async (owner: string) => {
  const uid = `uid-${++found}`;
  const message: Extract<AgentMessage, { type: 'workspace.found' }>['payload'] = {
    uid,
    name: `lab-${found}`,
    team: ada.team,
    spec: seatSpec({ origin: 'Cluster', owner }),
    status: seatStatus({ uid }),
    gone: false,
  };
  const at = { now: api.now(), newId: api.newId };
  const here = { cluster: home.cluster.id, link: 1, seq: 1, ownerInTeam: true, nameTaken: false };
  const usage = { workspaces: 0, cpuMillis: 0, memoryMiB: 0, storageGiB: 0 };
  await api.store.commit(mirrorWorkspace(null, { ...message, ...here, usage, limits: SEAT_LIMITS }, at), at);
  return { uid, id: (await api.store.workspaces.mirror(home.cluster.id, uid))?.id as string };
};
const enter = (by: Person, id: string) => by.call('GET', path(id, '/kubeconfig'));

it('is a kubeconfig for its owner, which the agent makes for the Workspace of that uid', async () => {
  const { uid, id } = await applied(ada.id);
  const { status, body } = await enter(ada, id);
  expect([status, yaml.parse(body).users[0].user.token]).toEqual([200, `token of ${id}`]);
  const payload = { request: expect.stringMatching(/^crq_/), seat: id, uid, seconds: 3600 };
  expect(said.at(-1)).toMatchObject({ to: home.connection, message: { type: 'credential.mint', payload } });

  const { next } = await seatsIn(api).seat(ada, home.cluster.id);
  expect((await enter(ada, next.id)).status).toBe(200);
  expect(said.at(-1)?.message.payload).not.toHaveProperty('uid');
});

it('is closed to everybody whom its owner field does not name, and to an owner who is not of the team or only looks on', async () => {
  const [boss, bob, viewer] = [await api.person(), await api.person(), await api.person()];
  await joinTeam(api, boss.id, ada.team, 'owner');
  await joinTeam(api, viewer.id, ada.team, 'viewer');
  const code = async (by: Person, owner: string) => (await enter(by, (await applied(owner)).id)).body.code;
  expect(await code(boss, ada.id)).toBe('access.denied');
  expect(await code(bob, bob.id)).toBe('not_found');
  expect(await code(viewer, viewer.id)).toBe('access.denied');
  for (const owner of ['bob', ada.team, 'system.admin', bob.id]) expect(await code(ada, owner)).toBe('access.denied');
});
