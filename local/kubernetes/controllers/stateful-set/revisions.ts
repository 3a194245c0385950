/** The history of a StatefulSet's template, kept as ControllerRevisions. */
import { isStatus } from '../machinery/client.ts';
import { sameJson } from '../machinery/equal.ts';
import { controllerReference, isControlledBy } from '../machinery/owners.ts';
import { controllerRevisions, statefulSets } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { ControllerRevision, Pod, StatefulSet } from '../machinery/types.ts';
import { templateHash } from '../template-hash.ts';
import { REVISION_LABEL, revisionOf } from './identity.ts';

export interface History {
  current: ControllerRevision;
  update: ControllerRevision;
  all: ControllerRevision[];
  collisionCount: number;
}

/** The revisions of the set, with one for its present template: a known one is counted up (a rollback), else one is made. */
export async function history(runtime: Runtime, set: StatefulSet): Promise<History> {
  const all = runtime
    .informer(controllerRevisions)
    .list(set.metadata.namespace)
    .filter((revision) => isControlledBy(revision, set))
    .sort((a, b) => a.revision - b.revision);
  const data = { spec: { template: { ...set.spec.template, $patch: 'replace' } } };
  const next = (all.at(-1)?.revision ?? 0) + 1;
  const known = all.findLast((revision) => sameJson(revision.data, data));
  let collisionCount = set.status?.collisionCount ?? 0;
  let update = known;
  if (update === undefined) [update, collisionCount] = await create(runtime, set, data, next, collisionCount);
  else if (update !== all.at(-1)) update = await runtime.patch(controllerRevisions, update, { revision: next });
  const current = all.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update;
  return { current, update, all, collisionCount };
}

async function create(
  runtime: Runtime,
  set: StatefulSet,
  data: object,
  revision: number,
  collisions: number,
): Promise<[ControllerRevision, number]> {
  const { name, namespace, annotations } = set.metadata;
  const hash = templateHash(set.spec.template, collisions);
  try {
    const made = await runtime.create(controllerRevisions, namespace, {
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels: { ...set.spec.template.metadata?.labels, [REVISION_LABEL]: hash },
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference(statefulSets, set)],
      },
      data,
      revision,
    });
    return [made, collisions];
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    const taken = await runtime.client.find(controllerRevisions, namespace, `${name}-${hash}`);
    // Ours already: the cache was behind.
    if (taken && isControlledBy(taken, set) && sameJson(taken.data, data)) return [taken, collisions];
    return create(runtime, set, data, revision, collisions + 1);
  }
}

/** Removes the oldest revisions that no pod has and the limit does not keep. */
export async function truncate(runtime: Runtime, set: StatefulSet, pods: Pod[], { all, ...live }: History) {
  const used = new Set([live.current.metadata.name, live.update.metadata.name, ...pods.map(revisionOf)]);
  const unused = all.filter((revision) => !used.has(revision.metadata.name));
  for (const revision of unused.slice(0, Math.max(0, unused.length - (set.spec.revisionHistoryLimit ?? 10)))) {
    await runtime.delete(controllerRevisions, revision).catch((error) => {
      if (!isStatus(error, 404, 409)) throw error;
    });
  }
}
