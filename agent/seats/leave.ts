/** Takes everything of ours out of a cluster that goes on living without us (provider existing): seats first, then what guarded them. */
import { DELETE_ANNOTATION, DEPLOYMENT_LABEL, MANAGED, TEAM_LABEL, TENANT_ROLE } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { type KindName, kinds, pathOf } from '../kubernetes/kinds.ts';

export interface LeaveOptions {
  readonly kubernetes: Kubernetes;
  readonly deploymentId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly waitMs?: number;
  readonly lookMs?: number;
}

export interface Left {
  /** Namespaces that we made, empty now. */
  readonly emptied: readonly string[];
  /** Namespaces that we made and that hold dev pods of the cluster's admin: they were left as they are. */
  readonly theirs: readonly string[];
  readonly claims: number;
  /** Objects that would not go in time. */
  readonly remaining: number;
}

/** Under the control plane's own deadline (120 s), so that what remains is told in time. */
const WAIT_MS = 90_000;
const LOOK_MS = 1_000;

/** What would make others anew goes first. */
const SEATS = ['Workspace', 'StatefulSet', 'Service', 'PersistentVolumeClaim', 'Role', 'RoleBinding'] as const;
/** These go when no pod is left that they guard. */
const GUARDS = ['ServiceAccount', 'ResourceQuota', 'LimitRange', 'NetworkPolicy'] as const;

/** The cluster makes this one in every namespace again and again; and our own right to the namespace goes last. */
const stays = (kind: KindName, name: string): boolean =>
  (kind === 'ServiceAccount' && name === 'default') || (kind === 'RoleBinding' && name === TENANT_ROLE);

/** Harmless to repeat. Throws KubernetesError. */
export const leaveNamespaces = async (options: LeaveOptions): Promise<Left> => {
  const { kubernetes, deploymentId, clock, signal, waitMs = WAIT_MS, lookMs = LOOK_MS } = options;
  const until = clock.now() + waitMs;
  const deleted = new Set<string>();
  let claims = 0;

  const list = async (kind: KindName, namespace?: string, labelSelector?: string): Promise<Item[]> => {
    const found: Item[] = [];
    const query = labelSelector === undefined ? {} : { labelSelector };
    for await (const page of kubernetes.pages<Item>(pathOf(kinds[kind], namespace), signal, query)) {
      found.push(...page.items);
    }
    return found;
  };
  const drop = async (kind: KindName, namespace: string, name: string) => {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' };
    await kubernetes
      .request('DELETE', pathOf(kinds[kind], namespace, name), { body, signal })
      .catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error;
      });
  };

  /** Deletes what is there of these kinds; answers how many objects are. */
  const sweep = async (namespace: string, swept: readonly KindName[]): Promise<number> => {
    let there = 0;
    for (const kind of swept) {
      for (const { metadata } of await list(kind, namespace)) {
        if (stays(kind, metadata.name)) continue;
        there++;
        if (deleted.has(metadata.uid)) continue;
        deleted.add(metadata.uid);
        if (kind === 'PersistentVolumeClaim') claims++;
        await drop(kind, namespace, metadata.name);
        // A Secret cannot be listed by us; it is called like its seat.
        if (kind === 'Workspace') await drop('Secret', namespace, metadata.name);
      }
    }
    return there;
  };
  const empty = async (namespace: string): Promise<number> => {
    const there = (await sweep(namespace, SEATS)) + (await list('Pod', namespace)).length;
    if (there > 0) return there;
    const guards = await sweep(namespace, GUARDS);
    if (guards === 0) {
      // Nobody's files are in it any more: its admin may delete it.
      await kubernetes.request('PATCH', pathOf(kinds.Namespace, undefined, namespace), {
        body: { metadata: { annotations: { [DELETE_ANNOTATION]: namespace } } },
        contentType: 'application/merge-patch+json',
        signal,
      });
      await drop('RoleBinding', namespace, TENANT_ROLE);
    }
    return guards;
  };

  // Looked at once more here: to delete in the wrong namespace would be the worst that this agent can do.
  const isOurs = ({ metadata: { labels = {}, deletionTimestamp } }: Item) =>
    deletionTimestamp === undefined &&
    labels[MANAGED] !== undefined &&
    labels[TEAM_LABEL] !== undefined &&
    labels[DEPLOYMENT_LABEL] === deploymentId;
  const ours = (await list('Namespace', undefined, MANAGED)).filter(isOurs).map(({ metadata }) => metadata.name);
  const workspaces = await list('Workspace');
  const isTheirs = (namespace: string) =>
    workspaces.some(
      ({ metadata, spec }: Item & { spec?: { origin?: string } }) =>
        metadata.namespace === namespace && spec?.origin === 'Cluster',
    );
  const theirs = ours.filter(isTheirs);
  let waiting = ours.filter((namespace) => !isTheirs(namespace));
  const emptied = [...waiting];
  for (;;) {
    let remaining = 0;
    const still: string[] = [];
    for (const namespace of waiting) {
      const there = await empty(namespace);
      remaining += there;
      if (there > 0) still.push(namespace);
    }
    waiting = still;
    if (remaining === 0 || clock.now() >= until || signal.aborted) {
      return { emptied, theirs, claims, remaining };
    }
    await clock.sleep(lookMs, signal);
  }
};
