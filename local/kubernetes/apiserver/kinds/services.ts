/** Services: their defaults, addresses and ports. */
import { duplicate, type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { at, isMap, type Json, type Obj } from '../json.ts';
import { keyFaults } from '../storage/selectors.ts';
import { AGE, column, mapText, NAME, wide } from './columns.ts';
import { define } from './define.ts';
import type { Surroundings } from './kind.ts';
import { isLabel, LABEL_TEXT } from './names.ts';

/** Addresses of services lie in 10.96.0.0/16, as kubeadm has it; the first is the API server's own. */
const RANGE = '10.96.';
/** Of the addresses of services. */
export const SERVICE_RANGE = `${RANGE}0.0/16`;

const externalIp = (service: Obj): string => {
  const ingress: Json[] = at(service, 'status.loadBalancer.ingress') ?? [];
  const found = ingress.map(({ ip, hostname }) => ip ?? hostname);
  const given: string[] = at(service, 'spec.externalIPs') ?? [];
  switch (at(service, 'spec.type')) {
    case 'LoadBalancer':
      return [...found, ...given].join(',') || '<pending>';
    case 'ExternalName':
      return at(service, 'spec.externalName') ?? '<none>';
    default:
      return given.join(',') || '<none>';
  }
};

const usedIps = (around: Surroundings): Set<string> =>
  new Set(around.all('services').map((service) => at(service, 'spec.clusterIP')));
const usedPorts = (around: Surroundings): Set<number> =>
  new Set(
    around
      .all('services')
      .flatMap((service) => (at(service, 'spec.ports') ?? []).map(({ nodePort }: Json) => nodePort)),
  );

function freeIp(around: Surroundings): string {
  const used = usedIps(around);
  for (let tries = 0; tries < 100_000; tries++) {
    const n = 2 + Math.floor(Math.random() * 65_000);
    const ip = `${RANGE}${n >> 8}.${n & 255}`;
    if (!used.has(ip)) return ip;
  }
  throw new Error('no address is left in 10.96.0.0/16');
}

function allocate(service: Obj, around: Surroundings): void {
  const spec = service.spec;
  const internal = spec.type !== 'ExternalName';
  if (internal) {
    if (!spec.clusterIP) spec.clusterIP = spec.clusterIPs?.[0] ?? freeIp(around);
    spec.clusterIPs ??= [spec.clusterIP];
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  } else {
    for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) delete spec[key];
  }
  const open =
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  const used = usedPorts(around);
  for (const port of spec.ports ?? []) {
    if (!open) delete port.nodePort;
    else if (!port.nodePort) {
      do port.nodePort = 30_000 + Math.floor(Math.random() * 2768);
      while (used.has(port.nodePort));
    }
    if (port.nodePort) used.add(port.nodePort);
  }
}

const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

