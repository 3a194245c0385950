/** What an agent's connection does to its cluster: hello, reports, the end of a link (DESIGN §1 `Connected`, §6; seed-systems §4.0 H2). */
import type { Hello, Pace } from '../contract/agent.ts';
import type { ClusterInfo } from '../contract/cluster.ts';
import { plus } from './clock.ts';
import { isConnected } from './cluster-origin.ts';
import type { ClusterState } from './cluster-state.ts';
import { conditionOf, isTrue, withCondition } from './conditions.ts';
import type { Decision } from './decision.ts';
import { teamNamespace } from './seat/names.ts';
import { remainsWith } from './seat/remains.ts';
import type { AgentTokenState } from './token.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** When the agent was last heard of and how long its silence may last; its own item, so that a heartbeat never touches the cluster (DESIGN §4 leases). */
export interface Lease {
  readonly link: number;
  readonly lastSeenAt: string;
  readonly paceSeconds: number;
  readonly staleAfterSeconds: number;
}

export interface LinkDecision extends Decision {
  readonly next: ClusterState;
}

const changed = (cluster: ClusterState, change: Partial<ClusterState>, now: string): LinkDecision => {
  const next: ClusterState = { ...cluster, ...change, version: cluster.version + 1, updatedAt: now };
  return { next, writes: [{ before: cluster, next }], claims: [], audit: [] };
};
const unchanged = (cluster: ClusterState): LinkDecision => ({ next: cluster, writes: [], claims: [], audit: [] });

/** Silence has lasted longer than the lease allows. */
export const isStale = (lease: Lease, now: string): boolean => plus(lease.lastSeenAt, lease.staleAfterSeconds) < now;

/** The shorter staleness counts only after a heartbeat at the shorter pace (DESIGN §4 leases). */
export const renewed = (lease: Lease | null, link: number, keeps: number, wanted: Pace, now: string): Lease => ({
  link,
  lastSeenAt: now,
  paceSeconds: wanted.paceSeconds,
  staleAfterSeconds:
    keeps <= wanted.paceSeconds
      ? wanted.staleAfterSeconds
      : Math.max(wanted.staleAfterSeconds, lease?.staleAfterSeconds ?? 0),
});

export type HelloRefusal = 'CloneDetected' | 'Stale';

/** Why this hello cannot be taken, or null: another cluster's uid is a clone, a link older than the current one is late. */
export const helloRefusal = (cluster: ClusterState, link: number, hello: Hello): HelloRefusal | null => {
  if (cluster.clusterUid !== undefined && cluster.clusterUid !== hello.clusterUid) return 'CloneDetected';
  return cluster.agent !== undefined && cluster.agent.link > link ? 'Stale' : null;
};

/** A second cluster says it is this one: recorded, never adopted (kubernetes.md finding 13). */
export const cloneDetected = (cluster: ClusterState, now: string): LinkDecision => {
  if (isTrue(cluster.conditions, 'CloneDetected')) return unchanged(cluster);
  const conditions = withCondition(
    cluster.conditions,
    {
      type: 'CloneDetected',
      status: 'True',
      reason: 'OtherClusterUid',
      message:
        'Another cluster connected with a token of this one and was refused. Revoke the tokens and make a new one.',
    },
    now,
  );
  return {
    ...changed(cluster, { conditions }, now),
    audit: [{ team: cluster.team, actor: `agent:${cluster.id}`, action: 'agent.clone_refused', resource: cluster.id }],
  };
};

/** An agent with its own token said hello: it speaks for the cluster now; the token that this one replaces has ended. */
export const connect = (
  cluster: ClusterState,
  by: {
    readonly link: number;
    readonly connectionId: string;
    readonly hello: Hello;
    readonly token: AgentTokenState;
    readonly replaced: AgentTokenState | null;
  },
  now: string,
): LinkDecision => {
  const decided = changed(
    cluster,
    {
      clusterUid: by.hello.clusterUid,
      agent: {
        link: by.link,
        connectionId: by.connectionId,
        connectedAt: now,
        version: by.hello.agentVersion,
        kubernetesVersion: by.hello.kubernetesVersion,
        seq: 0,
      },
      conditions: withCondition(
        cluster.conditions,
        { type: 'Connected', status: 'True', reason: 'Hello', message: `Agent ${by.hello.agentVersion} is connected.` },
        now,
      ),
    },
    now,
  );
  const token: AgentTokenState = { ...by.token, version: by.token.version + 1, lastUsedAt: now };
  const old = by.replaced;
  const ended =
    old === null || old.revokedAt !== undefined || old.usedAt !== undefined
      ? []
      : [
          {
            before: old,
            next: {
              ...old,
              version: old.version + 1,
              ...(old.kind === 'install' ? { usedAt: now } : { revokedAt: now }),
            },
          },
        ];
  return {
    ...decided,
    writes: [...decided.writes, { before: by.token, next: token }, ...ended],
    audit: [
      {
        team: cluster.team,
        actor: `agent:${cluster.id}`,
        action: 'agent.connected',
        resource: cluster.id,
        detail: { link: by.link },
      },
    ],
  };
};

