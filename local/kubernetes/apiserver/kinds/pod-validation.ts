/** Which pods and pod templates are refused. */
import { duplicate, type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import { type Json, type Obj, same } from '../json.ts';
import { parseQuantity } from '../schema/quantity.ts';
import { keyFaults } from '../storage/selectors.ts';
import { isLabel, LABEL_TEXT } from './names.ts';

const FIELD_PATHS =
  /^(metadata\.(name|namespace|uid|labels|annotations)|metadata\.(labels|annotations)\['.*'\]|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs))$/;
const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

const oneOf = (field: string, value: Json, allowed: string[]): FieldError[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, allowed)];

function handlerFaults(field: string, handler: Json): FieldError[] {
  const given = HANDLERS.filter((name) => handler?.[name] !== undefined);
  if (given.length === 0) return [required(field, 'must specify a handler type')];
  // Order of Kubernetes' checks: each after the first is one too many.
  return given
    .slice(1)
    .map((name) => (name === 'httpGet' ? `${field}.httpGet` : `${field}.${name}`))
    .map((path) => forbiddenField(path, 'may not specify more than 1 handler type'));
}

function envFaults(field: string, env: Json): FieldError[] {
  if (!env.name) return [required(`${field}.name`)];
  const from = env.valueFrom;
  if (!from) return [];
  const sources = Object.keys(from);
  const faults: FieldError[] = [];
  if (env.value) faults.push(invalidField(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty'));
  if (sources.length === 0)
    faults.push(
      invalidField(
        `${field}.valueFrom`,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
    );
  if (sources.length > 1)
    faults.push(invalidField(`${field}.valueFrom`, '', 'may not have more than one field specified at a time'));
  const path = from.fieldRef?.fieldPath;
  if (from.fieldRef && !path) faults.push(required(`${field}.valueFrom.fieldRef.fieldPath`));
  else if (path !== undefined && !FIELD_PATHS.test(path)) {
    faults.push(
      invalidField(
        `${field}.valueFrom.fieldRef.fieldPath`,
        path,
        `error converting fieldPath: field label not supported: ${path}`,
      ),
    );
  }
  return faults;
}

const STANDARD = /^(cpu|memory|ephemeral-storage|storage|hugepages-.+)$/;

function resourceFaults(field: string, resources: Json = {}): FieldError[] {
  const faults: FieldError[] = [];
  for (const part of ['limits', 'requests']) {
    for (const [name, value] of Object.entries<string>(resources[part] ?? {})) {
      const path = `${field}.${part}[${name}]`;
      if (!STANDARD.test(name) && !name.includes('/')) {
        faults.push(invalidField(path, name, 'must be a standard resource type or fully qualified'));
        faults.push(invalidField(path, name, 'must be a standard resource for containers'));
      }
      const quantity = parseQuantity(value);
      if (quantity && quantity.nano < 0n) faults.push(invalidField(path, value, 'must be greater than or equal to 0'));
      const limit = part === 'requests' && parseQuantity(resources.limits?.[name] ?? '');
      if (quantity && limit && quantity.nano > limit.nano) {
        faults.push(
          invalidField(
            `${field}.requests`,
            value,
            `must be less than or equal to ${name} limit of ${resources.limits[name]}`,
          ),
        );
      }
    }
  }
  return faults;
}

function portFaults(field: string, port: Json, hostNetwork: boolean): FieldError[] {
  const faults: FieldError[] = [];
  if (!port.containerPort) faults.push(required(`${field}.containerPort`));
  else if (port.containerPort < 1 || port.containerPort > 65535) {
    faults.push(invalidField(`${field}.containerPort`, port.containerPort, 'must be between 1 and 65535, inclusive'));
  }
  if (port.hostPort !== undefined && (port.hostPort < 1 || port.hostPort > 65535)) {
    faults.push(invalidField(`${field}.hostPort`, port.hostPort, 'must be between 1 and 65535, inclusive'));
  }
  if (hostNetwork && port.hostPort && port.hostPort !== port.containerPort) {
    faults.push(
      invalidField(`${field}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'),
    );
  }
  faults.push(...oneOf(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  return faults;
}

/** Go's security context, all fields of it, as a refusal prints it. */
const SECURITY_FIELDS = [
  'capabilities',
  'privileged',
  'seLinuxOptions',
  'windowsOptions',
  'runAsUser',
  'runAsGroup',
  'runAsNonRoot',
  'readOnlyRootFilesystem',
  'allowPrivilegeEscalation',
  'procMount',
  'seccompProfile',
  'appArmorProfile',
];

function privilegeFaults(field: string, context: Json): FieldError[] {
  if (context?.allowPrivilegeEscalation !== false) return [];
  const goName = (name: string) =>
    name === 'seLinuxOptions' ? 'SELinuxOptions' : `${name[0]!.toUpperCase()}${name.slice(1)}`;
  const shown = Object.fromEntries(SECURITY_FIELDS.map((name) => [goName(name), context[name] ?? null]));
  const refused = (what: string) =>
    invalidField(field, shown, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`);
  return [
    ...(context.privileged === true ? [refused('`privileged` to true')] : []),
    ...((context.capabilities?.add ?? []).includes('CAP_SYS_ADMIN')
      ? [refused('`capabilities.Add` CAP_SYS_ADMIN')]
      : []),
  ];
}

function containerFaults(field: string, container: Json, spec: Json, names: Set<string>): FieldError[] {
  const faults: FieldError[] = [];
  if (!container.name) faults.push(required(`${field}.name`));
  else if (!isLabel(container.name)) faults.push(invalidField(`${field}.name`, container.name, LABEL_TEXT));
  else if (names.has(container.name)) faults.push(duplicate(`${field}.name`, container.name));
  names.add(container.name);
  if (!container.image) faults.push(required(`${field}.image`));
  else if (container.image.trim() !== container.image) {
    faults.push(invalidField(`${field}.image`, container.image, 'must not have leading or trailing whitespace'));
  }
  for (const name of ['postStart', 'preStop']) {
    if (container.lifecycle?.[name])
      faults.push(...handlerFaults(`${field}.lifecycle.${name}`, container.lifecycle[name]));
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (container[name]) faults.push(...handlerFaults(`${field}.${name}`, container[name]));
  }
  faults.push(...oneOf(`${field}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']));
  for (const [i, port] of (container.ports ?? []).entries())
    faults.push(...portFaults(`${field}.ports[${i}]`, port, spec.hostNetwork === true));
  for (const [i, env] of (container.env ?? []).entries()) faults.push(...envFaults(`${field}.env[${i}]`, env));
  const volumes = new Set((spec.volumes ?? []).map(({ name }: Json) => name));
  const paths = new Set<string>();
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${field}.volumeMounts[${i}]`;
    if (!mount.name) faults.push(required(`${at}.name`));
    else if (!volumes.has(mount.name))
      faults.push({ type: 'NotFound', field: `${at}.name`, message: `Not found: ${JSON.stringify(mount.name)}` });
    if (!mount.mountPath) faults.push(required(`${at}.mountPath`));
    else if (paths.has(mount.mountPath))
      faults.push(invalidField(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
  }
  faults.push(...resourceFaults(`${field}.resources`, container.resources));
  faults.push(...privilegeFaults(`${field}.securityContext`, container.securityContext));
  return faults;
}

/** Faults of a pod spec that stands at `field`. */
export function podSpecFaults(field: string, spec: Json): FieldError[] {
  const faults: FieldError[] = [];
  const volumes = new Set<string>();
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    const at = `${field}.volumes[${i}]`;
    if (!volume.name) faults.push(required(`${at}.name`));
    else if (!isLabel(volume.name)) faults.push(invalidField(`${at}.name`, volume.name, LABEL_TEXT));
    else if (volumes.has(volume.name)) faults.push(duplicate(`${at}.name`, volume.name));
    volumes.add(volume.name);
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    for (const extra of sources.slice(1))
      faults.push(forbiddenField(`${at}.${extra}`, 'may not specify more than 1 volume type'));
  }
  const names = new Set<string>();
  if (!spec.containers?.length) faults.push(required(`${field}.containers`));
  for (const list of ['containers', 'initContainers']) {
    for (const [i, container] of (spec[list] ?? []).entries())
      faults.push(...containerFaults(`${field}.${list}[${i}]`, container, spec, names));
  }
  faults.push(...oneOf(`${field}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']));
  faults.push(
    ...oneOf(`${field}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
  );
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    for (const why of keyFaults(key)) faults.push(invalidField(`${field}.nodeSelector`, key, why));
  }
  if (spec.hostname && !isLabel(spec.hostname))
    faults.push(invalidField(`${field}.hostname`, spec.hostname, LABEL_TEXT));
  for (const [i, { operator, value, key }] of (spec.tolerations ?? []).entries()) {
    const at = `${field}.tolerations[${i}]`;
    if (operator === 'Exists' && value)
      faults.push(invalidField(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    if (!key && operator !== 'Exists')
      faults.push(
        invalidField(
          `${at}.operator`,
          operator ?? '',
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
  }
  return faults;
}

export const podFaults = (pod: Obj): FieldError[] => podSpecFaults('spec', pod.spec);

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