function faultsOf(service: Obj): FieldError[] {
  const spec = service.spec;
  const faults: FieldError[] = [];
  const ports: Json[] = spec.ports ?? [];
  if (ports.length === 0 && spec.clusterIP !== 'None' && spec.type !== 'ExternalName')
    faults.push(required('spec.ports'));
  if (spec.type === 'ExternalName' && !spec.externalName) faults.push(required('spec.externalName'));
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [i, port] of ports.entries()) {
    const field = `spec.ports[${i}]`;
    if (!port.name) {
      if (ports.length > 1) faults.push(required(`${field}.name`));
    } else if (!isLabel(port.name)) faults.push(invalidField(`${field}.name`, port.name, LABEL_TEXT));
    else if (names.has(port.name)) faults.push(duplicate(`${field}.name`, port.name));
    if (port.name) names.add(port.name);
    const range = (name: string, value: Json) => {
      if (typeof value === 'number' && (value < 1 || value > 65535))
        faults.push(invalidField(`${field}.${name}`, value, 'must be between 1 and 65535, inclusive'));
    };
    range('port', port.port);
    if (!['TCP', 'UDP', 'SCTP'].includes(port.protocol))
      faults.push(notSupported(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    range('targetPort', port.targetPort);
    if (typeof port.targetPort === 'string' && !PORT_NAME.test(port.targetPort)) {
      faults.push(
        invalidField(
          `${field}.targetPort`,
          port.targetPort,
          'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
        ),
      );
    }
    const key = `${port.protocol}/${port.port}`;
    if (numbers.has(key)) {
      faults.push({
        type: 'Duplicate',
        field,
        message: `Duplicate value: {"Name":"","Protocol":${JSON.stringify(port.protocol)},"AppProtocol":null,"Port":${port.port},"TargetPort":0,"NodePort":0}`,
      });
    }
    numbers.add(key);
  }
  if (!['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'].includes(spec.type)) {
    faults.push(notSupported('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']));
  }
  for (const key of Object.keys(spec.selector ?? {}))
    for (const why of keyFaults(key)) faults.push(invalidField('spec.selector', key, why));
  if (spec.clusterIP && spec.clusterIP !== 'None' && !/^(\d{1,3}\.){3}\d{1,3}$/.test(spec.clusterIP)) {
    faults.push(
      invalidField(
        'spec.clusterIPs[0]',
        spec.clusterIP,
        'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ),
    );
  } else if (spec.clusterIP && spec.clusterIP !== 'None' && !spec.clusterIP.startsWith(RANGE)) {
    faults.push(
      invalidField(
        'spec.clusterIPs',
        spec.clusterIPs,
        `failed to allocate IP ${spec.clusterIP}: the provided network does not match the current range`,
      ),
    );
  }
  return faults;
}

export const services = define('', 'v1', 'io.k8s.api.core.v1', 'Service', 'services', {
  shortNames: ['svc'],
  categories: ['all'],
  status: true,
  nameRule: 'service',
  deleteAnswersObject: true,
  columns: [
    NAME,
    column('Type', (service) => at(service, 'spec.type') ?? ''),
    column('Cluster-IP', (service) => at(service, 'spec.clusterIP') || '<none>'),
    column('External-IP', externalIp),
    column(
      'Port(s)',
      (service) =>
        (at(service, 'spec.ports') ?? [])
          .map(({ port, nodePort, protocol }: Json) =>
            nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
          )
          .join(',') || '<none>',
    ),
    AGE,
    wide('Selector', (service) => mapText(at(service, 'spec.selector'))),
  ],
  fields: {
    'spec.clusterIP': (service) => at(service, 'spec.clusterIP') ?? '',
    'spec.type': (service) => at(service, 'spec.type') ?? '',
  },
  defaults(service) {
    const { spec } = service;
    if (!isMap(spec)) return;
    spec.type ||= 'ClusterIP';
    spec.sessionAffinity ||= 'None';
    if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } };
    for (const port of spec.ports ?? []) {
      port.protocol ||= 'TCP';
      if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
    }
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
    if (spec.type !== 'LoadBalancer') return;
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  },
  prepareCreate(service, around) {
    service.status = { loadBalancer: {} };
    allocate(service, around);
  },
  prepareUpdate(next, old, around) {
    next.status = old.status;
    const spec = next.spec;
    const before = old.spec;
    if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
      spec.clusterIP ||= before.clusterIP;
      spec.clusterIPs ??= before.clusterIPs;
      spec.ipFamilies ??= before.ipFamilies;
      spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
    }
    if (spec.type === 'ClusterIP') {
      delete spec.externalTrafficPolicy;
      delete spec.allocateLoadBalancerNodePorts;
    }
    if (spec.type === 'NodePort') delete spec.allocateLoadBalancerNodePorts;
    for (const [i, port] of (spec.ports ?? []).entries()) {
      const twin =
        (before.ports ?? []).find((one: Json) => (port.name ? one.name === port.name : one.port === port.port)) ??
        before.ports?.[i];
      if (!port.nodePort && twin?.nodePort) port.nodePort = twin.nodePort;
    }
    allocate(next, around);
  },
  validate: faultsOf,
  validateUpdate(next, old) {
    const [now, before] = [at(next, 'spec.clusterIP'), at(old, 'spec.clusterIP')];
    if (before && now !== before && at(next, 'spec.type') !== 'ExternalName') {
      return [invalidField('spec.clusterIPs[0]', now, 'may not change once set')];
    }
    return [];
  },
});
