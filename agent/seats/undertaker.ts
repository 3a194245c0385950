/** Sees every tombstone through to its end: says when it is carried out, and what it waits for when that takes long. */
import type { SeatStatus } from '#core/contract/seat.ts';
import { seatName } from '#core/domain/seat/names.ts';
import { explain } from '#core/domain/seat/reasons.ts';
import type { Clock } from '../clock.ts';
import { reason } from '../log.ts';
import { type BurialOptions, bury, type Remaining } from './burial.ts';
import type { Desired, Tombstone } from './desired.ts';
import type { Outbox } from './outbox.ts';

export interface UndertakerOptions extends BurialOptions {
  readonly desired: Pick<Desired, 'tombstone' | 'buried'>;
  readonly outbox: Outbox;
  readonly nodes: ReadonlyMap<string, { readonly ready?: boolean }>;
  /** Milliseconds after which what is waited for is said: a pod has a minute to end. */
  readonly slowMs: number;
  /** Milliseconds until the next look at what is still there. */
  readonly lookMs: number;
  readonly clock: Clock;
}

/** So many are named, the pod and the claims first: what holds those holds the rest. */
const NAMED = 3;
const DETAIL = 512;

/** Works on the tombstone of a seat; answers after how many milliseconds to look again, if at all. Throws KubernetesError. */
export const undertaker = (options: UndertakerOptions): ((id: string) => Promise<number | undefined>) => {
  const { desired, outbox, mirrors, nodes, slowMs, lookMs, clock } = options;
  /** Tombstones whose end was said, and that wait for the answer. */
  const told = new WeakSet<Tombstone>();
  /** When each was begun with, by the id of its seat: a list that names it again is no new beginning. */
  const since = new Map<string, number>();

  const words = ({ kind, namespace, name, deleting, finalizers, node }: Remaining): string => {
    const facts = nodes.get(node ?? '');
    const isLost = node !== undefined && nodes.size > 0 && facts?.ready !== true;
    return [
      `${kind} ${namespace}/${name}`,
      ...(node === undefined ? [] : [`on the node ${node}`]),
      ...(isLost ? [facts === undefined ? 'which is gone' : 'which is not ready'] : []),
      ...(finalizers ? [`held by the finalizer ${finalizers.join(', ')}`] : []),
      ...(deleting || finalizers ? [] : ['not yet being deleted']),
    ].join(' ');
  };

  const waits = ({ id, revision }: Tombstone, detail: string) => {
    if (clock.now() - (since.get(id) ?? clock.now()) < slowMs) return;
    const known = [...mirrors.Workspace.all()].find((one) => one.spec?.id === id);
    const status: SeatStatus = {
      phase: 'Deleting',
      observedRevision: revision,
      observedGeneration: known?.generation ?? 0,
      uid: known?.uid ?? '',
      conditions: [{ type: 'Ready', status: 'False', ...explain('Deleting', detail.slice(0, DETAIL)) }],
    };
    outbox.state(`seat ${id}`, { type: 'workspace.status', payload: { id, status } });
  };

  return async (id) => {
    const tombstone = desired.tombstone(seatName(id));
    if (!tombstone) return undefined;
    if (!since.has(id)) since.set(id, clock.now());
    const buried = await bury(tombstone, options).catch((error: unknown) => {
      waits(tombstone, reason(error));
      throw error;
    });
    if ('remains' in buried) {
      waits(tombstone, buried.remains.slice(0, NAMED).map(words).join('; '));
      return lookMs;
    }
    since.delete(id);
    if (told.has(tombstone)) return undefined;
    told.add(tombstone);
    const payload = { id, revision: tombstone.revision, kept: [...buried.kept] };
    outbox.forget(`seat ${id}`);
    outbox.event(`gone ${id}`, { type: 'workspace.gone', payload }, () => desired.buried(tombstone));
    return undefined;
  };
};
