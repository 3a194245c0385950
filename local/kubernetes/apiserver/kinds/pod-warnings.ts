/** What a pod may say, but hardly means: sent as warnings, with the pod as well as with a template of it. */
import type { Json } from '../json.ts';

const LISTS = ['initContainers', 'containers'];

const containersOf = (field: string, spec: Json): { at: string; container: Json }[] =>
  LISTS.flatMap((list) =>
    (spec[list] ?? []).map((container: Json, i: number) => ({ at: `${field}.${list}[${i}]`, container })),
  );

/** A second value of a name is meant where it is made of the first. */
function envWarnings(at: string, env: Json[]): string[] {
  const names = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, i) => {
    const again = names.has(name);
    names.add(name);
    const reference = `$(${name})`;
    const extended = !valueFrom && value !== reference && value.includes(reference);
    return again && !extended
      ? [`${at}.env[${i}]: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`]
      : [];
  });
}

function portWarnings(containers: { at: string; container: Json }[]): string[] {
  const known = new Map<string, { at: string; port: Json }[]>();
  const warnings: string[] = [];
  for (const { at, container } of containers) {
    for (const [i, port] of (container.ports ?? []).entries()) {
      const here = `${at}.ports[${i}]`;
      const key = `${port.containerPort}/${port.protocol}`;
      const others = known.get(key) ?? [];
      for (const other of others) {
        const same =
          (port.hostIP ?? '') === (other.port.hostIP ?? '') && (port.hostPort ?? 0) === (other.port.hostPort ?? 0);
        if (same) warnings.push(`${here}: duplicate port definition with ${other.at}`);
        else if (!port.hostPort || !other.port.hostPort)
          warnings.push(`${here}: overlapping port definition with ${other.at}`);
      }
      known.set(key, [...others, { at: here, port }]);
    }
  }
  return warnings;
}

function repeated(field: string, items: Json[], key: string): string[] {
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const again = seen.has(item[key]);
    seen.add(item[key]);
    return again ? [`${field}[${i}].${key}: duplicate ${key} ${JSON.stringify(item[key])}`] : [];
  });
}

/** Warnings about a pod spec that stands at `field`. */
export function podWarnings(field: string, spec: Json): string[] {
  const containers = containersOf(field, spec);
  const secrets: Json[] = spec.imagePullSecrets ?? [];
  return [
    ...(spec.topologySpreadConstraints ?? [])
      .map((constraint: Json, i: number) => ({ constraint, i }))
      .filter(({ constraint }: Json) => !constraint.labelSelector)
      .map(
        ({ i }: Json) =>
          `${field}.topologySpreadConstraints[${i}].labelSelector: a null labelSelector results in matching no pod`,
      ),
    ...repeated(`${field}.hostAliases`, spec.hostAliases ?? [], 'ip'),
    ...repeated(`${field}.imagePullSecrets`, secrets, 'name'),
    ...secrets.flatMap(({ name }, i) => (name ? [] : [`${field}.imagePullSecrets[${i}].name: invalid empty name ""`])),
    ...containers.flatMap(({ at, container }) => envWarnings(at, container.env ?? [])),
    ...portWarnings(containers),
  ];
}
