/** A secret has a new value, or none any more: the specs of the pods that use it are told, level-triggered and repeatable (DESIGN §2). */

import { isPersonal, type SecretState } from '#core/domain/secret.ts';
import { isForgotten, secretRenewed } from '#core/domain/secret-change.ts';
import { NO_CHOICE } from '#core/domain/secret-choice.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from './deps.ts';
import { secretsOf } from './seats.ts';

/** Pages of a team's dev pods at a time. */
const PAGE = 100;

type RenewalDeps = Pick<Deps, 'store' | 'now' | 'newId'>;

/** Every dev pod that may use the secret: of the team, or of the person in each of their teams. */
const users = async ({ store }: RenewalDeps, holder: string): Promise<WorkspaceState[]> => {
  const person = isPersonal({ holder });
  const teams = person ? (await store.people.teams(holder)).map(({ team }) => team.id) : [holder];
  const found: WorkspaceState[] = [];
  for (const team of teams) {
    let cursor: string | undefined;
    do {
      const page = await store.workspaces.page({
        team,
        limit: PAGE,
        cursor,
        matches: ({ spec }) => spec.origin === 'ControlPlane' && (!person || spec.owner === holder),
      });
      found.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
  }
  return found;
};

/** Brings the specs up to date with this secret, then says so on it. */
export const renewSecrets = async (deps: RenewalDeps, changed: SecretState | null): Promise<void> => {
  if (changed === null) return;
  const present = await deps.store.secrets.get(changed.holder, changed.name);
  // Only the sweeper's mark asks for work: what others wrote of it is older news.
  if (present === null || present.renewAt === undefined) return;
  for (const { id } of await users(deps, present.holder)) await renewOne(deps, id);
  await untilFresh(async () => {
    const secret = await deps.store.secrets.get(changed.holder, changed.name);
    if (secret === null || secret.renewAt === undefined || secret.latest !== present.latest) return;
    if (isForgotten(secret) !== isForgotten(present)) return;
    await deps.store.commit(secretRenewed(secret), { now: deps.now(), newId: deps.newId });
  });
};

const renewOne = (deps: RenewalDeps, id: string): Promise<void> =>
  untilFresh(async () => {
    const { store } = deps;
    const subject = await store.workspaces.subject(id);
    const { workspace } = subject;
    if (workspace === null || workspace.tombstone !== undefined || workspace.phase === 'Deleted') return;
    const { team, spec, secretChoice = NO_CHOICE } = workspace;
    const secrets = await secretsOf(store, { team, owner: spec.owner }, secretChoice, false);
    if (JSON.stringify(secrets) === JSON.stringify(workspace.spec.secrets)) return;
    const at = { now: deps.now(), newId: deps.newId };
    await store.commit(decideWorkspace(subject, { type: 'secrets', secrets }, at), at);
  });
