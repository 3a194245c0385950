/** The environment of a container: literals, fields, secrets and config maps, with `$(NAME)` expanded. */
import { parseQuantity } from '../controllers/machinery/quantity.ts';
import type { Container, Pod } from '../controllers/machinery/types.ts';

/** Something the pod names is not there (yet): the container waits with this reason. */
export class ConfigError extends Error {
  readonly reason: string;
  constructor(message: string, reason = 'CreateContainerConfigError') {
    super(message);
    this.name = 'ConfigError';
    this.reason = reason;
  }
}

/** Where values come from; both answer undefined where the object is not there. Secret data is decoded. */
export interface Sources {
  configMap(namespace: string, name: string): Promise<Record<string, string | Buffer> | undefined>;
  secret(namespace: string, name: string): Promise<Record<string, Buffer> | undefined>;
}

/** What the kubelet knows of the pod that its object may not show yet. */
export interface PodFacts {
  podIP: string;
  hostIP: string;
}

/** The value of a downward API field. Throws ConfigError on a field that has none. */
export function fieldValue(pod: Pod, path: string, facts: PodFacts): string {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (map !== undefined && key !== undefined) return metadata[map as 'labels' | 'annotations']?.[key] ?? '';
  const pairs = (entries: Record<string, string> | undefined) =>
    Object.entries(entries ?? {})
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      .join('\n');
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'metadata.labels': pairs(metadata.labels),
    'metadata.annotations': pairs(metadata.annotations),
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName ?? 'default',
    'status.podIP': facts.podIP,
    'status.podIPs': facts.podIP,
    'status.hostIP': facts.hostIP,
    'status.hostIPs': facts.hostIP,
  };
  const value = fields[path];
  if (value === undefined)
    throw new ConfigError(`field "${path}" has no value: allowed are ${Object.keys(fields).join(', ')}`);
  return value;
}

/** `requests.cpu`, `limits.memory`, … of a container, in whole divisors. */
export function resourceValue(container: Container, resource: string, divisor: string | undefined): string {
  const [list = '', name = ''] = resource.split(/\.(.*)/);
  const { requests, limits } = container.resources ?? {};
  const quantity = list === 'limits' ? limits?.[name] : (requests?.[name] ?? limits?.[name]);
  if (quantity === undefined) {
    throw new ConfigError(
      `container "${container.name}" sets no ${resource}, and the embedded kubelet knows no default: set it in resources`,
    );
  }
  const by = divisor === undefined || divisor === '0' ? 1 : parseQuantity(divisor);
  return String(Math.ceil(parseQuantity(quantity) / by));
}

/** `$(NAME)` of what is known, `$$(NAME)` for the text itself; an unknown name stays as it is. */
export const expand = (text: string, env: Record<string, string>): string =>
  text.replace(/\$\$|\$\(([A-Za-z0-9_.-]+)\)/g, (all, name: string | undefined) =>
    name === undefined ? '$' : (env[name] ?? all),
  );

/** All variables in the order of the spec; `base` comes first and may be referred to. */
export async function environment(
  pod: Pod,
  container: Container,
  sources: Sources,
  facts: PodFacts,
  base: Record<string, string>,
): Promise<Record<string, string>> {
  const namespace = pod.metadata.namespace ?? 'default';
  const env: Record<string, string> = { ...base };

  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const ref = configMapRef ?? secretRef;
    const name = ref?.name ?? '';
    const data = configMapRef ? await sources.configMap(namespace, name) : await sources.secret(namespace, name);
    if (data === undefined) {
      if (ref?.optional === true) continue;
      throw new ConfigError(`${configMapRef ? 'configmap' : 'secret'} "${name}" not found`);
    }
    for (const [key, value] of Object.entries(data)) env[prefix + key] = value.toString();
  }

  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      env[name] = expand(value ?? '', env);
    } else if (valueFrom.fieldRef) {
      env[name] = fieldValue(pod, valueFrom.fieldRef.fieldPath, facts);
    } else if (valueFrom.resourceFieldRef) {
      env[name] = resourceValue(container, valueFrom.resourceFieldRef.resource, valueFrom.resourceFieldRef.divisor);
    } else if (valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef) {
      const isMap = valueFrom.configMapKeyRef !== undefined;
      const ref = valueFrom.configMapKeyRef ?? valueFrom.secretKeyRef;
      const source = ref?.name ?? '';
      const data = isMap ? await sources.configMap(namespace, source) : await sources.secret(namespace, source);
      const found = data?.[ref?.key ?? ''];
      if (found !== undefined) env[name] = found.toString();
      else if (ref?.optional !== true) {
        const kind = isMap ? 'configmap' : 'secret';
        const where = `${isMap ? 'ConfigMap' : 'Secret'} ${namespace}/${source}`;
        throw new ConfigError(
          data === undefined ? `${kind} "${source}" not found` : `couldn't find key ${ref?.key} in ${where}`,
        );
      }
    } else {
      throw new ConfigError(
        `variable "${name}" has a source that the embedded kubelet does not know: ${Object.keys(valueFrom).join(', ')}`,
      );
    }
  }
  return env;
}
