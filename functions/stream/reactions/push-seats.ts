/** What changed of dev pods goes to the people who watch their team, and to the agent of their cluster. */
import type { CredentialRequestState } from '#core/domain/credential.ts';
import type { GroupState } from '#core/domain/group-state.ts';
import { toGroupChanged } from '#core/domain/group-view.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { toDesiredSeat, toWorkspaceChanged } from '#core/domain/workspace-view.ts';
import { announce, type PushDeps, tell } from './post.ts';

/** The connection that now speaks for a cluster, or null. */
const agentOf = async (deps: PushDeps, cluster: string): Promise<string | null> =>
  (await deps.store.clusters.cluster(cluster))?.agent?.connectionId ?? null;

export const workspaceChanged = async (
  deps: PushDeps,
  before: WorkspaceState | null,
  after: WorkspaceState,
): Promise<void> => {
  if (before !== null && before.version >= after.version) return;
  await Promise.all([announce(deps, after.team, toWorkspaceChanged(after)), tellAgent(deps, before, after)]);
};

/** Only what is wanted goes down; what the agent said itself does not come back to it. */
const tellAgent = async (deps: PushDeps, before: WorkspaceState | null, after: WorkspaceState): Promise<void> => {
  if (after.spec.origin !== 'ControlPlane' || after.phase === 'Deleted') return;
  if (before !== null && before.revision === after.revision && before.tombstone === after.tombstone) return;
  const connection = await agentOf(deps, after.cluster);
  if (connection === null) return;
  if (after.tombstone === undefined)
    await tell(deps, connection, 'workspace.apply', { seat: toDesiredSeat(after) }, after.id);
  else
    await tell(
      deps,
      connection,
      'workspace.delete',
      { id: after.id, revision: after.revision, volumes: after.tombstone },
      after.id,
    );
};

export const groupChanged = async (deps: PushDeps, before: GroupState | null, after: GroupState): Promise<void> => {
  if (before !== null && before.version >= after.version) return;
  await announce(deps, after.team, toGroupChanged(after));
};

/** A person waits for a credential: the agent makes it and posts it to the request, never to this socket. */
export const credentialAsked = async (deps: PushDeps, asked: CredentialRequestState): Promise<void> => {
  const connection = await agentOf(deps, asked.cluster);
  if (connection !== null)
    await tell(
      deps,
      connection,
      'credential.mint',
      {
        request: asked.id,
        seat: asked.workspace,
        ...(asked.uid !== undefined && { uid: asked.uid }),
        seconds: asked.seconds,
      },
      asked.id,
    );
};
