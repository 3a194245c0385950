/** What may happen to the clusters and dev pods of a team, in any order, as commits to a real table. */
import * as fc from 'fast-check';
import { AppError } from '#core/contract/errors.ts';
import { connect } from '#core/domain/link.ts';
import { isOpen } from '#core/domain/operation.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { sha256 } from '#core/store/keys.ts';
import { endConnection } from '#functions/lib/connection-end.ts';
import type { createExecutions } from './executions.ts';
import { remove, start, stop } from './seat-commands.ts';
import { connectedCluster, seatsIn } from './seat-world.ts';
import { seatStatus } from './seats.ts';
import { HELLO, TIMINGS, type World } from './world.ts';

/** One thing that happens, to the nth cluster, dev pod or execution. */
export const happening = fc.record({
  kind: fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('cluster', 'seat') },
    { weight: 12, arbitrary: fc.constantFrom('work', 'work', 'work', 'report', 'connect') },
    {
      weight: 8,
      arbitrary: fc.constantFrom('break', 'disconnect', 'delete', 'retry', 'extend', 'start', 'stop', 'remove'),
    },
  ),
  nth: fc.nat(2),
});
export type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

const ERROR = { code: 'x', message: 'x', help: 'x' };

/** A team with one cluster for its dev pods, to which things happen. Workflows do something only while their execution runs. */
export const history = async (
  world: World,
  by: { readonly id: string; readonly team: string },
  executions: ReturnType<typeof createExecutions>,
) => {
  const { store } = world;
  const seats = seatsIn(world);
  const at = () => ({ now: world.now(), newId: world.newId });
  const harbour = await connectedCluster(world, by);
  const clusters: string[] = [];
  const pods: string[] = [];
  let seq = 0;

  /** The workflow of an execution goes on: it enters its step, waits, and ends when it was signalled. */
  const work = async (name: string, well: boolean): Promise<void> => {
    const operation = await store.clusters.operation(name);
    if (operation === null || !isOpen(operation)) return void executions.end(name, 'ABORTED');
    const { resource, kind } = operation;
    const decide = (
      command:
        | { type: 'step'; operation: string; step: string }
        | { type: 'fail'; operation: string; error: typeof ERROR },
    ) => (resource.type === 'cluster' ? world.decide(resource.id, command) : seats.decideSeat(resource.id, command));
    if (!well) {
      await decide({ type: 'fail', operation: name, error: ERROR });
      return void executions.end(name, 'FAILED');
    }
    await decide({ type: 'step', operation: name, step: 'Await' });
    const taskToken = `task-${name}`;
    if (!executions.tokens.has(taskToken) && !executions.signalled.some((each) => each.startsWith(taskToken))) {
      executions.tokens.add(taskToken);
      const awaited =
        resource.type === 'workspace' ? 'seat-settled' : kind === 'cluster-create' ? 'agent-connected' : 'drained';
      return store.clusters.putAwait({ operation: name, resource, awaited, taskToken }, world.now());
    }
    if (executions.tokens.has(taskToken)) return;
    if (resource.type === 'workspace') await seats.decideSeat(resource.id, { type: 'succeed', operation: name });
    else await world.decide(resource.id, { type: kind === 'cluster-create' ? 'created' : 'deleted', operation: name });
    executions.end(name, 'SUCCEEDED');
  };

  const hello = async (id: string): Promise<void> => {
    const cluster = await store.clusters.cluster(id);
    if (cluster === null || cluster.phase === 'Deleted') return;
    const token = (await store.tokens.byHash(sha256(await world.installToken({ id, team: by.team }))))!;
    const link = await store.clusters.nextLink(id);
    const connectionId = `socket-${id}-${link}`;
    await store.connections.open({
      id: connectionId,
      kind: 'agent',
      cluster: id,
      tokenHash: token.hash,
      tokenKind: 'agent',
      link,
      connectedAt: world.now(),
    });
    await store.commit(
      connect(cluster, { link, connectionId, hello: HELLO, token, replaced: null }, world.now()),
      at(),
    );
  };

  const report = async (id: string): Promise<void> => {
    const { revision, spec, phase, tombstone } = (await store.workspaces.workspace(id))!;
    if (phase === 'Deleted') return;
    const { limits } = stop as Extract<WorkspaceCommand, { type: 'stop' }>;
    const command: WorkspaceCommand =
      tombstone === undefined
        ? {
            type: 'report',
            link: 1,
            seq: ++seq,
            status: seatStatus({ phase: spec.runState, observedRevision: revision }),
          }
        : { type: 'gone', revision, kept: [], limits };
    await seats.decideSeat(id, command);
  };

  const happen = async ({ kind, nth }: Happening): Promise<void> => {
    if (kind === 'cluster')
      return void clusters.push((await world.cluster(by, { name: `c${clusters.length}` })).next.id);
    if (kind === 'seat') return void pods.push((await seats.seat(by, harbour.cluster.id)).next.id);
    const [cluster, pod, name] = [clusters, pods, executions.running()].map((each) => each[nth % each.length]);
    if (kind === 'work' || kind === 'break') return name === undefined ? undefined : work(name, kind === 'work');
    if (kind === 'report') return pod === undefined ? undefined : report(pod);
    if (kind === 'start' || kind === 'stop' || kind === 'remove')
      return void (pod !== undefined && (await seats.decideSeat(pod, { start, stop, remove: remove() }[kind])));
    if (cluster === undefined) return;
    if (kind === 'connect') return hello(cluster);
    const actor = 'account:a';
    if (kind === 'extend') await world.decide(cluster, { type: 'extend', actor, ttlSeconds: 600 });
    else if (kind !== 'disconnect') await world.decide(cluster, { type: kind, actor, timings: TIMINGS });
    else {
      const { agent } = (await store.clusters.cluster(cluster))!;
      if (agent !== undefined) await endConnection(world, agent.connectionId);
    }
  };

  for (const kind of ['cluster', 'seat'] as const) await happen({ kind, nth: 0 });
  return {
    /** The socket of the agent that looks after the dev pods. */
    agent: harbour.connection,
    clusters: () => [harbour.cluster.id, ...clusters],
    pods: () => pods,
    /** One thing happens a moment later; what is refused does not. */
    happen: async (event: Happening): Promise<void> => {
      world.pass(1);
      try {
        await happen(event);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    },
  };
};
