/** A deployment small enough for a test: the real store over DynamoDB Local, a clock that the test moves, and records of what went out. */

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Hello } from '#core/contract/agent.ts';
import type { NewCluster } from '#core/contract/cluster.ts';
import { registerAccount } from '#core/domain/account.ts';
import { plus } from '#core/domain/clock.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterDecision } from '#core/domain/cluster-command.ts';
import { newInstallToken } from '#core/domain/token.ts';
import { untilFresh } from '#core/store/commit.ts';
import { sha256 } from '#core/store/keys.ts';
import { createStore } from '#core/store/store.ts';
import { type Deps, newId, newSecret } from '#functions/lib/deps.ts';
import type { AgentDeps } from '#functions/socket/messages/answer.ts';

export const START = '2026-11-21T12:00:00.000Z';
export const TIMINGS = { createDeadline: 3600, deleteDeadline: 2400, startGrace: 60 } as const;
export const LIMITS = { teamClusters: 100, deploymentClusters: 200, deploymentVcpu: 2000 } as const;

/** A cluster's request with everything filled in. */
export const spec = (change: Partial<NewCluster> = {}): Omit<NewCluster, 'team'> & { kubernetesVersion: string } => ({
  name: 'demo',
  provider: 'eks',
  workers: { count: 2, size: 'small' },
  ttlSeconds: 3600,
  labels: {},
  takesWorkspaces: false,
  isolation: 'team',
  options: { compute: 'auto' },
  ...change,
  kubernetesVersion: change.kubernetesVersion ?? '1.35',
});

export const SEAT_LIMITS = {
  teamWorkspaces: 100,
  teamCpuMillis: 1_000_000,
  teamMemoryMiB: 4_000_000,
  teamStorageGiB: 10_000,
} as const;
export const SEAT_TIMINGS = { startDeadline: 900, stopDeadline: 300, deleteDeadline: 600, startGrace: 60 } as const;

export interface World extends Deps {
  /** Moves the clock by seconds. */
  readonly pass: (seconds: number) => void;
  /** Lines that were logged at level warn or error. */
  readonly warnings: string[];
  readonly account: () => Promise<{ id: string; team: string }>;
  readonly decide: (id: string | null, command: ClusterCommand) => Promise<ClusterDecision>;
  /** A cluster just asked for, with its open operation. */
  readonly cluster: (team: { id: string; team: string }, change?: Partial<NewCluster>) => Promise<ClusterDecision>;
  /** A cluster whose workflow has ended well. */
  readonly readyCluster: (team: { id: string; team: string }, change?: Partial<NewCluster>) => Promise<ClusterDecision>;
  /** A new install token of a cluster; answers its value. */
  readonly installToken: (cluster: { id: string; team: string }) => Promise<string>;
}

export const createWorld = (table: { readonly client: DynamoDBClient; readonly name: string }): World => {
  let now = START;
  const warnings: string[] = [];
  const store = createStore({ ...table, random: () => 0.5, sleep: async () => {} });
  const log = {
    debug: () => {},
    info: () => {},
    warn: (line: unknown) => warnings.push(String(line)),
    error: (line: unknown) => warnings.push(String(line)),
  };
  const context = () => ({ now, newId });
  const decide: World['decide'] = (id, command) =>
    untilFresh(async () => {
      const subject = id === null ? { cluster: null, operation: null } : await store.clusters.subject(id);
      const decision = decideCluster(subject, command, context());
      await store.commit(decision, context());
      return decision;
    });
  const cluster: World['cluster'] = ({ id, team }, change) =>
    decide(null, {
      type: 'create',
      actor: `account:${id}`,
      account: id,
      team,
      spec: spec(change),
      limits: LIMITS,
      timings: TIMINGS,
    });
  return {
    store,
    now: () => now,
    newId,
    newSecret,
    log: log as unknown as Deps['log'],
    warnings,
    pass: (seconds) => {
      now = plus(now, seconds);
    },
    account: async () => {
      const decision = registerAccount({ email: `${newId('p')}@example.com`, actor: '' }, context());
      await store.commit(decision, context());
      return { id: decision.account.id, team: decision.account.personalTeam };
    },
    decide,
    cluster,
    readyCluster: async (team, change) => {
      const { next } = await cluster(team, change);
      return decide(next.id, {
        type: 'created',
        operation: next.operationId as string,
        endpoint: 'https://cluster.example',
      });
    },
    installToken: async (of) => {
      const value = `rsi_${newSecret()}`;
      await store.commit(
        newInstallToken({ hash: sha256(value), cluster: of.id, team: of.team, actor: 'system' }, context()),
        context(),
      );
      return value;
    },
  };
};

/** What the socket function is given beside the world. */
export const createAgentWorld = (...given: Parameters<typeof createWorld>): World & AgentDeps => ({
  ...createWorld(...given),
  deploymentId: 'dep',
  seatLimits: SEAT_LIMITS,
  watched: { paceSeconds: 30, staleAfterSeconds: 90 },
  idle: { paceSeconds: 300, staleAfterSeconds: 720 },
});

/** What an agent says first. */
export const HELLO: Hello = {
  protocol: { min: 1, max: 1 },
  agentVersion: '1',
  kubernetesVersion: '1.35',
  capabilities: [],
  clusterUid: 'uid',
  podUid: 'pod',
};
