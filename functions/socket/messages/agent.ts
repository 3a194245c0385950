/** Messages of agents: hello, heartbeat, reports; each gets exactly one answer (DESIGN §6). Reports are conditional on link number and seq. */
import { AgentMessage, type Hello, type Pace, PROTOCOL, type ServerMessage } from '#core/contract/agent.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import {
  cloneDetected,
  connect,
  drained,
  heard,
  helloRefusal,
  type Lease,
  renewed,
  report,
} from '#core/domain/link.ts';
import { type AgentTokenState, tokenStateOf } from '#core/domain/token.ts';
import { Stale, untilFresh } from '#core/store/commit.ts';
import type { AgentConnection } from '#core/store/connections.ts';
import { type AgentDeps, ack, refuse, type Unaddressed } from './answer.ts';
import {
  audit,
  clusterLeft,
  seatCensus,
  seatFound,
  seatGone,
  seatStatus,
  seatsDigest,
  seatsWhole,
  sync,
} from './seats.ts';

/** The answer to one message of an agent. */
export const answerAgent = async (
  deps: AgentDeps,
  connection: AgentConnection,
  body: unknown,
): Promise<ServerMessage> => {
  const id = typeof (body as { id?: unknown } | null)?.id === 'string' ? (body as { id: string }).id.slice(0, 64) : '';
  return { v: PROTOCOL, id, ...(await answer(deps, connection, body)) } as ServerMessage;
};

const answer = async (deps: AgentDeps, connection: AgentConnection, body: unknown): Promise<Unaddressed> => {
  const parsed = AgentMessage.safeParse(body);
  if (!parsed.success) {
    const type = (body as { type?: unknown } | null)?.type;
    const known = AgentMessage.options.some((option) => option.shape.type.value === type);
    if (typeof type === 'string' && !known) return { type: 'unsupported', payload: { type: type.slice(0, 64) } };
    return refuse(
      'Invalid',
      `${parsed.error.issues[0]?.path.join('.') || 'message'}: ${parsed.error.issues[0]?.message ?? 'not understood'}`,
    );
  }
  const token = await deps.store.tokens.byHash(connection.tokenHash);
  if (token === null || tokenStateOf(token, deps.now()) !== 'Active')
    return refuse('Revoked', 'the token of this connection has ended');
  const message = parsed.data;
  if (message.type === 'hello')
    return connection.tokenKind === 'install'
      ? trade(deps, connection, token, message.payload)
      : hello(deps, connection, token, message.payload);
  if (connection.tokenKind === 'install')
    return refuse('NotHello', 'a connection made with an install token may only say hello');
  switch (message.type) {
    case 'heartbeat':
      return heartbeat(deps, connection, message.payload.paceSeconds);
    case 'cluster.info':
      return untilFresh(async () => {
        const cluster = await deps.store.clusters.cluster(connection.cluster);
        if (cluster === null) return refuse('Stale', 'the cluster is gone');
        const now = deps.now();
        const decided = report(cluster, { link: connection.link, seq: message.seq, info: message.payload }, now);
        if (decided === null) return refuse('Stale', 'a newer report or link was taken');
        await deps.store.commit(decided, { now, newId: deps.newId });
        return ack;
      });
    case 'cluster.drained':
      return untilFresh(async () => {
        const cluster = await deps.store.clusters.cluster(connection.cluster);
        if (cluster === null) return ack;
        const now = deps.now();
        await deps.store.commit(drained(cluster, connection.link, now), { now, newId: deps.newId });
        return ack;
      });
    case 'sync':
      return sync(deps, connection, message);
    case 'seats.get':
      return seatsWhole(deps, connection, message);
    case 'workspace.status':
      return seatStatus(deps, connection, message);
    case 'workspace.gone':
      return seatGone(deps, connection, message);
    case 'workspace.found':
      return seatFound(deps, connection, message);
    case 'workspace.census':
      return seatCensus(deps, connection, message);
    case 'audit':
      return audit(deps, connection, message);
    case 'cluster.left':
      return clusterLeft(deps, connection, message);
    case 'token.rotate':
      return keepNext(deps, connection, token, message.payload.nextTokenHash);
  }
};

