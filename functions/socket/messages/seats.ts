/** What an agent asks and says about dev pods: the list it syncs by, seats whole, their state, the end of one (DESIGN §2, §6). */
import { type AgentMessage, digestInput } from '#core/contract/agent.ts';
import { safeText } from '#core/contract/safe-text.ts';
import type { DesiredSeat } from '#core/contract/seat.ts';
import { MESSAGE_LIMIT } from '#core/contract/socket.ts';
import { left } from '#core/domain/link.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceCommand } from '#core/domain/workspace-command.ts';
import { absent, mirrorWorkspace } from '#core/domain/workspace-mirror.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toDesiredSeat } from '#core/domain/workspace-view.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { AgentConnection } from '#core/store/connections.ts';
import { sha256 } from '#core/store/keys.ts';
import type { Store } from '#core/store/store.ts';
import { type AgentDeps, ack, refuse, type Unaddressed } from './answer.ts';

/** Rows of one page: about 90 bytes each, so that a page stays far under the limit of a message. */
const PAGE = 200;
/** Room for the envelope around seats that are answered whole. */
const MARGIN = 1024;

type Of<T extends AgentMessage['type']> = Extract<AgentMessage, { type: T }>;

/** SHA-256 of the list of seats of a cluster, as the agent computes it of what it has. */
export const seatsDigest = async (store: Pick<Store, 'workspaces'>, cluster: string): Promise<string> =>
  sha256(digestInput(await store.workspaces.rowsOf(cluster)));

/** A page of the list, or only the digest when nothing differs. Always from consistent reads. */
export const sync = async (
  deps: AgentDeps,
  connection: AgentConnection,
  { payload: { digest, after } }: Of<'sync'>,
): Promise<Unaddressed> => {
  const [rows, epoch] = await Promise.all([
    deps.store.workspaces.rowsOf(connection.cluster),
    deps.store.deployment.epoch(),
  ]);
  const present = sha256(digestInput(rows));
  const unchanged = after === undefined && digest === present;
  const rest = unchanged ? [] : rows.filter(({ id }) => after === undefined || id > after);
  const page = rest.slice(0, PAGE);
  const next = rest.length > PAGE ? page.at(-1)?.id : undefined;
  return {
    type: 'sync.page',
    payload: {
      deploymentId: deps.deploymentId,
      epoch,
      digest: present,
      unchanged,
      rows: page,
      ...(next === undefined ? {} : { next }),
    },
  };
};

/** As many of the seats as fit one message, at least one; what is not of this cluster is not there. */
export const seatsWhole = async (
  deps: AgentDeps,
  connection: AgentConnection,
  { payload: { ids } }: Of<'seats.get'>,
): Promise<Unaddressed> => {
  const found = await Promise.all(ids.map((id) => deps.store.workspaces.workspace(id)));
  const seats: DesiredSeat[] = [];
  let bytes = MARGIN;
  for (const workspace of found) {
    if (workspace === null || workspace.cluster !== connection.cluster || workspace.phase === 'Deleted') continue;
    if (workspace.spec.origin !== 'ControlPlane') continue;
    const seat = toDesiredSeat(workspace);
    bytes += Buffer.byteLength(JSON.stringify(seat));
    if (seats.length > 0 && bytes > MESSAGE_LIMIT) break;
    seats.push(seat);
  }
  return { type: 'seats', payload: { seats } };
};

/** Decides on a seat of this cluster and commits; a seat of another cluster does not exist for this agent. */
const change = (
  deps: AgentDeps,
  connection: AgentConnection,
  id: string,
  command: WorkspaceCommand,
): Promise<Unaddressed> =>
  untilFresh(async () => {
    const subject = await deps.store.workspaces.subject(id);
    if (subject.workspace === null || subject.workspace.cluster !== connection.cluster)
      return refuse('Invalid', `${id} is no dev pod of this cluster`);
    const now = deps.now();
    await deps.store.commit(decideWorkspace(subject, command, { now, newId: deps.newId }), {
      now,
      newId: deps.newId,
    });
    return ack;
  });

export const seatStatus = (
  deps: AgentDeps,
  connection: AgentConnection,
  { seq, payload: { id, status } }: Of<'workspace.status'>,
): Promise<Unaddressed> => change(deps, connection, id, { type: 'report', link: connection.link, seq, status });

