/** Namespaces: empties one that is being deleted, then lets it go. */

import { isStatus } from './machinery/client.ts';
import { withCondition } from './machinery/conditions.ts';
import { discover } from './machinery/discovery.ts';
import { keyOf } from './machinery/informer.ts';
import { namespaces, pathOf } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Condition, Namespace, Stored } from './machinery/types.ts';

/** What is left is looked at again this often (pods take their grace). */
const AGAIN_MS = 150;

interface Remaining {
  /** `pods.` or `deployments.apps`, and how many. */
  resource: string;
  objects: Stored[];
}

const sentence = (label: string, counts: Map<string, number>): string =>
  `${label}: ${[...counts].map(([what, count]) => `${what} ${label.includes('finalizers') ? 'in' : 'has'} ${count} resource instances`).join(', ')}`;

/** The two conditions by which kubectl tells why a namespace is still there. */
export function remainingConditions(remaining: Remaining[]): Condition[] {
  const contents = new Map(remaining.map(({ resource, objects }) => [resource, objects.length]));
  const finalizers = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const finalizer of object.metadata.finalizers ?? [])
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
  }
  const some = (type: string, counts: Map<string, number>, reason: string, label: string, none: string): Condition =>
    counts.size > 0
      ? { type, status: 'True', reason, message: sentence(label, counts) }
      : {
          type,
          status: 'False',
          reason: none === 'removed' ? 'ContentRemoved' : 'ContentHasNoFinalizers',
          message:
            none === 'removed' ? 'All content successfully removed' : 'All content-preserving finalizers finished',
        };
  return [
    some('NamespaceContentRemaining', contents, 'SomeResourcesRemain', 'Some resources are remaining', 'removed'),
    some(
      'NamespaceFinalizersRemaining',
      finalizers,
      'SomeFinalizersRemain',
      'Some content in the namespace has finalizers remaining',
      'finished',
    ),
  ];
}

export function namespaceController(runtime: Runtime): void {
  const { client } = runtime;

  /** Deletes what is in the namespace and answers what is still there. */
  async function empty(name: string): Promise<Remaining[]> {
    const kinds = (await discover(client)).filter(
      (kind) => kind.namespaced && kind.verbs.includes('delete') && kind.verbs.includes('list'),
    );
    const remaining = await Promise.all(
      kinds.map(async (kind): Promise<Remaining> => {
        const group = kind.apiVersion.includes('/') ? kind.apiVersion.slice(0, kind.apiVersion.indexOf('/')) : '';
        const resource = `${kind.plural}.${group}`;
        const { items } = await client.list(kind, name);
        const alive = items.filter((object) => object.metadata.deletionTimestamp === undefined);
        if (alive.length === 0) return { resource, objects: items };
        if (kind.verbs.includes('deletecollection')) {
          await client.call('DELETE', pathOf(kind, name), {
            body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' },
          });
        } else {
          for (const object of alive) {
            await client.delete(kind, object, { propagationPolicy: 'Background' }).catch((error) => {
              if (!isStatus(error, 404)) throw error;
            });
          }
        }
        return { resource, objects: (await client.list(kind, name)).items };
      }),
    );
    return remaining.filter(({ objects }) => objects.length > 0);
  }

  async function reportRemaining(namespace: Namespace, remaining: Remaining[]): Promise<void> {
    let conditions = namespace.status?.conditions as Condition[] | undefined;
    for (const condition of remainingConditions(remaining)) conditions = withCondition(conditions, condition);
    if (conditions === namespace.status?.conditions) return;
    await runtime.patch(namespaces, namespace, { status: { conditions } }, 'status');
  }

  const informer = runtime.informer(namespaces);
  const queue = runtime.queue({ name: 'namespace' }, async (key) => {
    const namespace = informer.get(key);
    if (namespace?.metadata.deletionTimestamp === undefined) return;
    const finalizers = namespace.spec?.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) return;
    const remaining = await empty(key);
    if (remaining.length > 0) {
      await reportRemaining(namespace, remaining);
      return AGAIN_MS;
    }
    const current = await client.find(namespaces, undefined, key);
    if (current?.metadata.uid !== namespace.metadata.uid) return;
    const left = (current.spec.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
    await client.update(namespaces, { ...current, spec: { ...current.spec, finalizers: left } }, 'finalize');
  });
  informer.on(({ object }) => queue.add(keyOf(object)));
}
