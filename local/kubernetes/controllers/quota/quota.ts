/** Resource quotas: keeps `status.used` what is really there, so that what went makes room. */
import { isStatus } from '../machinery/client.ts';
import { type Discovered, discover } from '../machinery/discovery.ts';
import { says } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { exact, plus, written, ZERO } from '../machinery/quantity-sum.ts';
import { resourceKey, resourceQuotas } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { ResourceQuota, Stored } from '../machinery/types.ts';
import { inScope, kindOfName, type Usage, usageOf } from './usage.ts';

/** Many changes at once are counted once. */
const GATHER_MS = 50;
/** A difference is looked at again so often before it is believed while everything moves: mostly one cache is a moment behind the other. */
const PATIENCE = 8;

/** A name that no kind serves yet is looked for again this often. */
const DISCOVER_MS = 30_000;

export function quotaController(runtime: Runtime): void {
  const informer = runtime.informer(resourceQuotas);
  /** Kinds by the name that quotas use (`leases.coordination.k8s.io`, `pods.`), those that some quota counts. */
  const counted = new Map<string, Discovered>();
  /** Differences that were seen, by quota: what was counted, and how often something differed since they agreed. */
  const doubts = new Map<string, { seen: string; looks: number }>();
  const usages = new WeakMap<Stored, Usage>();

  /** What an object takes; of what is going it changes with time. */
  function usageNow(kind: Discovered, object: Stored): Usage {
    if (object.metadata.deletionTimestamp) return usageOf(kind, object);
    const usage = usages.get(object) ?? usageOf(kind, object);
    usages.set(object, usage);
    return usage;
  }

  async function kindsOf(quota: ResourceQuota): Promise<{ kinds: Discovered[]; missing: boolean }> {
    const names = [...new Set(Object.keys(quota.spec.hard ?? {}).map(kindOfName))];
    if (names.some((name) => !counted.has(name))) {
      const { kinds } = await discover(runtime.client);
      for (const name of names) {
        const kind = kinds.find(
          ({ apiVersion, plural, namespaced, verbs }) =>
            namespaced &&
            verbs.includes('watch') &&
            `${plural}.${apiVersion.includes('/') ? apiVersion.split('/')[0] : ''}` === name,
        );
        if (kind && !counted.has(name)) follow(name, kind);
      }
    }
    const kinds = names.flatMap((name) => counted.get(name) ?? []);
    return { kinds, missing: kinds.length < names.length };
  }

  function sum(quota: ResourceQuota, objects: [Discovered, Stored[]][]) {
    const used: Usage = {};
    for (const [kind, list] of objects) {
      for (const object of list) {
        if (object.metadata.namespace !== quota.metadata.namespace || !inScope(quota, kind, object)) continue;
        for (const [name, value] of Object.entries(usageNow(kind, object)))
          used[name] = plus(used[name] ?? ZERO, value);
      }
    }
    const hard = quota.spec.hard ?? {};
    return { hard, used: Object.fromEntries(Object.keys(hard).map((name) => [name, written(used[name] ?? ZERO)])) };
  }

  /** Whether the status says the same amounts, however they are written. */
  function agrees(quota: ResourceQuota, status: ReturnType<typeof sum>): boolean {
    const amounts = (list: Record<string, string> | undefined) =>
      Object.fromEntries(Object.entries(list ?? {}).map(([name, value]) => [name, String(exact(value).nano)]));
    return (
      says(amounts(quota.status?.hard), amounts(status.hard)) &&
      says(amounts(status.hard), amounts(quota.status?.hard)) &&
      says(quota.status?.used === undefined ? undefined : { used: amounts(quota.status.used) }, {
        used: amounts(status.used),
      })
    );
  }

  const queue = runtime.queue({ name: 'resource-quota' }, async (key) => {
    const quota = informer.get(key);
    if (quota === undefined || quota.metadata.deletionTimestamp) {
      doubts.delete(key);
      return;
    }
    const { namespace, name } = quota.metadata;
    const { kinds, missing } = await kindsOf(quota);
    const again = missing ? DISCOVER_MS : undefined;
    const informers = await Promise.all(
      kinds.map(async (kind): Promise<[Discovered, Stored[]]> => {
        const followed = runtime.informer<Stored>(kind);
        await followed.synced;
        return [kind, followed.list(namespace)];
      }),
    );
    const cached = sum(quota, informers);
    if (agrees(quota, cached)) {
      doubts.delete(key);
      return again;
    }
    const seen = JSON.stringify([quota.metadata.resourceVersion, cached]);
    const doubt = doubts.get(key);
    doubts.set(key, { seen, looks: (doubt?.looks ?? 0) + 1 });
    if (doubt?.seen !== seen && (doubt?.looks ?? 0) < PATIENCE) return GATHER_MS;
    doubts.delete(key);
    // The caches may be behind what admission has counted already, and room must not be given twice: ask, and write only over what was read.
    const fresh = await runtime.client.find(resourceQuotas, namespace, name);
    if (fresh === undefined) return;
    const live = await Promise.all(
      kinds.map(
        async (kind): Promise<[Discovered, Stored[]]> => [
          kind,
          (await runtime.client.list<Stored>(kind, namespace)).items,
        ],
      ),
    );
    const status = sum(fresh, live);
    if (agrees(fresh, status)) return again;
    const nothing = (list: object | undefined, next: object) =>
      Object.fromEntries(
        Object.keys(list ?? {})
          .filter((entry) => !(entry in next))
          .map((entry) => [entry, null]),
      );
    const { resourceVersion } = fresh.metadata;
    const patch = {
      hard: { ...nothing(fresh.status?.hard, status.hard), ...status.hard },
      used: { ...nothing(fresh.status?.used, status.used), ...status.used },
    };
    await runtime
      .patch(resourceQuotas, fresh, { metadata: { resourceVersion }, status: patch }, 'status')
      .catch((error) => {
        if (!isStatus(error, 404)) throw error;
      });
    return again;
  });

  function follow(name: string, kind: Discovered): void {
    counted.set(name, kind);
    const heavy = ['v1/pods', 'v1/persistentvolumeclaims', 'v1/services'].includes(resourceKey(kind));
    runtime.informer<Stored>(kind).on(({ type, object }) => {
      if (type === 'updated' && !heavy) return;
      for (const quota of informer.list(object.metadata.namespace)) queue.addAfter(keyOf(quota), GATHER_MS);
    });
  }
  informer.on(({ type, object }) => type !== 'deleted' && queue.add(keyOf(object)));
}
