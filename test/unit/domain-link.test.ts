import { describe, expect, it } from 'vitest';
import type { Hello } from '#core/contract/agent.ts';
import type { ClusterInfo } from '#core/contract/cluster.ts';
import { plus } from '#core/domain/clock.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { conditionOf } from '#core/domain/conditions.ts';
import {
  cloneDetected,
  connect,
  disconnect,
  drained,
  heard,
  heartbeatLost,
  helloRefusal,
  holds,
  isStale,
  type Lease,
  leftUnseen,
  renewed,
  report,
} from '#core/domain/link.ts';
import type { AgentTokenState } from '#core/domain/token.ts';
import { seatSpec } from '#test/builders/seats.ts';
import { START } from '#test/builders/world.ts';

const hello: Hello = {
  protocol: { min: 1, max: 1 },
  agentVersion: '0.1.0',
  kubernetesVersion: '1.35',
  capabilities: [],
  clusterUid: 'uid-1',
  podUid: 'pod-1',
};
const cluster = (change: Partial<ClusterState> = {}): ClusterState =>
  ({
    entity: 'Cluster',
    id: 'clu_1',
    version: 4,
    revision: 1,
    team: 'team_1',
    phase: 'Ready',
    conditions: [],
    ...change,
  }) as ClusterState;
const token = (change: Partial<AgentTokenState> = {}): AgentTokenState => ({
  entity: 'Token',
  id: 'tok_1',
  version: 1,
  hash: 'a'.repeat(64),
  kind: 'agent',
  cluster: 'clu_1',
  team: 'team_1',
  createdAt: START,
  createdBy: 'system',
  ...change,
});
const lease = (change: Partial<Lease> = {}): Lease => ({
  link: 3,
  lastSeenAt: START,
  paceSeconds: 30,
  staleAfterSeconds: 90,
  ...change,
});
const connectBy = (link: number, replaced: AgentTokenState | null = null) => ({
  link,
  connectionId: `c${link}`,
  hello,
  token: token(),
  replaced,
});
const connected = (link = 3) => connect(cluster(), connectBy(link), START).next;
const status = (of: ClusterState) => conditionOf(of.conditions, 'Connected');

describe('a hello', () => {
  it('makes the cluster connected and keeps whose cluster it is', () => {
    const { next, writes, audit } = connect(cluster(), connectBy(3), START);
    expect(next).toMatchObject({ version: 5, clusterUid: 'uid-1', agent: { link: 3, connectionId: 'c3', seq: 0 } });
    expect(status(next)).toMatchObject({ status: 'True', reason: 'Hello' });
    expect(writes.map((write) => [write.next.entity, write.next.version])).toEqual([
      ['Cluster', 5],
      ['Token', 2],
    ]);
    expect(audit).toMatchObject([{ action: 'agent.connected', actor: 'agent:clu_1' }]);
  });

  it.each([
    ['install', 'usedAt'],
    ['agent', 'revokedAt'],
  ] as const)('ends the %s token that its own replaces', (kind, field) => {
    const old = token({ id: 'tok_0', kind, hash: 'b'.repeat(64) });
    const { writes } = connect(cluster(), connectBy(3, old), START);
    expect(writes.at(-1)?.next).toMatchObject({ id: 'tok_0', version: 2, [field]: START });
  });

  it('leaves a token alone that has ended before', () => {
    for (const ended of [token({ usedAt: START }), token({ revokedAt: START })])
      expect(connect(cluster(), connectBy(3, ended), START).writes).toHaveLength(2);
  });

  it('of another cluster is refused as a clone, one of an older link as late', () => {
    expect(helloRefusal(cluster(), 1, hello)).toBeNull();
    expect(helloRefusal(cluster({ clusterUid: 'uid-2' }), 9, hello)).toBe('CloneDetected');
    expect(helloRefusal(connected(3), 2, hello)).toBe('Stale');
    expect(helloRefusal(connected(3), 3, hello)).toBeNull();
  });

  it('of a clone is recorded once', () => {
    const first = cloneDetected(cluster(), START);
    expect(conditionOf(first.next.conditions, 'CloneDetected')?.status).toBe('True');
    expect(cloneDetected(first.next, START)).toMatchObject({ writes: [], audit: [] });
  });
});

describe('the end of a connection', () => {
  it('counts only for the current link, and once', () => {
    expect(disconnect(connected(3), 2, START).writes).toEqual([]);
    const gone = disconnect(connected(3), 3, plus(START, 5));
    expect(status(gone.next)).toMatchObject({
      status: 'False',
      reason: 'Disconnected',
      lastTransitionTime: plus(START, 5),
    });
    expect(disconnect(gone.next, 3, START).writes).toEqual([]);
    expect(disconnect(cluster(), 3, START).writes).toEqual([]);
  });

  it('by silence is committed once, when the lease of the current link is stale', () => {
    const late = plus(START, 91);
    expect(heartbeatLost(connected(3), lease(), plus(START, 90)).writes).toEqual([]);
    expect(heartbeatLost(connected(3), lease({ link: 2 }), late).writes).toEqual([]);
    const lost = heartbeatLost(connected(3), lease(), late);
    expect(status(lost.next)).toMatchObject({ status: 'False', reason: 'HeartbeatLost' });
    expect(heartbeatLost(lost.next, lease(), late).writes).toEqual([]);
  });

  it('by silence is taken back by a heartbeat of the same link, but one that was closed is not', () => {
    const lost = heartbeatLost(connected(3), lease(), plus(START, 91)).next;
    expect(status(heard(lost, 3, plus(START, 95)).next)).toMatchObject({ status: 'True', reason: 'Heartbeat' });
    expect(heard(lost, 2, START).writes).toEqual([]);
    expect(heard(disconnect(connected(3), 3, START).next, 3, START).writes).toEqual([]);
  });
});

