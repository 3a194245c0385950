/** The addresses and node ports of services: which are free, which are given out, and which cannot be had. */
import { duplicate, type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { at, type Json, type Obj, same } from '../json.ts';
import { familyOf, ipFaults, oneOf } from './field-rules.ts';
import type { Surroundings } from './kind.ts';

/** Addresses of services lie in 10.96.0.0/16, as kubeadm has it; the first is the API server's own. */
const RANGE = '10.96.';
/** Of the addresses of services. */
export const SERVICE_RANGE = `${RANGE}0.0/16`;

/** Of the ports of nodes. */
const FIRST_PORT = 30_000;
const LAST_PORT = 32_767;

export const isHeadless = ({ clusterIP }: Json): boolean => clusterIP === 'None';
export const usesNodePorts = ({ type }: Json): boolean => type === 'NodePort' || type === 'LoadBalancer';

/** The specs of all services but this one. */
const others = (service: Obj, around: Surroundings): Json[] =>
  around
    .all('services')
    .filter(({ metadata }) => metadata.uid !== service.metadata.uid)
    .map(({ spec }) => spec ?? {});
const ipsOf = (specs: Json[]): Set<string> =>
  new Set(specs.flatMap(({ clusterIP, clusterIPs = [] }) => [clusterIP, ...clusterIPs]));
const nodePortsOf = (specs: Json[]): Set<number> =>
  new Set(specs.flatMap(({ ports }) => (ports ?? []).map(({ nodePort }: Json) => nodePort)));

function freeIp(used: Set<string>): string {
  for (let tries = 0; tries < 100_000; tries++) {
    const n = 2 + Math.floor(Math.random() * 65_000);
    const ip = `${RANGE}${n >> 8}.${n & 255}`;
    if (!used.has(ip)) return ip;
  }
  throw new Error('no address is left in 10.96.0.0/16');
}

function freePort(used: Set<number>): number {
  if (used.size > LAST_PORT - FIRST_PORT) throw new Error('no port of the nodes is left');
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (!used.has(port)) return port;
  }
}

/** Without a selector its endpoints come from elsewhere, of both families. */
const isOpen = (spec: Json): boolean => isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;

/** Gives a service the addresses and ports that it needs and does not name. */
export function allocate(service: Obj, around: Surroundings): void {
  const { spec } = service;
  const specs = others(service, around);
  if (spec.type !== 'ExternalName') {
    const here = (spec.ipFamilies?.[0] ?? 'IPv4') === 'IPv4';
    if (here && !spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIP = freeIp(ipsOf(specs));
    if (spec.clusterIP) spec.clusterIPs ??= [spec.clusterIP];
    spec.ipFamilyPolicy ??= isOpen(spec) ? 'RequireDualStack' : 'SingleStack';
    const both = isOpen(spec) && spec.ipFamilyPolicy !== 'SingleStack';
    spec.ipFamilies ??= both ? ['IPv4', 'IPv6'] : ['IPv4'];
  }
  if (!usesNodePorts(spec) || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts === false)) return;
  const used = nodePortsOf([...specs, spec]);
  for (const port of spec.ports ?? []) {
    if (port.nodePort) continue;
    port.nodePort = freePort(used);
    used.add(port.nodePort);
  }
}

/** A service that changes keeps what it was given; what its new type has no use for goes, where the client did not change that, too. */
export function keepAllocated(next: Obj, old: Obj): void {
  const [spec, before] = [next.spec, old.spec];
  const [inside, wasInside] = [spec, before].map(({ type }) => type !== 'ExternalName');
  const fields = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'];
  // A client that knows one address only changes that one.
  if (spec.clusterIP && spec.clusterIP !== before.clusterIP && same(spec.clusterIPs, before.clusterIPs))
    spec.clusterIPs = [spec.clusterIP];
  if (inside && wasInside)
    for (const field of fields) if (spec[field] === undefined || spec[field] === '') spec[field] = before[field];
  if (!inside && wasInside) for (const field of fields) if (same(spec[field], before[field])) delete spec[field];
  if (!usesNodePorts(before)) return;
  if (!usesNodePorts(spec)) {
    const ports = nodePortsOf([spec]);
    if (same([...ports].sort(), [...nodePortsOf([before])].sort()))
      for (const port of spec.ports ?? []) delete port.nodePort;
    return;
  }
  for (const [i, port] of (spec.ports ?? []).entries()) {
    const twin =
      (before.ports ?? []).find((one: Json) => (port.name ? one.name === port.name : one.port === port.port)) ??
      before.ports?.[i];
    if (!port.nodePort && twin?.nodePort) port.nodePort = twin.nodePort;
  }
}

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];

