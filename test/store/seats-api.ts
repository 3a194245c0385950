/** What the tests of dev pods over HTTP have in common: the API with a cluster that takes them, and what agents and workflows do meanwhile. */
import { type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { TOKEN_HEADER } from '#core/contract/agent.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { type Decision, type SeatLimits, write } from '#core/domain/decision.ts';
import { NO_AMOUNT, plusAmount } from '#core/domain/seat-amount.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { heldBy } from '#core/domain/workspace-claims.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { untilFresh } from '#core/store/commit.ts';
import { seatStatus } from '#test/builders/seats.ts';
import { type Api, type ApiOptions, createApi, type Person } from './http-api.ts';

let names = 0;
/** A name that no other test has. */
export const freshName = () => `pod${++names}`;

/** POST /workspaces. */
export const create = (by: Person, body: object = {}, headers: Record<string, string> = {}) =>
  by.call('POST', '/api/v1/workspaces', { body: { name: freshName(), ...body }, headers });

export const path = (ref: string, rest = '') => `/api/v1/workspaces/${ref}${rest}`;

interface Table {
  readonly client: DynamoDBClient;
  readonly name: string;
}

/** How an agent calls, with its token. */
export const asAgent = (token: string) => ({ token: null, headers: { [TOKEN_HEADER]: token } });

/** The newest request for a credential that nobody has answered. */
export const requestWaiting = async ({ client, name }: Table): Promise<string> => {
  // No document client of its own: two of one client share their settings.
  const { Items = [] } = await client.send(new ScanCommand({ TableName: name, ConsistentRead: true }));
  const waiting = Items.map((item) => unmarshall(item)).filter(
    (item) => item.entity === 'CredentialRequest' && item.version === 1,
  );
  return String(waiting.sort((one, other) => (one.id < other.id ? 1 : -1))[0]?.id);
};

export const createSeatsApi = async (table: Table, options: ApiOptions = {}) => {
  const api: Api = await createApi(table, options);
  const at = () => ({ now: api.now(), newId: api.newId });
  const commit = (decision: Decision) => api.store.commit(decision, at());
  /** What the agent or a workflow decides. */
  const decideSeat = (id: string, command: WorkspaceCommand) =>
    untilFresh(async () => {
      const decision = decideWorkspace(await api.store.workspaces.subject(id), command, at());
      await commit(decision);
      return decision.next;
    });
  let seq = 0;
  /** The agent says that it is so, and the workflow that waited for it ends. */
  const reports = async (id: string, phase: 'Running' | 'Stopped' | 'Failed') => {
    const seat = await api.store.workspaces.workspace(id);
    const status = seatStatus({ phase, observedRevision: seat?.revision ?? 0 });
    const next = await decideSeat(id, { type: 'report', link: 1, seq: ++seq, status });
    return next.operationId === undefined ? next : decideSeat(id, { type: 'succeed', operation: next.operationId });
  };
  return {
    ...api,
    commit,
    decideSeat,
    reports,
    /** A dev pod that runs. */
    isRunning: async (by: Person, body: object = {}) => {
      const made = await create(by, body);
      if (made.status !== 202) throw new Error(`refused: ${JSON.stringify(made.body)}`);
      await reports(made.body.id, 'Running');
      return made.body;
    },
    /** The agent acknowledges the tombstone. */
    isGone: async (id: string, limits: SeatLimits) => {
      const revision = (await api.store.workspaces.workspace(id))?.revision ?? 0;
      return decideSeat(id, { type: 'gone', revision, kept: [], limits });
    },
    /** Changes what is kept of a cluster. */
    alter: async (id: string, change: Partial<ClusterState>) => {
      const cluster = (await api.store.clusters.cluster(id)) as ClusterState;
      await commit({
        writes: [write(cluster, { ...cluster, ...change, version: cluster.version + 1 })],
        claims: [],
        audit: [],
      });
    },
    /** Counters of a cluster and a team, and what the seats there hold by their own state. */
    counted: async (cluster: string, team: string) => {
      const seats = (await api.store.workspaces.ofCluster(cluster)).map(heldBy);
      const { closed: _, ...room } = await api.store.workspaces.room(cluster);
      return {
        counters: { ...room, usage: await api.store.workspaces.usage(team) },
        sums: {
          seats: seats.length,
          taken: seats.reduce((sum, { amount }) => plusAmount(sum, amount), NO_AMOUNT),
          usage: {
            workspaces: seats.length,
            cpuMillis: seats.reduce((sum, { amount }) => sum + amount.cpuMillis, 0),
            memoryMiB: seats.reduce((sum, { amount }) => sum + amount.memoryMiB, 0),
            storageGiB: seats.reduce((sum, { storageGiB }) => sum + storageGiB, 0),
          },
        },
      };
    },
  };
};

export type SeatsApi = Awaited<ReturnType<typeof createSeatsApi>>;