describe('a lease', () => {
  it('is stale only after its time is over', () => {
    expect([89, 90, 91].map((seconds) => isStale(lease(), plus(START, seconds)))).toEqual([false, false, true]);
  });

  it('takes the shorter staleness only after a heartbeat at the shorter pace', () => {
    const wanted = { paceSeconds: 30, staleAfterSeconds: 90 };
    const idle = lease({ paceSeconds: 300, staleAfterSeconds: 720 });
    expect(renewed(idle, 3, 300, wanted, START)).toMatchObject({
      paceSeconds: 30,
      staleAfterSeconds: 720,
      lastSeenAt: START,
    });
    expect(renewed(idle, 3, 30, wanted, START).staleAfterSeconds).toBe(90);
    expect(renewed(null, 3, 300, wanted, START).staleAfterSeconds).toBe(90);
    expect(renewed(lease(), 3, 30, { paceSeconds: 300, staleAfterSeconds: 720 }, START).staleAfterSeconds).toBe(720);
  });
});

describe('a report', () => {
  const amounts = { cpuMillis: 1, memoryMiB: 1, gpus: 0, pods: 1 };
  const info: ClusterInfo = { nodes: 2, readyNodes: 1, allocatable: amounts, requested: amounts };

  it('is taken in order of its sequence numbers and only from the current link', () => {
    const first = report(connected(3), { link: 3, seq: 5, info }, START);
    expect(first?.next).toMatchObject({ info, agent: { seq: 5 } });
    for (const [link, seq] of [
      [3, 5],
      [3, 4],
      [2, 9],
      [4, 9],
    ] as const)
      expect(report(first?.next as ClusterState, { link, seq, info }, START)).toBeNull();
    expect(report(cluster(), { link: 3, seq: 5, info }, START)).toBeNull();
  });

  it('keeps what a shorter one leaves out', () => {
    const full = report(connected(3), { link: 3, seq: 1, info: { ...info, region: 'eu' } }, START);
    expect(report(full?.next as ClusterState, { link: 3, seq: 2, info }, START)?.next.info?.region).toBe('eu');
  });
});

describe('a drain', () => {
  const asked = () => ({ ...connected(3), drain: { requestedAt: START } });

  it('is done when the current link says so, once', () => {
    const done = drained(asked(), 3, plus(START, 8));
    expect(done.next.drain).toEqual({ requestedAt: START, doneAt: plus(START, 8) });
    expect(drained(done.next, 3, START).writes).toEqual([]);
    expect(drained(asked(), 2, START).writes).toEqual([]);
    expect(drained(connected(3), 3, START).writes).toEqual([]);
  });

  it('is waited for only as long as its agent is there', () => {
    expect(holds('drained', asked())).toBe(false);
    expect(holds('drained', drained(asked(), 3, START).next)).toBe(true);
    expect(holds('drained', disconnect(asked(), 3, START).next)).toBe(true);
    expect(holds('agent-connected', cluster())).toBe(false);
    expect(holds('agent-connected', connected(3))).toBe(true);
  });
});

describe('what is left where no agent can say it', () => {
  const seat = (team: string, origin: 'ControlPlane' | 'Cluster') => ({ team, spec: seatSpec({ origin }) });
  const remains = (...seats: ReturnType<typeof seat>[]) =>
    leftUnseen(cluster({ provider: 'existing' }), seats, START).next?.remains;

  it('is the manifest, and the namespaces of teams whose dev pods were there', () => {
    expect(remains()).toContain('crd/workspaces.roadstead.dev');
    expect(
      remains(seat('team_b', 'ControlPlane'), seat('team_a', 'ControlPlane'), seat('team_a', 'ControlPlane')),
    ).toEqual([...(remains() ?? []), 'namespace/rs-team-a', 'namespace/rs-team-b']);
  });

  it('leaves what the cluster’s admin applied: its namespace and its definition', () => {
    const objects = remains(seat('team_a', 'ControlPlane'), seat('team_b', 'ControlPlane'), seat('team_b', 'Cluster'));
    expect(objects).toContain('namespace/rs-team-a');
    expect(objects).not.toContain('namespace/rs-team-b');
    expect(objects?.filter((each) => each.startsWith('crd/'))).toEqual([]);
  });

  it('is what the agent said where it did, and nothing of a cluster that we made', () => {
    expect(leftUnseen(cluster({ provider: 'existing', remains: ['namespace/x'] }), [], START).writes).toEqual([]);
    expect(leftUnseen(cluster({ provider: 'eks' }), [], START).writes).toEqual([]);
  });
});
