/** Tells when a quota has more room than before: who was refused tries again at once. */
import { exact } from '../machinery/quantity-sum.ts';
import { resourceQuotas } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { ResourceQuota } from '../machinery/types.ts';

const free = ({ spec, status }: ResourceQuota, name: string): bigint =>
  exact(spec.hard?.[name] ?? 0).nano - exact(status?.used?.[name] ?? 0).nano;

export const hasMoreRoom = (now: ResourceQuota, before: ResourceQuota): boolean =>
  Object.keys(before.spec.hard ?? {}).some(
    (name) => !(name in (now.spec.hard ?? {})) || free(now, name) > free(before, name),
  );

export function onRoom(runtime: Runtime, wake: (namespace: string | undefined) => void): void {
  runtime.informer(resourceQuotas).on((change) => {
    const more = change.type === 'updated' ? hasMoreRoom(change.object, change.old) : change.type === 'deleted';
    if (more) wake(change.object.metadata.namespace);
  });
}