/** Keeps the hash of a token that the agent made, to come in the place of the present one. A repeat with the same hash changes nothing. */
const keepNext = async (
  deps: AgentDeps,
  connection: AgentConnection,
  token: AgentTokenState,
  hash: string,
): Promise<Unaddressed> =>
  untilFresh(async () => {
    const present = token.kind === 'install' ? ((await deps.store.tokens.byHash(token.hash)) ?? token) : token;
    if (present.tradedFor !== undefined && present.tradedFor !== hash)
      return refuse('Revoked', 'this install token was traded for another agent token');
    const standing = await deps.store.tokens.byHash(hash);
    if (standing !== null)
      return standing.cluster === connection.cluster ? ack : refuse('Invalid', 'choose another token');
    const now = deps.now();
    const next: AgentTokenState = {
      entity: 'Token',
      id: deps.newId('tok'),
      version: 1,
      hash,
      kind: 'agent',
      cluster: connection.cluster,
      team: token.team,
      createdAt: now,
      createdBy: `agent:${connection.cluster}`,
      replaces: token.hash,
    };
    const traded =
      token.kind === 'install'
        ? [{ before: present, next: { ...present, version: present.version + 1, tradedFor: hash, lastUsedAt: now } }]
        : [];
    await deps.store.commit(
      {
        writes: [{ before: null, next }, ...traded],
        claims: [],
        audit: [
          {
            team: token.team,
            actor: `agent:${connection.cluster}`,
            action: 'token.rotate',
            resource: connection.cluster,
            detail: { token: next.id },
          },
        ],
      },
      { now, newId: deps.newId },
    );
    return ack;
  });

/** A hello over an install token: the token is traded, the agent comes again with its own. */
const trade = async (
  deps: AgentDeps,
  connection: AgentConnection,
  token: AgentTokenState,
  payload: Hello,
): Promise<Unaddressed> => {
  if (payload.nextTokenHash === undefined) return refuse('Invalid', 'nextTokenHash: required with an install token');
  const refused = await refusal(deps, connection, payload);
  if (refused !== null) return refused;
  const kept = await keepNext(deps, connection, token, payload.nextTokenHash);
  return kept.type === 'ack' ? helloAck(deps, connection, deps.idle, { reconnect: true, drain: false }) : kept;
};

/** A hello over the agent's own token: from now on this link speaks for the cluster. */
const hello = async (
  deps: AgentDeps,
  connection: AgentConnection,
  token: AgentTokenState,
  payload: Hello,
): Promise<Unaddressed> => {
  const refused = await refusal(deps, connection, payload);
  if (refused !== null) return refused;
  return untilFresh(async () => {
    const { cluster, lease } = await deps.store.clusters.withLease(connection.cluster);
    if (cluster === null) return refuse('Stale', 'the cluster is gone');
    const present = (await deps.store.tokens.byHash(token.hash)) ?? token;
    const replaced = present.replaces === undefined ? null : await deps.store.tokens.byHash(present.replaces);
    if (helloRefusal(cluster, connection.link, payload) !== null)
      return refuse('Stale', 'a newer link speaks for the cluster');
    const more = {
      reconnect: false,
      drain: awaitsDrain(cluster),
      cluster: factsOf(cluster, deps.now()),
      ...(await seatsOf(deps, cluster)),
    };
    if (cluster.agent?.link === connection.link)
      return helloAck(deps, connection, await paceOf(deps, cluster.team), more);
    const now = deps.now();
    const pace = await paceOf(deps, cluster.team);
    const held = renewed(lease, connection.link, pace.paceSeconds, pace, now);
    const decided = connect(
      cluster,
      { link: connection.link, connectionId: connection.id, hello: payload, token: present, replaced },
      now,
    );
    await deps.store.commit(decided, { now, newId: deps.newId }, [deps.store.clusters.leaseStep(cluster.id, held)]);
    return helloAck(deps, connection, pace, more);
  });
};

