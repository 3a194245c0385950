/** The SSH host key of a seat: made once, kept sealed, so that a pod that was made anew is the host that people's clients know. */
import { makeHostKey } from '#core/domain/seat/host-key.ts';
import { keepSecret } from '#core/domain/secret-change.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import { Stale } from '#core/store/commit.ts';
import type { Deps } from './deps.ts';
import { type Sealing, secretContext } from './sealing.ts';

/** Not a name that a person can give: theirs have no dots. */
const NAME = 'ssh.host-key';

/** The private key as PEM. */
export const hostKeyOf = async (
  deps: Pick<Deps, 'store' | 'now' | 'newId'> & { readonly sealing: Sealing },
  workspace: WorkspaceState,
): Promise<string> => {
  const { store, sealing, now, newId } = deps;
  const context = secretContext(workspace.id, NAME, 1);
  const kept = async (): Promise<string | null> => {
    const sealed = (await store.secrets.get(workspace.id, NAME))?.sealed['1'];
    return sealed === undefined ? null : sealing.open(sealed, context);
  };
  const known = await kept();
  if (known !== null) return known;
  const key = makeHostKey();
  const decision = keepSecret(
    null,
    { holder: workspace.id, name: NAME, sealed: await sealing.seal(key, context) },
    { team: workspace.team, actor: `agent:${workspace.cluster}` },
    now(),
  );
  try {
    await store.commit(
      {
        ...decision,
        // Nobody's spec names it: there is nothing to renew.
        writes: decision.writes.map((write) => ({ ...write, next: { ...decision.next, renewAt: undefined } })),
      },
      { now: now(), newId },
    );
    return key;
  } catch (error) {
    const faster = error instanceof Stale ? await kept() : null;
    if (faster === null) throw error;
    return faster;
  }
};
