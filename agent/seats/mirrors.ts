/** The watches behind the reconcile: our own objects by their label, and all policies and rights in the namespaces that we made. */
import { MANAGED, WORKSPACE_LABEL } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import type { Item, Kubernetes } from '../kubernetes/client.ts';
import { type KindName, kinds } from '../kubernetes/kinds.ts';
import { type Known, type Mirror, mirrorOf } from '../kubernetes/mirror.ts';
import type { Log } from '../log.ts';
import {
  type ClaimFacts,
  claimOf,
  type NamespaceFacts,
  namespaceOf,
  type WorkspaceFacts,
  type Written,
  workspaceOf,
  writtenOf,
} from './facts.ts';
import { isTeamNamespace } from './names.ts';
import { type PodFacts, podOf, type StatefulSetFacts, statefulSetOf } from './pod-facts.ts';

/** Kinds of which every object of ours is written as rendered. */
const PLAIN = ['Service', 'ServiceAccount', 'ResourceQuota', 'LimitRange'] as const;
/** Kinds that only add up: one of somebody else undoes what ours forbid, so all of them are seen (kubernetes.md finding 3). */
export const GUARDED = ['NetworkPolicy', 'Role', 'RoleBinding'] as const;
/** Everything that is owned by a seat or a namespace and is taken away when it is no longer rendered. */
export const PRUNED = ['StatefulSet', ...PLAIN, ...GUARDED] as const;

export type WrittenKind = 'Namespace' | (typeof PRUNED)[number];

export interface Mirrors extends Record<(typeof PLAIN)[number] | (typeof GUARDED)[number], Mirror<Item, Written>> {
  readonly Namespace: Mirror<Item, NamespaceFacts>;
  readonly Workspace: Mirror<Item, WorkspaceFacts>;
  readonly StatefulSet: Mirror<Item, StatefulSetFacts>;
  readonly Pod: Mirror<Item, PodFacts>;
  readonly PersistentVolumeClaim: Mirror<Item, ClaimFacts>;
}

export interface MirrorsOptions {
  readonly kubernetes: Kubernetes;
  /** Something about this seat, or about its namespace where `name` is absent, changed. */
  readonly onChange: (namespace: string, name?: string) => void;
  /** A Workspace came, changed or went. */
  readonly onWorkspace: (before: WorkspaceFacts | undefined, now: WorkspaceFacts | undefined) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export const watchSeats = (options: MirrorsOptions): Mirrors & { readonly listed: Promise<unknown> } => {
  const { onChange, onWorkspace } = options;
  const watch = <S extends Known>(
    kind: KindName,
    compact: (object: Item) => S | undefined,
    changed: (before: S | undefined, now: S | undefined) => void,
    selector?: string,
  ) =>
    mirrorOf<Item, S>({
      ...options,
      kind: kinds[kind],
      compact,
      onChange: changed,
      ...(selector ? { query: { labelSelector: selector } } : {}),
    });

  const owner = (before?: Known & { seat?: string }, now?: Known & { seat?: string }) => {
    const one = now ?? before;
    if (!one) return;
    onChange(one.namespace, one.seat);
    if (before?.seat !== now?.seat && before?.seat !== undefined) onChange(one.namespace, before.seat);
  };
  const ours = (object: Item) => isTeamNamespace(object.metadata.namespace ?? '');
  const guarded = (kind: (typeof GUARDED)[number]) =>
    watch(kind, (object) => (ours(object) ? writtenOf(kind)(object) : undefined), owner);
  const plain = (kind: (typeof PLAIN)[number]) => watch(kind, writtenOf(kind), owner, MANAGED);

  const mirrors: Mirrors = {
    Namespace: watch('Namespace', namespaceOf, (before, now) => onChange((now ?? before)?.name ?? ''), MANAGED),
    Workspace: watch('Workspace', workspaceOf, onWorkspace),
    StatefulSet: watch('StatefulSet', statefulSetOf, owner, WORKSPACE_LABEL),
    Pod: watch('Pod', podOf, owner, WORKSPACE_LABEL),
    PersistentVolumeClaim: watch('PersistentVolumeClaim', claimOf, owner, WORKSPACE_LABEL),
    Service: plain('Service'),
    ServiceAccount: plain('ServiceAccount'),
    ResourceQuota: plain('ResourceQuota'),
    LimitRange: plain('LimitRange'),
    NetworkPolicy: guarded('NetworkPolicy'),
    Role: guarded('Role'),
    RoleBinding: guarded('RoleBinding'),
  };
  return { ...mirrors, listed: Promise.all(Object.values(mirrors).map(({ listed }) => listed)) };
};
