/** The claims of a StatefulSet's pods: made before the pod, kept or left to the garbage collector as the retention policy says. */
import { isStatus } from '../machinery/client.ts';
import type { RecordEvent } from '../machinery/events.ts';
import { controllerOf, controllerReference } from '../machinery/owners.ts';
import { persistentVolumeClaims, pods, statefulSets } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from '../machinery/types.ts';
import { ordinalOf, ordinals } from './identity.ts';

type Template = NonNullable<StatefulSet['spec']['volumeClaimTemplates']>[number];

const claimName = (template: Template, pod: string): string => `${template.metadata?.name}-${pod}`;

export function statefulSetClaims(runtime: Runtime, record: RecordEvent) {
  const informer = runtime.informer(persistentVolumeClaims);
  const claimOf = (set: StatefulSet, template: Template, pod: string): PersistentVolumeClaim | undefined =>
    informer.get(`${set.metadata.namespace}/${claimName(template, pod)}`);
  const templates = (set: StatefulSet): Template[] => set.spec.volumeClaimTemplates ?? [];

  /** Who the claim should go with; none: it stays. */
  function ownerFor(set: StatefulSet, pod: Pod | undefined, ordinal: number): OwnerReference | undefined {
    const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
    const { start, end } = ordinals(set);
    if (whenScaled === 'Delete' && pod && (ordinal < start || ordinal >= end)) return controllerReference(pods, pod);
    return whenDeleted === 'Delete' ? controllerReference(statefulSets, set) : undefined;
  }

  return {
    /** Makes the claims that the pod of this name lacks. Throws what refused them; an event says so. */
    async ensure(set: StatefulSet, pod: string, ordinal: number): Promise<void> {
      const { namespace } = set.metadata;
      for (const template of templates(set)) {
        const name = claimName(template, pod);
        const known = claimOf(set, template, pod);
        if (known?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`);
        if (known) continue;
        const owner = ownerFor(set, undefined, ordinal);
        const metadata = {
          name,
          namespace,
          labels: { ...template.metadata?.labels, ...set.spec.selector.matchLabels },
          ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
          ...(owner && { ownerReferences: [owner] }),
        };
        try {
          await runtime.create(persistentVolumeClaims, namespace, { metadata, spec: template.spec });
          const message = `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
          record(set, 'Normal', 'SuccessfulCreate', message);
        } catch (error) {
          if (isStatus(error, 409)) continue;
          const why = (error as Error).message;
          const message = `create Claim ${name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${why}`;
          record(set, 'Warning', 'FailedCreate', message);
          throw new Error(`failed to create PVC ${name}: ${why}`, { cause: error });
        }
      }
    },

    /** Whether a claim still belongs to an earlier pod of this name, with which it will go. */
    isStale: (set: StatefulSet, pod: string): boolean =>
      templates(set).some((template) =>
        claimOf(set, template, pod)?.metadata.ownerReferences?.some((owner) => owner.kind === 'Pod'),
      ),

    /** Writes the owners that the policy wants where they differ; owners of others stay. */
    async retain(set: StatefulSet, pod: Pod): Promise<void> {
      for (const template of templates(set)) {
        const claim = claimOf(set, template, pod.metadata.name);
        if (claim === undefined) continue;
        const wanted = ownerFor(set, pod, ordinalOf(set, pod));
        const now = claim.metadata.ownerReferences ?? [];
        const ours = now.filter(
          ({ uid, kind, name }) =>
            uid === set.metadata.uid || uid === pod.metadata.uid || (kind === 'Pod' && name === pod.metadata.name),
        );
        if (ours.length === (wanted ? 1 : 0) && ours[0]?.uid === wanted?.uid) continue;
        const others = now.filter((owner) => !ours.includes(owner));
        // Somebody else's controller: not ours to decide.
        if (others.some(({ controller }) => controller === true) && controllerOf(claim)) continue;
        const { uid, resourceVersion } = claim.metadata;
        const ownerReferences = [...others, ...(wanted ? [wanted] : [])];
        await runtime.patch(persistentVolumeClaims, claim, { metadata: { uid, resourceVersion, ownerReferences } });
      }
    },
  };
}
