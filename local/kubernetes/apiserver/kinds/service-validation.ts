/** Which services are refused. */
import { duplicate, type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import {
  cidrFaults,
  ipFaults,
  labelsFaults,
  namedFaults,
  oneOf,
  PROTOCOLS,
  portFaults,
  portNumberFaults,
  specialIpFaults,
} from './field-rules.ts';
import type { Surroundings } from './kind.ts';
import { allocationFaults, isHeadless, usesNodePorts } from './service-addresses.ts';

/** Traffic from outside of the cluster reaches it. */
export const isReached = (spec: Json): boolean =>
  usesNodePorts(spec) || (spec.type === 'ClusterIP' && !!spec.externalIPs?.length);

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

function typeFaults(spec: Json): FieldError[] {
  if (usesNodePorts(spec) && isHeadless(spec))
    return [invalidField('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)];
  if (spec.type !== 'ExternalName') return [];
  const faults: FieldError[] = [];
  for (const field of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy'])
    if (spec[field]?.length || (field === 'clusterIPs' && spec.clusterIP))
      faults.push(forbiddenField(`spec.${field}`, 'may not be set for ExternalName services'));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  return [...faults, ...(name ? namedFaults('subdomain', 'spec.externalName', name) : [required('spec.externalName')])];
}

function portsFaults(spec: Json): FieldError[] {
  const ports: Json[] = spec.ports ?? [];
  const names = new Set<string>();
  const faults = ports.flatMap((port, i) => {
    const field = `spec.ports[${i}]`;
    const own: FieldError[] = [];
    if (port.name) {
      own.push(...namedFaults('label', `${field}.name`, port.name));
      if (names.has(port.name)) own.push(duplicate(`${field}.name`, port.name));
      names.add(port.name);
    } else if (ports.length > 1) own.push(required(`${field}.name`));
    return [
      ...own,
      ...portNumberFaults(`${field}.port`, port.port),
      ...oneOf(`${field}.protocol`, port.protocol, PROTOCOLS),
      ...portFaults(`${field}.targetPort`, port.targetPort),
    ];
  });
  return faults;
}

/** Ports that exclude each other. */
function portPairFaults(spec: Json): FieldError[] {
  const ports: Json[] = spec.ports ?? [];
  const faults: FieldError[] = [];
  if (spec.type === 'ClusterIP')
    for (const [i, { nodePort }] of ports.entries())
      if (nodePort)
        faults.push(forbiddenField(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
  const twice = (i: number, field: string): boolean =>
    ports.slice(0, i).some((one) => one.protocol === ports[i].protocol && one[field] === ports[i][field]);
  for (const [i, { nodePort }] of ports.entries())
    if (nodePort && twice(i, 'nodePort')) faults.push(duplicate(`spec.ports[${i}].nodePort`, nodePort));
  for (const [i, { protocol, port }] of ports.entries()) {
    const key = { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 };
    if (twice(i, 'port')) faults.push(duplicate(`spec.ports[${i}]`, key));
  }
  return faults;
}

const MAX_AFFINITY_SECONDS = 86_400;

function affinityFaults({ sessionAffinity, sessionAffinityConfig }: Json): FieldError[] {
  const faults = oneOf('spec.sessionAffinity', sessionAffinity, ['ClientIP', 'None']);
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (sessionAffinity === 'ClientIP' && (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS))
    faults.push(
      invalidField(
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
        seconds,
        `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
      ),
    );
  return faults;
}

const FOR_BALANCERS = "may only be used when `type` is 'LoadBalancer'";
const POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];

function trafficFaults(spec: Json): FieldError[] {
  const faults: FieldError[] = [];
  const balanced = spec.type === 'LoadBalancer';
  const ranges: string[] = spec.loadBalancerSourceRanges ?? [];
  // Go writes the name of its own field.
  const field = 'spec.LoadBalancerSourceRanges';
  if (ranges.length && !balanced) faults.push(forbiddenField(field, FOR_BALANCERS));
  for (const [i, range] of ranges.entries()) faults.push(...cidrFaults(`${field}[${i}]`, range.trim()));
  for (const name of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'])
    if (spec[name] !== undefined && !balanced) faults.push(forbiddenField(`spec.${name}`, FOR_BALANCERS));
  const outside = spec.externalTrafficPolicy;
  if (isReached(spec)) faults.push(...oneOf('spec.externalTrafficPolicy', outside, POLICIES));
  else if (outside)
    faults.push(
      invalidField('spec.externalTrafficPolicy', outside, 'may only be set for externally-accessible services'),
    );
  return [
    ...faults,
    ...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, POLICIES),
    ...oneOf('spec.trafficDistribution', spec.trafficDistribution, DISTRIBUTIONS),
  ];
}

export function serviceFaults(service: Obj, around: Surroundings): FieldError[] {
  const { spec } = service;
  // Addresses and ports are given out before the rest is looked at.
  const unallocated = allocationFaults(service, around);
  if (unallocated.length) return unallocated;
  return [
    ...(spec.ports?.length || isHeadless(spec) || spec.type === 'ExternalName' ? [] : [required('spec.ports')]),
    ...typeFaults(spec),
    ...portsFaults(spec),
    ...labelsFaults('spec.selector', spec.selector),
    ...affinityFaults(spec),
    ...(spec.externalIPs ?? []).flatMap((ip: string, i: number) => {
      const field = `spec.externalIPs[${i}]`;
      const faults = ipFaults(field, ip);
      return faults.length ? faults : specialIpFaults(field, ip);
    }),
    ...(TYPES.includes(spec.type) ? [] : [notSupported('spec.type', spec.type, TYPES)]),
    ...portPairFaults(spec),
    ...trafficFaults(spec),
  ];
}
