/** StatefulSets: pods with numbers, made and replaced in order (or all at once with `Parallel`), each with its own claims. */

import { templateHash } from './deployment.ts';
import { isStatus } from './machinery/client.ts';
import { sameJson } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerKey, controllerOf, controllerReference, isControlledBy } from './machinery/owners.ts';
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { selectorMatches } from './machinery/selectors.ts';
import type { ControllerRevision, Pod, PodTemplate, StatefulSet } from './machinery/types.ts';
import { availableIn, claimPods, isFinished, isReady, isTerminating, podFrom } from './pods.ts';

const REVISION_LABEL = 'controller-revision-hash';

const ordinalOf = (set: StatefulSet, pod: Pod): number => {
  const [, ordinal] = /-(\d+)$/.exec(pod.metadata.name) ?? [];
  return ordinal !== undefined && pod.metadata.name === `${set.metadata.name}-${ordinal}` ? Number(ordinal) : -1;
};

/** The pod of one ordinal: its name, its labels and its claims in the place of volumes of the same name. */
export function ordinalPod(set: StatefulSet, template: PodTemplate, ordinal: number, revision: string) {
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFrom(template, statefulSets, set, { name });
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  const volumes = (template.spec?.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  const claimed = claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}` } }));
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata.labels,
        'apps.kubernetes.io/pod-index': String(ordinal),
        [REVISION_LABEL]: revision,
        'statefulset.kubernetes.io/pod-name': name,
      },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      ...(set.spec.serviceName && { subdomain: set.spec.serviceName }),
      volumes: [...volumes, ...claimed],
    },
  };
}

export function statefulSetController(runtime: Runtime): void {
  const record = runtime.recordAs('statefulset-controller');
  const informer = runtime.informer(statefulSets);
  const podInformer = runtime.informer(pods);
  const claims = runtime.informer(persistentVolumeClaims);
  const revisions = runtime.informer(controllerRevisions);

  const ignoring =
    (...statuses: number[]) =>
    (error: unknown) => {
      if (!isStatus(error, ...statuses)) throw error;
    };

  /** The stored revision of the present template; history beyond the limit is removed. */
  async function updateRevision(set: StatefulSet): Promise<{ update: ControllerRevision; all: ControllerRevision[] }> {
    const all = revisions.list(set.metadata.namespace).filter((revision) => isControlledBy(revision, set));
    const data = { spec: { template: { ...set.spec.template, $patch: 'replace' } } };
    const known = all.find((revision) => sameJson(revision.data, data));
    const highest = Math.max(0, ...all.map(({ revision }) => revision));
    if (known) {
      if (known.revision === highest) return { update: known, all };
      return { update: await runtime.patch(controllerRevisions, known, { revision: highest + 1 }), all };
    }
    const hash = templateHash(set.spec.template, set.status?.collisionCount ?? 0);
    const update = await runtime.create(controllerRevisions, set.metadata.namespace, {
      metadata: {
        name: `${set.metadata.name}-${hash}`,
        namespace: set.metadata.namespace,
        labels: { ...set.spec.template.metadata?.labels, [REVISION_LABEL]: hash },
        ownerReferences: [controllerReference(statefulSets, set)],
      },
      data,
      revision: highest + 1,
    });
    return { update, all: [...all, update] };
  }

  async function ensureClaims(set: StatefulSet, pod: string): Promise<void> {
    for (const template of set.spec.volumeClaimTemplates ?? []) {
      const name = `${template.metadata?.name}-${pod}`;
      if (claims.get(`${set.metadata.namespace}/${name}`)) continue;
      const labels = { ...template.metadata?.labels, ...set.spec.selector.matchLabels };
      const metadata = {
        name,
        namespace: set.metadata.namespace,
        labels,
        annotations: template.metadata?.annotations ?? {},
      };
      await runtime
        .create(persistentVolumeClaims, set.metadata.namespace, { metadata, spec: template.spec })
        .catch(ignoring(409));
    }
  }

  /** One step, or (Parallel) all that can be done at once. Answers the pods that remain. */
  async function scale(
    set: StatefulSet,
    mine: Pod[],
    update: ControllerRevision,
    current: ControllerRevision,
  ): Promise<void> {
    const parallel = set.spec.podManagementPolicy === 'Parallel';
    const first = set.spec.ordinals?.start ?? 0;
    const end = first + (set.spec.replicas ?? 1);
    const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
    const byOrdinal = new Map(mine.map((pod) => [ordinalOf(set, pod), pod]));
    const remove = async (pod: Pod) => {
      await runtime.delete(pods, pod).catch(ignoring(404, 409));
      record(
        set,
        'Normal',
        'SuccessfulDelete',
        `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`,
      );
    };

    for (let ordinal = first; ordinal < end; ordinal += 1) {
      const pod = byOrdinal.get(ordinal);
      if (pod === undefined) {
        const revision = ordinal < first + partition ? current : update;
        const template = (revision.data as { spec: { template: PodTemplate & { $patch?: string } } }).spec.template;
        const { $patch: _patch, ...plain } = template;
        const name = `${set.metadata.name}-${ordinal}`;
        await ensureClaims(set, name);
        try {
          await runtime.create(pods, set.metadata.namespace, ordinalPod(set, plain, ordinal, revision.metadata.name));
          record(
            set,
            'Normal',
            'SuccessfulCreate',
            `create Pod ${name} in StatefulSet ${set.metadata.name} successful`,
          );
        } catch (error) {
          if (isStatus(error, 409)) return;
          record(
            set,
            'Warning',
            'FailedCreate',
            `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${(error as Error).message}`,
          );
          throw error;
        }
        if (!parallel) return;
      } else if (isFinished(pod) && !isTerminating(pod)) {
        await remove(pod);
        if (!parallel) return;
      } else if (!parallel && (!isReady(pod) || isTerminating(pod))) return;
    }

    const beyond = mine.filter((pod) => ordinalOf(set, pod) >= end || ordinalOf(set, pod) < first);
    for (const pod of beyond.sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a))) {
      if (!isTerminating(pod)) await remove(pod);
      if (!parallel) return;
    }
    if (beyond.length > 0 || set.spec.updateStrategy?.type === 'OnDelete') return;

    // The update goes from the highest ordinal down, one pod at a time; a pod that is not ready is waited for, unless it is the one to replace.
    for (let ordinal = end - 1; ordinal >= first + partition; ordinal -= 1) {
      const pod = byOrdinal.get(ordinal);
      if (pod === undefined || isTerminating(pod)) return;
      if (pod.metadata.labels?.[REVISION_LABEL] !== update.metadata.name) return await remove(pod);
      if (!isReady(pod)) return;
    }
  }

  async function report(set: StatefulSet, update: ControllerRevision, current: ControllerRevision): Promise<void> {
    const mine = podInformer
      .list(set.metadata.namespace)
      .filter((pod) => isControlledBy(pod, set) && !isTerminating(pod));
    const at = (revision: ControllerRevision) =>
      mine.filter((pod) => pod.metadata.labels?.[REVISION_LABEL] === revision.metadata.name).length;
    const done = at(update) === (set.spec.replicas ?? 1) && mine.every(isReady);
    const status = {
      observedGeneration: set.metadata.generation,
      replicas: mine.length,
      readyReplicas: mine.filter(isReady).length,
      availableReplicas: mine.filter((pod) => availableIn(pod, set.spec.minReadySeconds) === 0).length,
      currentReplicas: at(done ? update : current),
      updatedReplicas: at(update),
      currentRevision: (done ? update : current).metadata.name,
      updateRevision: update.metadata.name,
      collisionCount: set.status?.collisionCount ?? 0,
    };
    if (sameJson({ ...set.status, ...status }, set.status)) return;
    await runtime.patch(statefulSets, set, { status }, 'status').catch(ignoring(404));
  }

  const queue = runtime.queue({ name: 'statefulset' }, async (key) => {
    const set = informer.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return;
    const { update, all } = await updateRevision(set);
    const current = all.find((revision) => revision.metadata.name === set.status?.currentRevision) ?? update;
    const mine = await claimPods(runtime, statefulSets, set, set.spec.selector);
    try {
      await scale(
        set,
        mine.filter((pod) => ordinalOf(set, pod) >= 0),
        update,
        current,
      );
    } finally {
      await report(set, update, current);
    }
    const used = new Set([
      update.metadata.name,
      current.metadata.name,
      ...mine.map((pod) => pod.metadata.labels?.[REVISION_LABEL]),
    ]);
    const unused = all.filter((revision) => !used.has(revision.metadata.name)).sort((a, b) => a.revision - b.revision);
    for (const revision of unused.slice(0, Math.max(0, unused.length - (set.spec.revisionHistoryLimit ?? 10)))) {
      await runtime.delete(controllerRevisions, revision).catch(ignoring(404, 409));
    }
    const waits = mine
      .map((pod) => availableIn(pod, set.spec.minReadySeconds))
      .filter((ms) => ms > 0 && Number.isFinite(ms));
    if (waits.length > 0) return Math.min(...waits) + 10;
  });

  informer.on(({ object }) => queue.add(keyOf(object)));
  podInformer.on(({ object }) => {
    const owner = controllerKey(object, 'StatefulSet');
    if (owner !== undefined) return queue.add(owner);
    if (controllerOf(object) !== undefined) return;
    for (const set of informer.list(object.metadata.namespace)) {
      if (selectorMatches(set.spec.selector, object.metadata.labels)) queue.add(keyOf(set));
    }
  });
}
