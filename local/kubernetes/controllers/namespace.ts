/** Namespaces: empties one that is being deleted, then lets it go. */

import { isStatus } from './machinery/client.ts';
import { withCondition } from './machinery/conditions.ts';
import { type Discovered, discover } from './machinery/discovery.ts';
import { keyOf } from './machinery/informer.ts';
import { namespaces, pathOf } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Condition, Namespace, Stored } from './machinery/types.ts';

/** What is left is looked at again after this time, doubling; whatever goes in the namespace wakes it at once. */
const AGAIN_MS = 150;
const LONGEST_MS = 10_000;

interface Remaining {
  /** `pods.` or `deployments.apps`, and how many. */
  resource: string;
  objects: Stored[];
}

const sentence = (label: string, counts: Map<string, number>): string =>
  `${label}: ${[...counts].map(([what, count]) => `${what} ${label.includes('finalizers') ? 'in' : 'has'} ${count} resource instances`).join(', ')}`;

interface Found {
  remaining: Remaining[];
  /** What could not be looked at, and what could not be deleted. */
  undiscovered: string[];
  undeleted: string[];
}

/** The five conditions by which kubectl tells why a namespace is still there, in upstream's order. */
export function remainingConditions({ remaining, undiscovered, undeleted }: Found): Condition[] {
  const contents = new Map(remaining.map(({ resource, objects }) => [resource, objects.length]));
  const finalizers = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const finalizer of object.metadata.finalizers ?? [])
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  }
  const condition = (type: string, bad: string | undefined, reasons: [string, string], good: string): Condition =>
    bad === undefined
      ? { type, status: 'False', reason: reasons[1], message: good }
      : { type, status: 'True', reason: reasons[0], message: bad };
  const all = (label: string, errors: string[], count: string) =>
    errors.length === 0 ? undefined : `${label}, ${errors.length} ${count}: ${errors.join(', ')}`;
  return [
    condition(
      'NamespaceDeletionDiscoveryFailure',
      all('Discovery failed for some groups', undiscovered, 'failing'),
      ['DiscoveryFailed', 'ResourcesDiscovered'],
      'All resources successfully discovered',
    ),
    condition(
      'NamespaceDeletionGroupVersionParsingFailure',
      undefined,
      ['GroupVersionParsingFailed', 'ParsedGroupVersions'],
      'All legacy kube types successfully parsed',
    ),
    condition(
      'NamespaceDeletionContentFailure',
      all('Failed to delete all resource types', undeleted, 'remaining'),
      ['ContentDeletionFailed', 'ContentDeleted'],
      'All content successfully deleted, may be waiting on finalization',
    ),
    condition(
      'NamespaceContentRemaining',
      contents.size > 0 ? sentence('Some resources are remaining', contents) : undefined,
      ['SomeResourcesRemain', 'ContentRemoved'],
      'All content successfully removed',
    ),
    condition(
      'NamespaceFinalizersRemaining',
      finalizers.size > 0 ? sentence('Some content in the namespace has finalizers remaining', finalizers) : undefined,
      ['SomeFinalizersRemain', 'ContentHasNoFinalizers'],
      'All content-preserving finalizers finished',
    ),
  ];
}

export function namespaceController(runtime: Runtime): void {
  const { client } = runtime;
  const waits = new Map<string, number>();

  const deleteAll = async (kind: Discovered, namespace: string, objects: Stored[]): Promise<void> => {
    const options = { propagationPolicy: 'Background' as const };
    if (kind.verbs.includes('deletecollection')) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
      await client.call('DELETE', pathOf(kind, namespace), { body });
      return;
    }
    for (const object of objects)
      await client.delete(kind, object, options).catch((error) => {
        if (!isStatus(error, 404)) throw error;
      });
  };

  /** Deletes what is in the namespace and tells what is still there. */
  async function empty(name: string): Promise<Found> {
    const { kinds, failed } = await discover(client);
    const undeleted: string[] = [];
    const remaining = await Promise.all(
      kinds
        .filter(({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'))
        .map(async (kind): Promise<Remaining> => {
          const group = kind.apiVersion.includes('/') ? kind.apiVersion.slice(0, kind.apiVersion.indexOf('/')) : '';
          const resource = `${kind.plural}.${group}`;
          const { items } = await client.list(kind, name);
          const alive = items.filter((object) => object.metadata.deletionTimestamp === undefined);
          if (alive.length === 0) return { resource, objects: items };
          await deleteAll(kind, name, alive).catch((error: Error) => undeleted.push(`${resource}: ${error.message}`));
          return { resource, objects: (await client.list(kind, name)).items };
        }),
    );
    return { remaining: remaining.filter(({ objects }) => objects.length > 0), undiscovered: failed, undeleted };
  }

  async function report(namespace: Namespace, found: Found): Promise<void> {
    let conditions = namespace.status?.conditions as Condition[] | undefined;
    for (const condition of remainingConditions(found)) conditions = withCondition(conditions, condition);
    if (conditions === namespace.status?.conditions) return;
    await runtime.patch(namespaces, namespace, { status: { conditions } }, 'status');
  }

  const informer = runtime.informer(namespaces);
  const queue = runtime.queue({ name: 'namespace' }, async (key) => {
    const namespace = informer.get(key);
    const finalizers = namespace?.spec?.finalizers ?? [];
    if (namespace?.metadata.deletionTimestamp === undefined || !finalizers.includes('kubernetes')) {
      waits.delete(key);
      return;
    }
    const found = await empty(key);
    if (found.remaining.length + found.undiscovered.length + found.undeleted.length > 0) {
      await report(namespace, found);
      const wait = waits.get(key) ?? AGAIN_MS;
      waits.set(key, Math.min(LONGEST_MS, wait * 2));
      return wait;
    }
    const current = await client.find(namespaces, undefined, key);
    if (current?.metadata.uid !== namespace.metadata.uid) return;
    const left = (current.spec.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
    await client.update(namespaces, { ...current, spec: { ...current.spec, finalizers: left } }, 'finalize');
  });
  informer.on(({ object }) => queue.add(keyOf(object)));
  runtime.onDeleted(({ metadata: { namespace } }) => {
    if (namespace === undefined || informer.get(namespace)?.metadata.deletionTimestamp === undefined) return;
    waits.delete(namespace);
    queue.addAfter(namespace, AGAIN_MS / 3);
  });
}
