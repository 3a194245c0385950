/** Who a pod of a StatefulSet is: its number, its name, its labels, its claims. Pure. */
import { statefulSets } from '../machinery/resources.ts';
import type { ControllerRevision, Pod, PodTemplate, StatefulSet } from '../machinery/types.ts';
import { podFrom } from '../pods.ts';

export const REVISION_LABEL = 'controller-revision-hash';
const NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const INDEX_LABEL = 'apps.kubernetes.io/pod-index';

export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

/** The number of the pod, or -1 where its name is none of this set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number {
  const [, ordinal] = /-(0|[1-9]\d*)$/.exec(pod.metadata.name) ?? [];
  return ordinal !== undefined && pod.metadata.name === podName(set, Number(ordinal)) ? Number(ordinal) : -1;
}

export const revisionOf = (pod: Pod): string | undefined => pod.metadata.labels?.[REVISION_LABEL];

/** The first number, and the one after the last. */
export function ordinals(set: StatefulSet): { start: number; end: number } {
  const start = set.spec.ordinals?.start ?? 0;
  return { start, end: start + (set.spec.replicas ?? 1) };
}

const identity = (set: StatefulSet, ordinal: number): Record<string, string> => ({
  [NAME_LABEL]: podName(set, ordinal),
  [INDEX_LABEL]: String(ordinal),
});

/** The labels that the pod should carry and does not. */
export function missingIdentity(set: StatefulSet, pod: Pod): Record<string, string> | undefined {
  const labels = identity(set, ordinalOf(set, pod));
  return Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value) ? undefined : labels;
}

/** The template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplate {
  const { $patch: _patch, ...template } = (revision.data as { spec: { template: PodTemplate & { $patch?: string } } })
    .spec.template;
  return template;
}

/** The pod of one number at one revision: its claims stand in the place of the template's volumes of the same name. */
export function ordinalPod(set: StatefulSet, revision: ControllerRevision, ordinal: number) {
  const name = podName(set, ordinal);
  const pod = podFrom(templateOf(revision), statefulSets, set, { generateName: `${set.metadata.name}-` });
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '');
  const volumes = (pod.spec?.volumes ?? []).filter((volume) => !claims.includes(volume.name));
  const claimed = claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}` } }));
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name,
      labels: { ...pod.metadata.labels, ...identity(set, ordinal), [REVISION_LABEL]: revision.metadata.name },
    },
    spec: {
      ...pod.spec,
      hostname: name,
      ...(set.spec.serviceName && { subdomain: set.spec.serviceName }),
      volumes: [...claimed, ...volumes],
    },
  };
}