export const seatGone = (
  deps: AgentDeps,
  connection: AgentConnection,
  { payload: { id, revision, kept } }: Of<'workspace.gone'>,
): Promise<Unaddressed> => change(deps, connection, id, { type: 'gone', revision, kept, limits: deps.seatLimits });

/** An agent speaks for the team of its cluster, and for teams that have put a seat of theirs there: never for others. */
const hosts = async ({ store }: AgentDeps, id: string, team: string): Promise<boolean> => {
  const cluster = await store.clusters.cluster(id);
  if (cluster === null) return false;
  if (cluster.team === team) return true;
  return (await store.workspaces.ofCluster(id)).some(
    (each) => each.team === team && each.spec.origin === 'ControlPlane' && each.phase !== 'Deleted',
  );
};

/** A Workspace that a cluster's admin made: shown in the team of its namespace, owned by the cluster for ever. */
export const seatFound = (
  deps: AgentDeps,
  connection: AgentConnection,
  { seq, payload }: Of<'workspace.found'>,
): Promise<Unaddressed> =>
  untilFresh(async () => {
    const now = deps.now();
    if (!(await hosts(deps, connection.cluster, payload.team)))
      return refuse('Invalid', `${payload.team} has nothing on this cluster`);
    const known = await deps.store.workspaces.mirror(connection.cluster, payload.uid);
    const role = await deps.store.people.role(payload.team, payload.spec.owner);
    const namesake = await deps.store.workspaces.find(payload.team, payload.name);
    const decided = mirrorWorkspace(
      known,
      {
        cluster: connection.cluster,
        link: connection.link,
        seq,
        ownerInTeam: role !== null,
        nameTaken: namesake !== null,
        usage: await deps.store.workspaces.usage(payload.team),
        limits: deps.seatLimits,
        ...payload,
      },
      { now, newId: deps.newId },
    );
    await deps.store.commit(decided, { now, newId: deps.newId });
    return ack;
  });

/** Mirrors whose Workspace was deleted while no agent watched end now. */
export const seatCensus = async (
  deps: AgentDeps,
  connection: AgentConnection,
  { seq, payload: { after = '', upTo, uids } }: Of<'workspace.census'>,
): Promise<Unaddressed> => {
  const here = new Set(uids);
  const isAbsent = ({ mirror }: WorkspaceState): boolean =>
    mirror !== undefined && mirror.uid > after && (upTo === undefined || mirror.uid <= upTo) && !here.has(mirror.uid);
  for (const { id } of (await deps.store.workspaces.ofCluster(connection.cluster)).filter(isAbsent))
    await untilFresh(async () => {
      const known = await deps.store.workspaces.workspace(id);
      if (known === null) return;
      const context = { now: deps.now(), newId: deps.newId };
      await deps.store.commit(absent(known, { link: connection.link, seq }, context), context);
    });
  return ack;
};

/** Something for the audit log of the cluster's team, in the agent's name. */
export const audit = async (
  deps: AgentDeps,
  connection: AgentConnection,
  { payload: { action, resource, detail } }: Of<'audit'>,
): Promise<Unaddressed> => {
  const cluster = await deps.store.clusters.cluster(connection.cluster);
  if (cluster === null) return refuse('Stale', 'the cluster is gone');
  await deps.store.commit(
    {
      writes: [],
      claims: [],
      audit: [
        {
          team: cluster.team,
          actor: `agent:${cluster.id}`,
          action: safeText(`agent.${action}`),
          resource: cluster.id,
          detail: { resource: safeText(resource), detail: safeText(detail) },
        },
      ],
    },
    { now: deps.now(), newId: deps.newId },
  );
  return ack;
};

/** What a connected cluster is left with when its agent has taken the seats away. */
export const clusterLeft = (
  deps: AgentDeps,
  connection: AgentConnection,
  { payload: { objects } }: Of<'cluster.left'>,
): Promise<Unaddressed> =>
  untilFresh(async () => {
    const cluster = await deps.store.clusters.cluster(connection.cluster);
    if (cluster === null) return ack;
    const now = deps.now();
    await deps.store.commit(left(cluster, connection.link, objects, now), { now, newId: deps.newId });
    return ack;
  });
