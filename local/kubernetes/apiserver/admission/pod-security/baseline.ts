/** The checks of the Pod Security level `baseline`, in Kubernetes' order and words (pod-security-admission/policy). */
import type { Json } from '../../json.ts';
import { containersOf, type PodLike, setters, type Violation, valuesOf, which } from './containers.ts';
import { containersNamed, plural, quoted, sorted } from './words.ts';

export interface Check {
  /** The minor version of Kubernetes 1 that brought it. */
  since: number;
  find(pod: PodLike, minor: number): Violation | undefined;
}

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const appArmorAllowed = (type: Json): boolean => ['RuntimeDefault', 'Localhost', undefined].includes(type);

const appArmor: Check = {
  since: 0,
  find({ metadata, spec }) {
    const type = (context: Json) => context.appArmorProfile?.type;
    const who = setters(spec, (context) => !appArmorAllowed(type(context)));
    const bad = sorted(valuesOf(spec, type).filter((one) => !appArmorAllowed(one)));
    const annotations = Object.entries<string>(metadata?.annotations ?? {})
      .filter(
        ([key, value]) =>
          key.startsWith(APPARMOR) && value && value !== 'runtime/default' && !value.startsWith('localhost/'),
      )
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .sort();
    const found = [
      ...(who ? [`${who} must not set AppArmor profile type to ${quoted(bad)}`] : []),
      ...(annotations.length
        ? [`${plural('annotation', 'annotations', annotations.length)} ${annotations.join(', ')}`]
        : []),
    ];
    return found.length
      ? {
          reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', bad.length + annotations.length),
          detail: found.join(', '),
        }
      : undefined;
  },
};

const DEFAULT_CAPABILITIES = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

export const capabilities: Check = {
  since: 0,
  find({ spec }) {
    const added = (context: Json): string[] =>
      (context.capabilities?.add ?? []).filter((name: string) => !DEFAULT_CAPABILITIES.has(name));
    const who = which(spec, (context) => added(context).length);
    const names = sorted(containersOf(spec).flatMap(({ securityContext }) => added(securityContext ?? {})));
    return who.length
      ? {
          reason: 'non-default capabilities',
          detail: `${containersNamed(who)} must not include ${quoted(names)} in securityContext.capabilities.add`,
        }
      : undefined;
  },
};

const hostNamespaces: Check = {
  since: 0,
  find({ spec }) {
    const set = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name]).map((name) => `${name}=true`);
    return set.length ? { reason: 'host namespaces', detail: set.join(', ') } : undefined;
  },
};

