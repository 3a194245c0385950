/** What a person asks of a seat becomes its spec and its place: templates and secrets are looked up, clusters compared. */

import { AppError } from '#core/contract/errors.ts';
import { SeatSpec } from '#core/contract/seat.ts';
import type { NewWorkspace } from '#core/contract/workspace.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import type { Amount } from '#core/domain/decision.ts';
import type { Lease } from '#core/domain/link.ts';
import { type Candidate, capacityOf, type Misfit, type Placed, place } from '#core/domain/placement.ts';
import { amountOf, NO_AMOUNT } from '#core/domain/seat-amount.ts';
import { chooseSecrets, type SecretChoice } from '#core/domain/secret-choice.ts';
import { BUILTIN, resolveTemplate } from '#core/domain/templates.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Store } from '#core/store/store.ts';
import type { Deps } from './deps.ts';
import { readInReach } from './secrets-in-reach.ts';
import { findTemplate } from './templates.ts';

/** What workspaces and groups are asked for alike. */
export type SeatFields = Pick<
  NewWorkspace,
  'template' | 'parameters' | 'image' | 'resources' | 'volumes' | 'idleTimeoutSeconds' | 'placement' | 'secrets' | 'git'
>;

/** Names and versions of the secrets that this person's pods get. Throws `secret.unknown` and `secret.too_many` when `strict`. */
export const secretsOf = async (
  store: Store,
  of: { readonly team: string; readonly owner: string },
  choice: SecretChoice,
  strict: boolean,
): Promise<SeatSpec['secrets']> => chooseSecrets(choice, await readInReach(store, of, choice), strict);

const unknownTemplate = ({ name, version }: SeatFields['template']): AppError =>
  new AppError('template.unknown', {
    detail: `there is no template "${name}"${version === undefined ? '' : ` of version "${version}"`}`,
    allowed: [...BUILTIN.keys()],
  });

/** The spec of a seat with everything filled in but its secrets, checked by the same schema as in the cluster, and which secrets it is to get. */
export const resolveSeat = async (
  store: Store,
  of: { readonly team: string; readonly owner: string; readonly by: string; readonly running: boolean },
  fields: SeatFields,
): Promise<{ readonly spec: SeatSpec; readonly secretChoice: SecretChoice }> => {
  const template = await findTemplate(store, of.team, fields.template);
  if (template === null) throw unknownTemplate(fields.template);
  const spec = SeatSpec.safeParse({
    origin: 'ControlPlane',
    owner: of.owner,
    runState: of.running ? 'Running' : 'Stopped',
    ...resolveTemplate(template, fields),
  });
  if (spec.success)
    return {
      spec: spec.data,
      secretChoice: { names: fields.secrets, environment: template.environment, personal: of.owner === of.by },
    };
  throw new AppError('request.invalid', {
    detail: 'what was asked for does not make a dev pod',
    errors: spec.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message })),
  });
};

/** The clusters that may be chosen. Throws `not_found` for one that was named and cannot be seen. */
const candidatesFor = async (store: Store, team: string, named: string | undefined): Promise<readonly Candidate[]> => {
  const all = await store.workspaces.candidates(team);
  if (named === undefined) return all;
  const meant = all.filter(({ cluster }) => cluster.id === named || cluster.name === named);
  // A name is the team's own first; others may share a cluster of the same name.
  const own = meant.filter(({ cluster }) => cluster.id === named || cluster.team === team);
  if (meant.length > 0) return own.length > 0 ? own : meant;
  const { cluster } = await store.clusters.find(team, named);
  const found = cluster?.team === team ? await store.workspaces.place(cluster.id) : null;
  if (found === null || found.cluster.phase === 'Deleted')
    throw new AppError('not_found', { detail: `there is no cluster "${named}" that you may see` });
  return [found];
};

/** Where the seat would be put. */
export const placeSeat = async (
  { store, now }: Pick<Deps, 'store' | 'now'>,
  team: string,
  spec: SeatSpec,
  { cluster, environment, region, isolation }: SeatFields['placement'],
): Promise<Placed> =>
  place(
    await candidatesFor(store, team, cluster),
    { team, amount: amountOf(spec.resources), environment, region, isolation },
    now(),
  );

/** Misfits that are told; a thousand would help nobody. */
const TOLD = 20;

export const noFit = (misfits: readonly Misfit[]): AppError =>
  new AppError('placement.no_fit', {
    detail:
      misfits.length === 0
        ? 'there is no cluster that takes dev pods of this team: create one with takesWorkspaces'
        : misfits
            .slice(0, TOLD)
            .map(({ cluster, missing }) => `${cluster}: ${missing.join(', ')}`)
            .join('; ')
            .slice(0, 2048),
    errors: misfits
      .slice(0, TOLD)
      .map(({ cluster, missing }) => ({ path: `placement.${cluster}`, message: missing.join(', ') })),
  });

/** A cluster that was chosen. */
export interface Place {
  readonly cluster: ClusterState;
  readonly lease: Lease | null;
}

/** How often another cluster is looked for when the chosen one was filled by somebody faster. */
const PLACEMENTS = 8;

/** Places the seat and has `make` commit it there, on the next best cluster when somebody else was faster. */
export const whereItFits = async <T>(
  deps: Pick<Deps, 'store' | 'now'>,
  of: { readonly team: string; readonly spec: SeatSpec; readonly placement: SeatFields['placement'] },
  make: (place: Place, capacity: Amount) => Promise<T>,
): Promise<T> => {
  for (let n = 1; ; n += 1) {
    const placed = await placeSeat(deps, of.team, of.spec, of.placement);
    if (placed.cluster === null) throw noFit(placed.misfits);
    const { capacity, ...chosen } = placed;
    try {
      return await untilFresh(() => make(chosen, capacity));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'placement.no_fit' || n === PLACEMENTS) throw error;
    }
  }
};

/** The most that seats may take of the cluster where one is already. */
export const capacityAt = async (store: Store, cluster: string): Promise<Amount> => {
  const found = await store.workspaces.place(cluster);
  return found === null ? NO_AMOUNT : capacityOf(found.cluster);
};
