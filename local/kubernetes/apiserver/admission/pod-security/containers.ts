/** What the Pod Security checks look at: the containers of a pod of every sort, and who set a value that is not allowed. */
import type { Json } from '../../json.ts';
import { containersNamed } from './words.ts';

/** A pod, or the template of one. */
export interface PodLike {
  metadata: Json;
  spec: Json;
}

/** What is not allowed: why in short, and the details. */
export interface Violation {
  reason: string;
  detail: string;
}

export const containersOf = (spec: Json): Json[] => [
  ...(spec.initContainers ?? []),
  ...(spec.containers ?? []),
  ...(spec.ephemeralContainers ?? []),
];

/** The names of the containers for which something holds. */
export const which = (spec: Json, test: (context: Json, container: Json) => unknown): string[] =>
  containersOf(spec)
    .filter((container) => test(container.securityContext ?? {}, container))
    .map(({ name }) => name);

/** `pod and container "a"`: who set something, or nothing when nobody did. */
export function setters(spec: Json, test: (context: Json) => unknown): string {
  const containers = which(spec, test);
  return [
    ...(test(spec.securityContext ?? {}) ? ['pod'] : []),
    ...(containers.length ? [containersNamed(containers)] : []),
  ].join(' and ');
}

/** The values that anybody set, the pod first. */
export const valuesOf = (spec: Json, value: (context: Json) => Json): Json[] =>
  [spec, ...containersOf(spec)]
    .map(({ securityContext }) => value(securityContext ?? {}))
    .filter((one) => one !== undefined);