export const hostPaths: Check = {
  since: 0,
  find({ spec }) {
    const names = (spec.volumes ?? []).filter(({ hostPath }: Json) => hostPath).map(({ name }: Json) => name);
    return names.length
      ? { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` }
      : undefined;
  },
};

const hostPorts: Check = {
  since: 0,
  find({ spec }) {
    const ports = (container: Json): number[] =>
      (container.ports ?? []).map(({ hostPort }: Json) => hostPort ?? 0).filter((port: number) => port !== 0);
    const who = which(spec, (_context, container) => ports(container).length);
    const all = sorted(containersOf(spec).flatMap(ports).map(String));
    return who.length
      ? {
          reason: plural('hostPort', 'hostPorts', all.length),
          detail: `${containersNamed(who)} ${plural('uses', 'use', who.length)} ${plural('hostPort', 'hostPorts', all.length)} ${all.join(', ')}`,
        }
      : undefined;
  },
};

const handlers = (container: Json): Json[] =>
  [
    container.livenessProbe,
    container.readinessProbe,
    container.startupProbe,
    container.lifecycle?.postStart,
    container.lifecycle?.preStop,
  ].filter(Boolean);

const hostProbes: Check = {
  since: 34,
  find({ spec }) {
    const hosts = (container: Json): string[] =>
      handlers(container)
        .flatMap(({ httpGet, tcpSocket }) => [httpGet?.host, tcpSocket?.host])
        .filter(Boolean);
    const who = which(spec, (_context, container) => hosts(container).length);
    const all = sorted(containersOf(spec).flatMap(hosts));
    return who.length
      ? {
          reason: 'probe or lifecycle host',
          detail: `${containersNamed(who)} ${plural('uses', 'use', who.length)} probe or lifecycle ${plural('host', 'hosts', all.length)} ${quoted(all)}`,
        }
      : undefined;
  },
};

const privileged: Check = {
  since: 0,
  find({ spec }) {
    const who = which(spec, (context) => context.privileged);
    return who.length
      ? { reason: 'privileged', detail: `${containersNamed(who)} must not set securityContext.privileged=true` }
      : undefined;
  },
};

/** Whoever has users of their own is root of nothing outside. */
export const ownUsers = (spec: Json, minor: number): boolean => spec.hostUsers === false && minor >= 35;

const procMount: Check = {
  since: 0,
  find({ spec }, minor) {
    if (ownUsers(spec, minor)) return undefined;
    const bad = (context: Json) => context.procMount !== undefined && context.procMount !== 'Default';
    const who = which(spec, bad);
    const types = sorted(
      containersOf(spec)
        .map(({ securityContext }) => securityContext ?? {})
        .filter(bad)
        .map((context) => context.procMount),
    );
    return who.length
      ? {
          reason: 'procMount',
          detail: `${containersNamed(who)} must not set securityContext.procMount to ${quoted(types)}`,
        }
      : undefined;
  },
};

const SELINUX = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const seLinux: Check = {
  since: 0,
  find({ spec }) {
    const options = (context: Json) => context.seLinuxOptions;
    const who = setters(spec, (context) => {
      const { type = '', user, role } = options(context) ?? {};
      return !SELINUX.includes(type) || user || role;
    });
    if (!who) return undefined;
    const all = valuesOf(spec, options);
    const types = sorted(all.map(({ type = '' }) => type).filter((type) => !SELINUX.includes(type)));
    const data = [
      ...(types.length ? [`${plural('type', 'types', types.length)} ${quoted(types)}`] : []),
      ...(all.some(({ user }) => user) ? ['user may not be set'] : []),
      ...(all.some(({ role }) => role) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
    };
  },
};

const seccompAllowed = (type: Json): boolean => ['RuntimeDefault', 'Localhost', undefined].includes(type);

export const seccomp: Check = {
  since: 19,
  find({ spec }) {
    const type = (context: Json) => context.seccompProfile?.type;
    const who = setters(spec, (context) => !seccompAllowed(type(context)));
    const bad = sorted(valuesOf(spec, type).filter((one) => !seccompAllowed(one)));
    return who
      ? {
          reason: 'seccompProfile',
          detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(bad)}`,
        }
      : undefined;
  },
};

/** Safe sysctls by the minor version that allowed them. */
const SYSCTLS: Record<string, number> = {
  'kernel.shm_rmid_forced': 0,
  'net.ipv4.ip_local_port_range': 0,
  'net.ipv4.tcp_syncookies': 0,
  'net.ipv4.ping_group_range': 0,
  'net.ipv4.ip_unprivileged_port_start': 0,
  'net.ipv4.ip_local_reserved_ports': 27,
  'net.ipv4.tcp_keepalive_time': 29,
  'net.ipv4.tcp_fin_timeout': 29,
  'net.ipv4.tcp_keepalive_intvl': 29,
  'net.ipv4.tcp_keepalive_probes': 29,
  'net.ipv4.tcp_rmem': 32,
  'net.ipv4.tcp_wmem': 32,
};

const sysctls: Check = {
  since: 0,
  find({ spec }, minor) {
    const bad = (spec.securityContext?.sysctls ?? [])
      .map(({ name }: Json) => name)
      .filter((name: string) => !(minor >= (SYSCTLS[name] ?? Number.NaN)));
    return bad.length ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
  },
};

const windowsHostProcess: Check = {
  since: 0,
  find({ spec }) {
    const who = setters(spec, (context) => context.windowsOptions?.hostProcess);
    return who
      ? { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` }
      : undefined;
  },
};

export const BASELINE: Check[] = [
  appArmor,
  capabilities,
  hostNamespaces,
  hostPaths,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinux,
  seccomp,
  sysctls,
  windowsHostProcess,
];