/** The connection of `link` has ended: only the current link's end counts (a late $disconnect clears nothing). */
export const disconnect = (cluster: ClusterState, link: number, now: string): LinkDecision => {
  if (cluster.agent?.link !== link || !isTrue(cluster.conditions, 'Connected')) return unchanged(cluster);
  return changed(
    cluster,
    {
      conditions: withCondition(
        cluster.conditions,
        { type: 'Connected', status: 'False', reason: 'Disconnected', message: 'The agent closed its connection.' },
        now,
      ),
    },
    now,
  );
};

/** The sweeper found the lease stale: committed once. */
export const heartbeatLost = (cluster: ClusterState, lease: Lease, now: string): LinkDecision => {
  if (cluster.agent?.link !== lease.link || !isTrue(cluster.conditions, 'Connected') || !isStale(lease, now))
    return unchanged(cluster);
  return changed(
    cluster,
    {
      conditions: withCondition(
        cluster.conditions,
        {
          type: 'Connected',
          status: 'False',
          reason: 'HeartbeatLost',
          message: `Nothing was heard of the agent since ${lease.lastSeenAt}.`,
        },
        now,
      ),
    },
    now,
  );
};

/** A heartbeat of the current link after its silence was recorded: it is connected again. */
export const heard = (cluster: ClusterState, link: number, now: string): LinkDecision => {
  if (cluster.agent?.link !== link || conditionOf(cluster.conditions, 'Connected')?.reason !== 'HeartbeatLost')
    return unchanged(cluster);
  return changed(
    cluster,
    {
      conditions: withCondition(
        cluster.conditions,
        { type: 'Connected', status: 'True', reason: 'Heartbeat', message: 'The agent is heard again.' },
        now,
      ),
    },
    now,
  );
};

/** The current link reported what the cluster has; an older report, or one of another link, is dropped (null). */
export const report = (
  cluster: ClusterState,
  by: { readonly link: number; readonly seq: number; readonly info: ClusterInfo },
  now: string,
): LinkDecision | null => {
  const agent = cluster.agent;
  if (agent === undefined || agent.link !== by.link || agent.seq >= by.seq) return null;
  return changed(cluster, { info: { ...cluster.info, ...by.info }, agent: { ...agent, seq: by.seq } }, now);
};

/** The agent has emptied the cluster. */
export const drained = (cluster: ClusterState, link: number, now: string): LinkDecision => {
  if (cluster.agent?.link !== link || cluster.drain === undefined || cluster.drain.doneAt !== undefined)
    return unchanged(cluster);
  return changed(cluster, { drain: { ...cluster.drain, doneAt: now } }, now);
};

/** A connected cluster's agent has taken the seats away: what is left there, for the person to remove (provider existing). */
export const left = (cluster: ClusterState, link: number, objects: readonly string[], now: string): LinkDecision =>
  cluster.agent?.link !== link || cluster.drain === undefined
    ? unchanged(cluster)
    : changed(cluster, { remains: objects }, now);

/** Its agent is not there to say what is left: what is known to have been made there for these dev pods. */
export const leftUnseen = (
  cluster: ClusterState,
  seats: readonly Pick<WorkspaceState, 'team' | 'spec'>[],
  now: string,
): LinkDecision => {
  if (!isConnected(cluster) || cluster.remains !== undefined) return unchanged(cluster);
  const theirs = new Set(seats.filter(({ spec }) => spec.origin === 'Cluster').map(({ team }) => team));
  const ours = [...new Set(seats.map(({ team }) => team))].filter((team) => !theirs.has(team));
  return changed(cluster, { remains: remainsWith(ours.map(teamNamespace).sort(), theirs.size > 0) }, now);
};

/** Conditions that a workflow waits for by task token. */
export type Awaited = 'agent-connected' | 'drained';

/**
 * Does the awaited condition hold? A drain does not wait for an agent that is gone (DESIGN §4: delete finishes with the agent dead), but where the
 * cluster lives on: there its agent alone can take our things away, and the workflow's own patience ends the wait.
 */
export const holds = (awaited: Awaited, cluster: ClusterState): boolean => {
  const connected = isTrue(cluster.conditions, 'Connected');
  if (awaited === 'agent-connected') return connected;
  return cluster.drain?.doneAt !== undefined || (!connected && !isConnected(cluster));
};
