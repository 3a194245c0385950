/** Workspaces that a cluster's admin applied: mirrored, shown in the team of their namespace, never changed from here (DESIGN §2; kubernetes.md finding 2). */
import type { AgentMessage } from '../contract/agent.ts';
import { safeText } from '../contract/safe-text.ts';
import type { Context } from './clock.ts';
import { withCondition } from './conditions.ts';
import { type Claim, type Decision, nothing, type SeatLimits, write } from './decision.ts';
import { same } from './workspace-change.ts';
import { moves, nameFree } from './workspace-claims.ts';
import { reported, timesAt } from './workspace-report.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** What the agent found, and what is known of it here. */
export type Found = Extract<AgentMessage, { type: 'workspace.found' }>['payload'] & {
  readonly cluster: string;
  readonly link: number;
  readonly seq: number;
  /** Is the owner that the spec names an account of the team? */
  readonly ownerInTeam: boolean;
  /** The team has a dev pod of this name: the mirror is shown under another. */
  readonly nameTaken: boolean;
  /** What the team's seats take of its quotas, and the quotas: a mirror is counted and marked, never refused, since its pod is there. */
  readonly usage: Usage;
  readonly limits: SeatLimits;
};

/** What a team's seats take of its quotas. */
export interface Usage {
  readonly workspaces: number;
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly storageGiB: number;
}

/** Is the team over a limit with what this claim adds? */
const isOver = (claims: readonly Claim[], { usage, limits }: Pick<Found, 'usage' | 'limits'>): boolean => {
  const taken = claims.find((claim) => claim.claim === 'team-seats');
  return (
    usage.workspaces + (taken?.workspaces ?? 0) > limits.teamWorkspaces ||
    usage.cpuMillis + (taken?.cpuMillis ?? 0) > limits.teamCpuMillis ||
    usage.memoryMiB + (taken?.memoryMiB ?? 0) > limits.teamMemoryMiB ||
    usage.storageGiB + (taken?.storageGiB ?? 0) > limits.teamStorageGiB
  );
};

/** Decides what becomes of the mirror; nothing when it is as it was. Pure. */
export const mirrorWorkspace = (known: WorkspaceState | null, found: Found, context: Context): Decision => {
  const { now } = context;
  if (found.gone) return known === null || known.phase === 'Deleted' ? nothing : ended(known, now);
  const mirror = known === null || known.phase === 'Deleted' ? first(found, context) : known;
  const spec = { ...found.spec, origin: 'Cluster' as const, id: undefined, revision: undefined };
  const changed = !same(bare(mirror.spec), bare(spec));
  const observed =
    found.status === undefined
      ? {}
      : (reported({ ...mirror, spec }, { link: found.link, seq: found.seq, status: found.status }, now) ?? {});
  const seen: WorkspaceState = {
    ...mirror,
    ...observed,
    spec,
    revision: mirror.revision + (changed && mirror === known ? 1 : 0),
    updatedAt: now,
  };
  const claims = moves(mirror === known ? known : null, seen);
  const next = { ...seen, conditions: marked(seen.conditions, found, isOver(claims, found), now) };
  if (mirror === known) {
    if (same(bare(known), bare(next))) return nothing;
    const moved = { ...next, version: known.version + 1 };
    return { writes: [write(known, moved)], claims, audit: [] };
  }
  return {
    writes: [write(null, next)],
    claims: [
      { claim: 'name', of: 'workspace', team: next.team, name: next.name, id: next.id, code: 'workspace.name_taken' },
      { claim: 'mirror', cluster: next.cluster, uid: found.uid, workspace: next.id },
      ...claims,
    ],
    audit: [
      {
        team: next.team,
        actor: `agent:${next.cluster}`,
        action: 'workspace.found',
        resource: next.id,
        detail: { name: found.name, owner: safeText(found.spec.owner) },
      },
    ],
  };
};

/** Without what moves by itself, to see whether anything changed. */
const bare = (value: object): unknown => ({ ...value, updatedAt: undefined, version: undefined });

/** Seen for the first time. */
const first = (found: Found, { now, newId }: Context): WorkspaceState => {
  const id = newId('wsp');
  return {
    entity: 'Workspace',
    id,
    version: 1,
    revision: 1,
    // The end of an id is random: what follows the name is unlike any other.
    name: found.nameTaken ? `${found.name.slice(0, 44)}-${id.slice(-5)}` : found.name,
    team: found.team,
    cluster: found.cluster,
    spec: found.spec,
    labels: {},
    mirror: { uid: found.uid, name: found.name },
    phase: 'Pending',
    phaseRevision: 0,
    conditions: [],
    createdAt: now,
    createdBy: `agent:${found.cluster}`,
    updatedAt: now,
    ranSeconds: 0,
  };
};

/** What is not as it should be, said and not refused. */
const marked = (
  conditions: WorkspaceState['conditions'],
  found: Found,
  overQuota: boolean,
  now: string,
): WorkspaceState['conditions'] => {
  const kept = conditions.filter(
    ({ type }) => (type !== 'OwnerUnknown' || !found.ownerInTeam) && (type !== 'QuotaExceeded' || overQuota),
  );
  const owner = found.ownerInTeam
    ? kept
    : withCondition(
        kept,
        {
          type: 'OwnerUnknown',
          status: 'True',
          reason: 'NotInTeam',
          message: 'The owner that its spec names is nobody of this team: name an account of it in spec.owner.',
        },
        now,
      );
  return overQuota
    ? withCondition(
        owner,
        {
          type: 'QuotaExceeded',
          status: 'True',
          reason: 'TeamQuota',
          message: 'With this dev pod the team takes more than its quota.',
        },
        now,
      )
    : owner;
};

/** What becomes of a mirror whose Workspace is not there any more, as of this word of its agent; a newer report says that it is. */
export const absent = (
  known: WorkspaceState,
  { link, seq }: { readonly link: number; readonly seq: number },
  { now }: Context,
): Decision => {
  const { report } = known;
  const isNewer = report !== undefined && (report.link > link || (report.link === link && report.seq > seq));
  return known.phase === 'Deleted' || isNewer ? nothing : ended(known, now);
};

const ended = (known: WorkspaceState, now: string): Decision => {
  const next: WorkspaceState = {
    ...known,
    ...timesAt(known, 'Deleted', now),
    version: known.version + 1,
    phase: 'Deleted',
    deletedAt: now,
    updatedAt: now,
  };
  return {
    writes: [write(known, next)],
    claims: [...nameFree(known), ...moves(known, next)],
    audit: [{ team: known.team, actor: `agent:${known.cluster}`, action: 'workspace.gone', resource: known.id }],
  };
};
