/** What may change in a pod that exists. */
import { type FieldError, forbiddenField, invalidField } from '../errors.ts';
import { type Json, type Obj, same } from '../json.ts';

const UPDATE_TEXT =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Of a running pod only images, the deadline and more tolerations may change. */
export function podUpdateFaults(next: Obj, old: Obj): FieldError[] {
  const [a, b] = [next.spec, old.spec];
  for (const list of ['containers', 'initContainers']) {
    if ((a[list] ?? []).length !== (b[list] ?? []).length) {
      return [forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const faults: FieldError[] = [];
  const [deadline, before] = [a.activeDeadlineSeconds, b.activeDeadlineSeconds];
  if (before !== undefined && (deadline === undefined || deadline > before)) {
    faults.push(
      invalidField(
        'spec.activeDeadlineSeconds',
        deadline ?? '',
        deadline === undefined
          ? 'must not update from a positive integer to nil value'
          : 'must be less than or equal to previous value',
      ),
    );
  }
  const frozen = (spec: Json, images: Json) => ({
    ...spec,
    activeDeadlineSeconds: undefined,
    tolerations: undefined,
    schedulingGates: undefined,
    nodeName: spec.nodeName,
    containers: spec.containers?.map((container: Json, i: number) => ({
      ...container,
      image: images.containers[i].image,
    })),
    initContainers: spec.initContainers?.map((container: Json, i: number) => ({
      ...container,
      image: images.initContainers?.[i]?.image,
    })),
  });
  const kept = (b.tolerations ?? []).every((toleration: Json) =>
    (a.tolerations ?? []).some((other: Json) => same(toleration, other)),
  );
  if (!kept || !same(frozen(a, b), frozen(b, b))) faults.push(forbiddenField('spec', UPDATE_TEXT));
  return faults;
}
