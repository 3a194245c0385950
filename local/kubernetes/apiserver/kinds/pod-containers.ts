/** Which containers of pods and pod templates are refused. */
import { duplicate, type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { isDataKey, KEY_TEXT } from './data-keys.ts';
import { backstepFaults, namedFaults, oneOf, PROTOCOLS, portNameFaults, portNumberFaults } from './field-rules.ts';
import { handlerFaults, noHandlers } from './pod-handlers.ts';
import { resourceFaults } from './pod-resources.ts';
import { containerSecurityFaults } from './pod-security-context.ts';

const FIELD_PATHS =
  /^(metadata\.(name|namespace|uid|labels|annotations)|metadata\.(labels|annotations)\['.*'\]|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$/;
/** Those of them that are one text. */
const ENV_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

function fieldRefFaults(field: string, path: Json): FieldError[] {
  if (!path) return [required(field)];
  if (!FIELD_PATHS.test(path))
    return [invalidField(field, path, `error converting fieldPath: field label not supported: ${path}`)];
  return path.endsWith(']') ? [] : oneOf(field, path, ENV_PATHS);
}

const keyRefFaults = (field: string, { name = '', key }: Json): FieldError[] => [
  ...namedFaults('subdomain', `${field}.name`, name),
  ...(key ? (isDataKey(key) ? [] : [invalidField(`${field}.key`, key, KEY_TEXT)]) : [required(`${field}.key`)]),
];

const ENV_NAME_TEXT =
  "a valid environment variable name must consist only of printable ASCII characters other than '='";
const envNameFaults = (field: string, name: string): FieldError[] =>
  /^[ -<>-~]+$/.test(name) ? [] : [invalidField(field, name, ENV_NAME_TEXT)];

function envFaults(field: string, { name, value, valueFrom: from }: Json): FieldError[] {
  const faults = name ? envNameFaults(`${field}.name`, name) : [required(`${field}.name`)];
  if (!from) return faults;
  const at = `${field}.valueFrom`;
  if (from.fieldRef) faults.push(...fieldRefFaults(`${at}.fieldRef.fieldPath`, from.fieldRef.fieldPath));
  for (const ref of ['configMapKeyRef', 'secretKeyRef'])
    if (from[ref]) faults.push(...keyRefFaults(`${at}.${ref}`, from[ref]));
  const sources = Object.keys(from).length;
  if (sources === 0)
    faults.push(
      invalidField(at, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'),
    );
  else if (value) faults.push(invalidField(at, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) faults.push(invalidField(at, '', 'may not have more than one field specified at a time'));
  return faults;
}

/** Go names the list where none or both of the sources are given. */
function envFromFaults(field: string, all: Json[]): FieldError[] {
  return all.flatMap((from, i) => {
    const faults = from.prefix ? envNameFaults(`${field}[${i}].prefix`, from.prefix) : [];
    const given = ['configMapRef', 'secretRef'].filter((name) => from[name]);
    for (const name of given) {
      const at = `${field}[${i}].${name}.name`;
      faults.push(...(from[name].name ? namedFaults('subdomain', at, from[name].name) : [required(at)]));
    }
    if (given.length === 0) faults.push(invalidField(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (given.length > 1) faults.push(invalidField(field, '', 'may not have more than one field specified at a time'));
    return faults;
  });
}

function portsFaults(field: string, ports: Json[]): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap(({ name, containerPort, hostPort, protocol }, i) => {
    const at = `${field}[${i}]`;
    const faults = name ? portNameFaults(`${at}.name`, name) : [];
    if (name && faults.length === 0) {
      if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    faults.push(
      ...(containerPort ? portNumberFaults(`${at}.containerPort`, containerPort) : [required(`${at}.containerPort`)]),
    );
    if (hostPort) faults.push(...portNumberFaults(`${at}.hostPort`, hostPort));
    return [...faults, ...oneOf(`${at}.protocol`, protocol, PROTOCOLS)];
  });
}

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];

/** `volumes`: the names of those that can be mounted. */
function mountFaults(field: string, container: Json, volumes: Set<string>): FieldError[] {
  const faults: FieldError[] = [];
  const paths = new Set<string>();
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${field}[${i}]`;
    if (!mount.name) faults.push(required(`${at}.name`));
    else if (!volumes.has(mount.name))
      faults.push({ type: 'NotFound', field: `${at}.name`, message: `Not found: ${JSON.stringify(mount.name)}` });
    if (!mount.mountPath) faults.push(required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      faults.push(invalidField(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    for (const name of ['subPath', 'subPathExpr']) {
      const path = mount[name] ?? '';
      if (path.startsWith('/')) faults.push(invalidField(`${field}.${name}`, path, 'must be a relative path'));
      faults.push(...backstepFaults(`${field}.${name}`, path));
    }
    if (mount.subPath && mount.subPathExpr)
      faults.push(
        invalidField(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'),
      );
    const propagation = mount.mountPropagation;
    faults.push(...oneOf(`${field}.mountPropagation`, propagation, PROPAGATIONS));
    if (propagation === 'Bidirectional' && container.securityContext?.privileged !== true)
      faults.push(
        forbiddenField(
          `${field}.mountPropagation`,
          'Bidirectional mount propagation is available only to privileged containers',
        ),
      );
  }
  return faults;
}

interface Surrounding {
  spec: Json;
  /** Of all containers before this one. */
  names: Set<string>;
  /** That can be mounted. */
  volumes: Set<string>;
}

function containerFaults(field: string, container: Json, { spec, names, volumes }: Surrounding): FieldError[] {
  const faults: FieldError[] = [];
  const { name, image, terminationMessagePolicy: policy } = container;
  if (!name) faults.push(required(`${field}.name`));
  else faults.push(...namedFaults('label', `${field}.name`, name));
  if (!image) faults.push(required(`${field}.image`));
  else if (image.trim() !== image)
    faults.push(invalidField(`${field}.image`, image, 'must not have leading or trailing whitespace'));
  faults.push(...oneOf(`${field}.terminationMessagePolicy`, policy, ['File', 'FallbackToLogsOnError']));
  faults.push(...portsFaults(`${field}.ports`, container.ports ?? []));
  for (const [i, env] of (container.env ?? []).entries()) faults.push(...envFaults(`${field}.env[${i}]`, env));
  faults.push(
    ...envFromFaults(`${field}.envFrom`, container.envFrom ?? []),
    ...mountFaults(`${field}.volumeMounts`, container, volumes),
  );
  const pull = container.imagePullPolicy;
  if (pull !== undefined && !['Always', 'IfNotPresent', 'Never'].includes(pull))
    faults.push(notSupported(`${field}.imagePullPolicy`, pull, ['Always', 'IfNotPresent', 'Never']));
  faults.push(
    ...resourceFaults(`${field}.resources`, container.resources),
    ...containerSecurityFaults(`${field}.securityContext`, container.securityContext, spec.hostUsers !== false),
  );
  if (name && names.has(name)) faults.push(duplicate(`${field}.name`, name));
  names.add(name);
  return faults;
}

/** A port of the node can be taken once. */
function hostPortFaults(field: string, container: Json, taken: Set<string>): FieldError[] {
  return (container.ports ?? []).flatMap(({ hostPort, hostIP = '', protocol }: Json, i: number) => {
    if (!hostPort) return [];
    const port = `${protocol}/${hostIP}/${hostPort}`;
    if (taken.has(port)) return [duplicate(`${field}.ports[${i}].hostPort`, port)];
    taken.add(port);
    return [];
  });
}

/** Faults of all containers of a pod spec that stands at `field`. */
export function containersFaults(field: string, spec: Json, volumes: Set<string>): FieldError[] {
  const faults: FieldError[] = [];
  const around = { spec, volumes, names: new Set<string>() };
  const grace = spec.terminationGracePeriodSeconds ?? 0;
  if (!spec.containers?.length) faults.push(required(`${field}.containers`));
  const taken = new Set<string>();
  const shared: FieldError[] = [];
  for (const [i, container] of (spec.containers ?? []).entries()) {
    const at = `${field}.containers[${i}]`;
    faults.push(...containerFaults(at, container, around), ...handlerFaults(at, container, grace));
    shared.push(...hostPortFaults(at, container, taken));
  }
  faults.push(...shared);
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const at = `${field}.initContainers[${i}]`;
    const sidecar = container.restartPolicy === 'Always';
    // They run one after the other: each has the node's ports to itself.
    faults.push(
      ...containerFaults(at, container, around),
      ...hostPortFaults(at, container, new Set()),
      ...(sidecar ? handlerFaults(at, container, grace) : noHandlers(at, container)),
    );
  }
  return faults;
}