/** What addresses, families and policy say about each other. */
function formFaults({ clusterIP = '', clusterIPs = [], ipFamilies = [], ipFamilyPolicy }: Json): FieldError[] {
  const at = 'spec.clusterIPs';
  const faults: FieldError[] = [];
  if (clusterIP !== '' && clusterIPs.length === 0) faults.push(required(at));
  else if (clusterIP !== '' && clusterIPs[0] !== clusterIP)
    faults.push(invalidField(at, clusterIPs, 'first value must match `clusterIP`'));
  else if (clusterIP === '' && clusterIPs.length > 0)
    faults.push(invalidField(at, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  for (const [i, family] of ipFamilies.entries()) {
    const field = `spec.ipFamilies[${i}]`;
    if (!FAMILIES.includes(family)) faults.push(notSupported(field, family, FAMILIES));
    if (ipFamilies.indexOf(family) < i) faults.push(duplicate(field, family));
  }
  faults.push(...oneOf('spec.ipFamilyPolicy', ipFamilyPolicy, POLICIES));
  if (clusterIPs[0] === 'None') {
    if (clusterIPs.length > 1) faults.push(invalidField(at, clusterIPs, "'None' must be the first and only value"));
    return faults;
  }
  const wrong = clusterIPs.flatMap((ip: string, i: number) => ipFaults(`${at}[${i}]`, ip));
  faults.push(...wrong);
  if (clusterIPs.length > 2) faults.push(invalidField(at, clusterIPs, 'may only hold up to 2 values'));
  if (wrong.length) return faults;
  if (new Set(clusterIPs.map(familyOf)).size < clusterIPs.length)
    faults.push(invalidField(at, clusterIPs, 'may specify no more than one IP for each IP family'));
  for (const [i, ip] of clusterIPs.entries()) {
    const family = ipFamilies[i];
    if (FAMILIES.includes(family) && family !== `IPv${familyOf(ip)}`)
      faults.push(invalidField(`${at}[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  }
  return faults;
}

/** There is one family here: IPv4. */
function familyFaults(spec: Json): FieldError[] {
  if (isOpen(spec)) return [];
  const { ipFamilyPolicy: policy, clusterIPs = [], ipFamilies = [] } = spec;
  const field = 'spec.ipFamilyPolicy';
  const several = (what: string): FieldError =>
    invalidField(field, policy, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
  const faults: FieldError[] = [];
  if (policy === 'SingleStack' && clusterIPs.length > 1) faults.push(several('cluster IPs'));
  if (policy === 'SingleStack' && ipFamilies.length > 1) faults.push(several('IP families'));
  if (policy === 'RequireDualStack')
    faults.push(invalidField(field, policy, 'this cluster is not configured for dual-stack services'));
  for (const [i, family] of ipFamilies.entries())
    if (family !== 'IPv4') faults.push(invalidField(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster'));
  return faults;
}

function ipFault({ clusterIP, clusterIPs }: Json, used: Set<string>): FieldError[] {
  const why = !clusterIP.startsWith(RANGE)
    ? 'the provided network does not match the current range'
    : used.has(clusterIP) && 'provided IP is already allocated';
  return why ? [invalidField('spec.clusterIPs', clusterIPs, `failed to allocate IP ${clusterIP}: ${why}`)] : [];
}

const PORT_RANGE = `provided port is not in the valid range. The range of valid ports is ${FIRST_PORT}-${LAST_PORT}`;

function nodePortFault(ports: Json[], used: Set<number>): FieldError[] {
  for (const [i, { nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    const why =
      nodePort < FIRST_PORT || nodePort > LAST_PORT
        ? PORT_RANGE
        : used.has(nodePort) && 'provided port is already allocated';
    if (why) return [invalidField(`spec.ports[${i}].nodePort`, nodePort, why)];
  }
  return [];
}

/** Why the addresses and ports that a service names cannot be had; the first reason only, as they are given out one after the other. */
export function allocationFaults(service: Obj, around: Surroundings): FieldError[] {
  const { spec, metadata } = service;
  if (spec.type === 'ExternalName') return [];
  const form = formFaults(spec);
  if (form.length) return form;
  const family = familyFaults(spec);
  if (family.length) return family;
  const specs = others(service, around);
  const before = metadata.resourceVersion ? around.find('services', metadata.namespace, metadata.name) : undefined;
  // That an address does not change is another rule.
  const kept = before !== undefined && at(before, 'spec.type') !== 'ExternalName';
  const ip = kept || isHeadless(spec) ? [] : ipFault(spec, ipsOf(specs));
  if (ip.length || !usesNodePorts(spec)) return ip;
  return nodePortFault(spec.ports ?? [], nodePortsOf(specs));
}