type HelloAck = Extract<ServerMessage, { type: 'hello.ack' }>['payload'];

const awaitsDrain = (cluster: { readonly drain?: { readonly doneAt?: string | undefined } | undefined }): boolean =>
  cluster.drain !== undefined && cluster.drain.doneAt === undefined;

const refusal = async (deps: AgentDeps, connection: AgentConnection, payload: Hello): Promise<Unaddressed | null> => {
  if (payload.protocol.min > PROTOCOL || payload.protocol.max < PROTOCOL - 1)
    return refuse('ProtocolUnsupported', `the server speaks ${PROTOCOL}`);
  return untilFresh(async () => {
    const cluster = await deps.store.clusters.cluster(connection.cluster);
    if (cluster === null || cluster.phase === 'Deleted') return refuse('Stale', 'the cluster is gone');
    const why = helloRefusal(cluster, connection.link, payload);
    if (why === null) return null;
    const now = deps.now();
    if (why === 'CloneDetected') await deps.store.commit(cloneDetected(cluster, now), { now, newId: deps.newId });
    return refuse(
      why,
      why === 'CloneDetected' ? 'another cluster holds this identity' : 'a newer link speaks for the cluster',
    );
  });
};

const helloAck = async (
  deps: AgentDeps,
  connection: AgentConnection,
  pace: Pace,
  more: Pick<HelloAck, 'reconnect' | 'drain' | 'seats' | 'cluster'>,
): Promise<Unaddressed> => ({
  type: 'hello.ack',
  payload: {
    protocol: PROTOCOL,
    link: connection.link,
    clusterId: connection.cluster,
    deploymentId: deps.deploymentId,
    epoch: await deps.store.deployment.epoch(),
    serverTime: deps.now(),
    ...pace,
    ...more,
  },
});

/** What `kubectl get rcl` shows of the cluster. */
const factsOf = (
  { revision, team, provider, expiresAt }: ClusterState,
  now: string,
): NonNullable<HelloAck['cluster']> => ({
  revision,
  team,
  provider,
  ...(expiresAt === undefined
    ? {}
    : { expiresInSeconds: Math.round((Date.parse(expiresAt) - Date.parse(now)) / 1000) }),
});

/** The digest of the list, where seats may be. */
const seatsOf = async (
  deps: AgentDeps,
  cluster: { readonly id: string; readonly takesWorkspaces: boolean },
): Promise<{ readonly seats?: string }> =>
  cluster.takesWorkspaces ? { seats: await seatsDigest(deps.store, cluster.id) } : {};

const paceOf = async (deps: AgentDeps, team: string): Promise<Pace> =>
  (await deps.store.connections.isWatched(team)) ? deps.watched : deps.idle;

/** Touches the lease alone; the cluster's item only when its silence had been recorded. */
const heartbeat = async (deps: AgentDeps, connection: AgentConnection, keeps: number): Promise<Unaddressed> => {
  const { cluster, lease } = await deps.store.clusters.withLease(connection.cluster);
  if (cluster === null) return refuse('Stale', 'the cluster is gone');
  const pace = await paceOf(deps, cluster.team);
  const held: Lease = renewed(lease, connection.link, keeps, pace, deps.now());
  if (!(await deps.store.clusters.touchLease(connection.cluster, held)))
    return refuse('Stale', 'a newer link speaks for the cluster');
  const again = heard(cluster, connection.link, held.lastSeenAt);
  if (again.writes.length > 0) {
    try {
      await deps.store.commit(again, { now: held.lastSeenAt, newId: deps.newId }, [
        deps.store.clusters.leaseStep(cluster.id, held),
      ]);
    } catch (error) {
      // The next heartbeat says it again.
      if (!(error instanceof Stale)) throw error;
    }
  }
  return { type: 'heartbeat.ack', payload: { ...pace, ...(await seatsOf(deps, cluster)) } };
};
