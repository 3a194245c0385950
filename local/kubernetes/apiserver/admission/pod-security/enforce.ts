/** The Pod Security admission: the labels of a namespace decide which pods it takes, and of what it warns. */
import { forbidden, invalid } from '../../errors.ts';
import { type Json, type Obj, same } from '../../json.ts';
import { subjectOf } from '../../kinds/kind.ts';
import { keyOf } from '../../storage/store.ts';
import type { Attributes } from '../attributes.ts';
import { containersOf, type PodLike, type Violation } from './containers.ts';
import { detailOf, LEVELS, labelFaults, type Standard, shownStandard, standardOf, violations } from './levels.ts';
import { plural } from './words.ts';

const WORKLOADS = new Set(['apps/deployments', 'apps/replicasets', 'apps/statefulsets']);

export function enforcePodSecurity(attributes: Attributes): void {
  const { kind, operation, subresource } = attributes;
  // A container that is added to a running pod gets out of it no further than the others.
  if (operation === 'DELETE' || !['', 'ephemeralcontainers'].includes(subresource)) return;
  if (kind.storage === 'namespaces') checkNamespace(attributes);
  else if (kind.storage === 'pods') checkPod(attributes);
  else if (WORKLOADS.has(kind.storage)) checkWorkload(attributes);
}

const namespaceOf = ({ call, object }: Attributes): Obj | undefined =>
  call.context.store.get('namespaces', keyOf(undefined, object!.metadata.namespace!))?.object;

/** Only what runs in the containers counts: labels and the like may change in a pod that is there. */
const sameContainers = (next: Obj, old: Obj): boolean => {
  const images = ({ spec }: Obj) => containersOf(spec).map(({ name, image }) => [name, image]);
  return same(images(next), images(old));
};

function checkPod(attributes: Attributes): void {
  const { object, old, kind } = attributes;
  const namespace = namespaceOf(attributes);
  const pod = object as Obj & PodLike;
  if (!namespace || (old && sameContainers(pod, old))) return;
  const standard = standardOf(namespace, 'enforce');
  const found = violations(pod, standard);
  if (found.length)
    throw forbidden(
      subjectOf(kind),
      pod.metadata.name,
      `violates PodSecurity ${JSON.stringify(shownStandard(standard))}: ${detailOf(found)}`,
    );
  warn(attributes, namespace, pod);
}

function checkWorkload(attributes: Attributes): void {
  const namespace = namespaceOf(attributes);
  const template: Json = attributes.object!.spec?.template;
  if (namespace && template?.spec) warn(attributes, namespace, template);
}

function warn({ call }: Attributes, namespace: Obj, pod: PodLike): void {
  const standard = standardOf(namespace, 'warn');
  const found = violations(pod, standard);
  if (found.length)
    call.warnings.push(`would violate PodSecurity ${JSON.stringify(shownStandard(standard))}: ${detailOf(found)}`);
}

const looser = (next: Standard, old: Standard): boolean =>
  next.version === old.version && LEVELS.indexOf(next.level) <= LEVELS.indexOf(old.level);

function checkNamespace({ call, object, old }: Attributes): void {
  const namespace = object!;
  const faults = labelFaults(namespace);
  if (faults.length && !(old && same(labelFaults(old), faults)))
    throw invalid({ group: '', kind: 'Namespace' }, namespace.metadata.name, faults);
  if (!old) return;
  const standard = standardOf(namespace, 'enforce');
  if (standard.level === 'privileged' || looser(standard, standardOf(old, 'enforce'))) return;
  call.warnings.push(
    ...existing(
      call.context.store.list('pods').map((stored) => stored.object),
      namespace,
      standard,
    ),
  );
}

/** Pods with the same faults stand in one line. */
function existing(pods: Obj[], { metadata }: Obj, standard: Standard): string[] {
  const groups = new Map<string, string[]>();
  for (const pod of pods) {
    if (pod.metadata.namespace !== metadata.name) continue;
    const found: Violation[] = violations(pod as Obj & PodLike, standard);
    if (found.length === 0) continue;
    const reasons = found.map(({ reason }) => reason).join(', ');
    groups.set(reasons, [...(groups.get(reasons) ?? []), pod.metadata.name]);
  }
  if (groups.size === 0) return [];
  const lines = [...groups].map(([reasons, [first, ...more]]) =>
    more.length
      ? `${first} (and ${more.length} other ${plural('pod', 'pods', more.length)}): ${reasons}`
      : `${first}: ${reasons}`,
  );
  const title = `existing pods in namespace ${JSON.stringify(metadata.name)} violate the new PodSecurity enforce level ${JSON.stringify(shownStandard(standard))}`;
  return [title, ...lines.sort()];
}
