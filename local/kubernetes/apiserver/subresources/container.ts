/** Which container of a pod a request is about. */
import { badRequest } from '../errors.ts';
import type { Json } from '../json.ts';

/** The container that is meant; without a name, the only one. */
export function containerOf(name: string | null, pod: string, spec: Json): string {
  const all: string[] = [
    ...(spec.containers ?? []),
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ].map((one: Json) => one.name);
  if (name) {
    if (!all.includes(name)) throw badRequest(`container ${name} is not valid for pod ${pod}`);
    return name;
  }
  const own: string[] = (spec.containers ?? []).map((one: Json) => one.name);
  if (own.length === 1) return own[0]!;
  const init = spec.initContainers?.length
    ? ` or one of the init containers: [${spec.initContainers.map((one: Json) => one.name).join(' ')}]`
    : '';
  throw badRequest(`a container name must be specified for pod ${pod}, choose one of: [${own.join(' ')}]${init}`);
}
