/** Both workflows with their real tasks over a real table, a made-up provider, and an agent that says hello as soon as it is installed. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Hello } from '#core/contract/agent.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { isTrue } from '#core/domain/conditions.ts';
import { drained, helloRefusal, connect as linkUp } from '#core/domain/link.ts';
import { sha256 } from '#core/store/keys.ts';
import type { Deps } from '#functions/lib/deps.ts';
import { signalIfHolding } from '#functions/lib/signal.ts';
import { awaitAgent, drain } from '#functions/tasks/steps/await.ts';
import {
  ensureCluster,
  ensureCompute,
  grantAccess,
  installAgent,
  observeCluster,
} from '#functions/tasks/steps/create.ts';
import { deleteCluster, observeDeleted, stopOlder, sweepLeftovers } from '#functions/tasks/steps/delete.ts';
import { recordCreated, recordDeleted, recordFailure } from '#functions/tasks/steps/record.ts';
import type { Json } from '#local/states/path.ts';
import { createTaskTokens } from '#local/states/tokens.ts';
import { createExecutions } from '../builders/executions.ts';
import { createWorld, SEAT_LIMITS, TIMINGS, type World } from '../builders/world.ts';
import { createHarbour } from './harbour.ts';
import { type Machine, type Outcome, run, type TaskFunction } from './machine.ts';

/** Called around every effect of a task; throws to play a crash there. */
export type Around = (effect: string, when: 'before' | 'after') => void;

export interface BenchOptions {
  readonly harbour?: ReturnType<typeof createHarbour>;
  /** Whether the agent says hello once it is installed, and drains when it is asked. */
  readonly agent?: { readonly calls: boolean; readonly drains: boolean };
  readonly around?: Around;
  /** Wraps every function of the state machine. */
  readonly wrap?: (name: string, call: TaskFunction) => TaskFunction;
}

/** Every function of an object with `around` before and after it. */
const watched = <T extends object>(part: T, name: string, around: Around, only?: readonly string[]): T =>
  Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      typeof value !== 'function' || (only !== undefined && !only.includes(key))
        ? value
        : async (...given: unknown[]) => {
            around(`${name}.${key}`, 'before');
            const answer = await value(...given);
            around(`${name}.${key}`, 'after');
            return answer;
          },
    ]),
  ) as T;

const HELLO: Hello = {
  protocol: { min: 1, max: 1 },
  agentVersion: '0.1.0',
  kubernetesVersion: 'v1.35.0',
  capabilities: [],
  clusterUid: 'uid-of-kube-system',
  podUid: 'uid-of-pod',
};

