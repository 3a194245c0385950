/** Which security contexts of pods and containers are refused; what a namespace allows is Pod Security's. */
import { duplicate, type FieldError, invalidField, notSupported, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { idFaults, oneOf, relativePathFaults } from './field-rules.ts';

/** Go's security context, all fields of it, as a refusal prints it. */
const FIELDS = [
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
  if (context.allowPrivilegeEscalation !== false) return [];
  const goName = (name: string) =>
    name === 'seLinuxOptions' ? 'SELinuxOptions' : `${name[0]!.toUpperCase()}${name.slice(1)}`;
  const shown = Object.fromEntries(FIELDS.map((name) => [goName(name), context[name] ?? null]));
  const refused = (what: string) =>
    invalidField(field, shown, `cannot set \`allowPrivilegeEscalation\` to false and ${what}`);
  return [
    ...(context.privileged === true ? [refused('`privileged` to true')] : []),
    ...((context.capabilities?.add ?? []).includes('CAP_SYS_ADMIN')
      ? [refused('`capabilities.Add` CAP_SYS_ADMIN')]
      : []),
  ];
}

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function typeFaults(field: string, profile: Json, key: string): FieldError[] {
  if (!profile.type) return [required(`${field}.type`, `type is required when ${key} is set`)];
  return PROFILES.includes(profile.type) ? [] : [notSupported(`${field}.type`, profile.type, PROFILES)];
}

function seccompFaults(field: string, profile: Json): FieldError[] {
  if (!profile) return [];
  const faults = typeFaults(field, profile, 'seccompProfile');
  const at = `${field}.localhostProfile`;
  const local = profile.localhostProfile;
  if (profile.type === 'Localhost')
    faults.push(
      ...(local === undefined
        ? [required(at, 'must be set when seccomp type is Localhost')]
        : relativePathFaults(at, local)),
    );
  else if (local !== undefined) {
    const shown = { Type: profile.type ?? '', LocalhostProfile: local };
    faults.push(invalidField(at, shown, 'can only be set when seccomp type is Localhost'));
  }
  return faults;
}

function appArmorFaults(field: string, profile: Json): FieldError[] {
  if (!profile) return [];
  const at = `${field}.localhostProfile`;
  const local = profile.localhostProfile;
  if (profile.type === 'Localhost') {
    if (!local?.trim()) return [required(at, 'must be set when AppArmor type is Localhost')];
    return local.trim() === local ? [] : [invalidField(at, local, 'must not be padded with whitespace')];
  }
  const faults = typeFaults(field, profile, 'appArmorProfile');
  if (faults.length === 0 && local !== undefined)
    faults.push(invalidField(at, local, 'can only be set when AppArmor type is Localhost'));
  return faults;
}

/** Faults of a container's security context. `hostUsers`: the pod has no user namespace of its own. */
export function containerSecurityFaults(field: string, context: Json, hostUsers: boolean): FieldError[] {
  if (!context) return [];
  return [
    ...idFaults(`${field}.runAsUser`, context.runAsUser),
    ...idFaults(`${field}.runAsGroup`, context.runAsGroup),
    ...oneOf(`${field}.procMount`, context.procMount, ['Default', 'Unmasked']),
    ...(hostUsers && context.procMount === 'Unmasked'
      ? [invalidField(`${field}.procMount`, 'Unmasked', '`hostUsers` must be false to use `Unmasked`')]
      : []),
    ...seccompFaults(`${field}.seccompProfile`, context.seccompProfile),
    ...privilegeFaults(field, context),
    ...appArmorFaults(`${field}.appArmorProfile`, context.appArmorProfile),
  ];
}

const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const SYSCTL_TEXT =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';

function sysctlFaults(field: string, sysctls: Json[]): FieldError[] {
  const names = new Set<string>();
  return sysctls.flatMap(({ name = '' }, i) => {
    const at = `${field}[${i}].name`;
    const known = names.has(name);
    names.add(name);
    if (name === '') return [required(at)];
    if (name.length > 253 || !SYSCTL.test(name)) return [invalidField(at, name, SYSCTL_TEXT)];
    return known ? [duplicate(at, name)] : [];
  });
}

/** Faults of a pod's security context; the spec's host namespaces belong to it. */
export function podSecurityFaults(field: string, spec: Json): FieldError[] {
  const context = spec.securityContext ?? {};
  return [
    ...idFaults(`${field}.fsGroup`, context.fsGroup),
    ...idFaults(`${field}.runAsUser`, context.runAsUser),
    ...idFaults(`${field}.runAsGroup`, context.runAsGroup),
    ...(context.supplementalGroups ?? []).flatMap((id: number, i: number) =>
      idFaults(`${field}.supplementalGroups[${i}]`, id),
    ),
    ...(spec.shareProcessNamespace && spec.hostPID
      ? [
          invalidField(
            `${field}.shareProcessNamespace`,
            true,
            'ShareProcessNamespace and HostPID cannot both be enabled',
          ),
        ]
      : []),
    ...sysctlFaults(`${field}.sysctls`, context.sysctls ?? []),
    ...oneOf(`${field}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...seccompFaults(`${field}.seccompProfile`, context.seccompProfile),
    ...appArmorFaults(`${field}.appArmorProfile`, context.appArmorProfile),
    ...oneOf(`${field}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...oneOf(`${field}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['MountOption', 'Recursive']),
  ];
}