export const createBench = async (table: { client: DynamoDBClient; name: string }, options: BenchOptions = {}) => {
  const world: World = createWorld(table);
  const harbour = options.harbour ?? createHarbour();
  const agent = options.agent ?? { calls: true, drains: true };
  const around: Around = options.around ?? (() => {});
  const executions = createExecutions();
  const tokens = createTaskTokens();
  const logged: string[] = [];
  const log =
    (level: string) =>
    (message: unknown, ...more: unknown[]) =>
      logged.push(JSON.stringify([level, message, ...more]));
  const team = await world.account();
  const aborts = new Map<string, AbortController>();

  const deps: Deps = {
    ...world,
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } as unknown as Deps['log'],
    store: {
      ...world.store,
      commit: watched({ commit: world.store.commit }, 'store', around).commit,
      clusters: watched(world.store.clusters, 'store', around, ['putAwait']),
    },
  };
  const providers = new Map([
    [
      'harbour',
      watched(harbour.provider, 'provider', around, [
        'ensure',
        'grantAccess',
        'ensureCompute',
        'remove',
        'observeGone',
      ]),
    ],
  ]);
  const connect: typeof harbour.connect = (access) => watched(harbour.connect(access), 'kubernetes', around);
  const workflows = {
    describe: executions.describe,
    stop: async (kind: Parameters<typeof executions.stop>[0], id: string) => {
      await executions.stop(kind, id);
      aborts.get(id)?.abort(new Error('stopped'));
    },
  };
  const all = { ...deps, providers, connect, workflows };

  const tasks: Record<string, (event: unknown) => Promise<unknown>> = {
    ClusterCreateEnsureCluster: ensureCluster(all),
    ClusterCreateObserveCluster: observeCluster({ ...all, activeDeadlineSeconds: 1800 }),
    ClusterCreateGrantAccess: grantAccess(all),
    ClusterCreateEnsureCompute: ensureCompute(all),
    ClusterCreateInstallAgent: installAgent({
      ...all,
      image: 'agent@sha256:0',
      socketUrl: 'wss://socket.example',
      apiUrl: 'https://api.example',
      helloSeconds: 900,
      version: '0.1.0',
    }),
    ClusterCreateAwaitAgent: awaitAgent(all),
    ClusterCreateRecordSuccess: recordCreated(all),
    ClusterDeleteStopOlder: stopOlder(all),
    ClusterDeleteDrain: drain(all),
    ClusterDeleteDeleteCluster: deleteCluster(all),
    ClusterDeleteObserveDeleted: observeDeleted(all),
    ClusterDeleteSweepLeftovers: sweepLeftovers({ ...all, leftovers: new Map([['harbour', harbour.sweep]]) }),
    ClusterDeleteRecordSuccess: recordDeleted({ ...all, limits: SEAT_LIMITS }),
    RecordFailure: recordFailure(all),
  };

  const clusterOf = async (id: string): Promise<ClusterState> =>
    (await world.store.clusters.cluster(id)) as ClusterState;

  /** The agent's half: says hello with the newest install token that was applied, drains when it is asked. */
  const agentActs = async (id: string): Promise<void> => {
    const cluster = await clusterOf(id);
    const berth = [...harbour.clusters.values()].findLast(({ applied }) =>
      applied.some(({ kind }) => kind === 'Secret'),
    );
    const secret = berth?.applied.findLast(
      ({ kind, data }) => kind === 'Secret' && 'install-token' in (data as object),
    );
    const context = { now: world.now(), newId: world.newId };
    const hello = { ...HELLO, clusterUid: berth?.uid ?? HELLO.clusterUid };
    if (
      agent.calls &&
      secret !== undefined &&
      helloRefusal(cluster, 1, hello) === null &&
      !isTrue(cluster.conditions, 'Connected')
    ) {
      const value = Buffer.from(
        (secret.data as Record<string, string>)['install-token'] as string,
        'base64',
      ).toString();
      const token = await world.store.tokens.byHash(sha256(value));
      if (token !== null)
        await world.store.commit(
          linkUp(cluster, { link: 1, connectionId: 'c', hello, token, replaced: null }, context.now),
          context,
        );
    } else if (agent.drains && cluster.drain !== undefined && cluster.agent !== undefined) {
      await world.store.commit(drained(cluster, cluster.agent.link, context.now), context);
    }
  };

  const succeed = async (taskToken: string, output: unknown): Promise<boolean> => {
    try {
      tokens.succeed(taskToken, output as Json);
      return true;
    } catch {
      return false;
    }
  };

  const failToken = async (taskToken: string, error: string, cause: string): Promise<boolean> => {
    try {
      tokens.fail(taskToken, error, cause);
      return true;
    } catch {
      return false;
    }
  };

  /** Runs the workflow of an operation to its end; `effects` and the agent act after each task. */
  const perform = async (machine: Machine, clusterId: string, operationId: string): Promise<Outcome> => {
    const abort = new AbortController();
    aborts.set(operationId, abort);
    await executions.start(machine, operationId);
    const functions = Object.fromEntries(
      Object.entries(tasks).map(([name, task]) => {
        const call: TaskFunction = async (payload) => (await task(payload)) as Json;
        const wrapped = options.wrap?.(name, call) ?? call;
        const acted: TaskFunction = async (payload) => {
          const answer = await wrapped(payload);
          await agentActs(clusterId);
          await signalIfHolding({ ...world, succeed, failToken }, operationId);
          return answer;
        };
        return [name, acted];
      }),
    );
    const outcome = await run({
      machine,
      functions,
      operationId,
      tokens,
      onState: (_, seconds) => world.pass(seconds),
      signal: abort.signal,
      // An agent that answers may do it late: the machine is busy.
      patience: agent.calls && agent.drains ? 60 : undefined,
    });
    executions.end(operationId, outcome.status);
    return outcome;
  };

  const removalOf = async (id: string): Promise<string> =>
    (await world.decide(id, { type: 'delete', actor: 'system', timings: TIMINGS })).next.operationId as string;

  return {
    world,
    harbour,
    executions,
    logged,
    team,
    tasks,
    clusterOf,
    perform,
    /** A cluster asked for. */
    ask: async (name = 'demo') => (await world.cluster(team, { name, provider: 'harbour' })).next,
    /** Its create workflow, to the end. */
    create: (cluster: ClusterState) => perform('cluster-create', cluster.id, cluster.operationId as string),
    /** Asks for its end; answers the operation. */
    removalOf,
    /** Asks for its end and runs that workflow. */
    remove: async (id: string) => perform('cluster-delete', id, await removalOf(id)),
    /** Ends an execution as a kill of the runtime does: nobody is told, and it may begin again. */
    cutOff: (operationId: string) => aborts.get(operationId)?.abort(new Error('killed')),
    operation: async (id: string) => {
      const found = await world.store.clusters.operation(id);
      if (found === null) throw new Error(`no operation ${id}`);
      return found;
    },
  };
};
