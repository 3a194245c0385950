/** NetworkPolicies: kept and checked as a real server does; what enforces them is the node's network, which is none here. */
import { BlockList, isIP } from 'node:net';
import { type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import { at, type Json, type Obj } from '../json.ts';
import { AGE, column, NAME, selectorText } from './columns.ts';
import { define, generationOfSpec } from './define.ts';
import { labelSelectorFaults } from './label-selector.ts';

interface Network {
  address: string;
  family: 'ipv4' | 'ipv6';
  bits: number;
}

function network(text: string): Network | undefined {
  const [address = '', bits = '', more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > (version === 4 ? 32 : 128))
    return undefined;
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', bits: Number(bits) };
}

function strictlyInside(inner: Network, outer: Network): boolean {
  if (inner.family !== outer.family || inner.bits <= outer.bits) return false;
  const block = new BlockList();
  block.addSubnet(outer.address, outer.bits, outer.family);
  return block.check(inner.address, inner.family);
}

const CIDR_TEXT = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function blockFaults(field: string, { cidr = '', except = [] }: Json): FieldError[] {
  if (!cidr) return [required(`${field}.cidr`)];
  const outer = network(cidr);
  if (outer === undefined) return [invalidField(`${field}.cidr`, cidr, CIDR_TEXT)];
  return except.flatMap((one: string, i: number) => {
    const inner = network(one);
    if (inner === undefined) return [invalidField(`${field}.except[${i}]`, one, CIDR_TEXT)];
    return strictlyInside(inner, outer)
      ? []
      : [invalidField(`${field}.except[${i}]`, one, 'must be a strict subset of `cidr`')];
  });
}

function peerFaults(field: string, peer: Json): FieldError[] {
  const faults: FieldError[] = [];
  for (const name of ['podSelector', 'namespaceSelector'])
    if (peer[name]) faults.push(...labelSelectorFaults(`${field}.${name}`, peer[name]));
  if (peer.ipBlock) faults.push(...blockFaults(`${field}.ipBlock`, peer.ipBlock));
  if (!peer.podSelector && !peer.namespaceSelector && !peer.ipBlock)
    faults.push(required(field, 'must specify a peer'));
  else if (peer.ipBlock && (peer.podSelector || peer.namespaceSelector))
    faults.push(forbiddenField(field, 'may not specify both ipBlock and another peer'));
  return faults;
}

const RANGE_TEXT = 'must be between 1 and 65535, inclusive';

function portFaults(field: string, { protocol, port, endPort }: Json): FieldError[] {
  const faults: FieldError[] = [];
  if (protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(protocol))
    faults.push(notSupported(`${field}.protocol`, protocol, ['TCP', 'UDP', 'SCTP']));
  if (typeof port === 'number' && (port < 1 || port > 65535))
    faults.push(invalidField(`${field}.port`, port, RANGE_TEXT));
  if (typeof port === 'string' && !/^(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(port))
    faults.push(
      invalidField(`${field}.port`, port, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'),
    );
  if (endPort === undefined) return faults;
  if (port === undefined)
    faults.push(invalidField(`${field}.endPort`, endPort, 'may not be specified when `port` is not specified'));
  else if (typeof port === 'string')
    faults.push(invalidField(`${field}.endPort`, endPort, 'may not be specified when `port` is non-numeric'));
  else if (endPort < port)
    faults.push(invalidField(`${field}.endPort`, port, 'must be greater than or equal to `port`'));
  else if (endPort > 65535) faults.push(invalidField(`${field}.endPort`, endPort, RANGE_TEXT));
  return faults;
}

function faultsOf({ spec = {} }: Obj): FieldError[] {
  const faults = labelSelectorFaults('spec.podSelector', spec.podSelector);
  for (const [rules, peers] of [
    ['ingress', 'from'],
    ['egress', 'to'],
  ] as const) {
    for (const [i, rule] of (spec[rules] ?? []).entries()) {
      const field = `spec.${rules}[${i}]`;
      for (const [n, port] of (rule.ports ?? []).entries()) faults.push(...portFaults(`${field}.ports[${n}]`, port));
      for (const [n, peer] of (rule[peers] ?? []).entries())
        faults.push(...peerFaults(`${field}.${peers}[${n}]`, peer));
    }
  }
  const types: string[] = spec.policyTypes ?? [];
  if (types.length > 2)
    faults.push(invalidField('spec.policyTypes', types, 'may not specify more than two policyTypes'));
  else
    for (const [i, type] of types.entries())
      if (!['Ingress', 'Egress'].includes(type))
        faults.push(notSupported(`spec.policyTypes[${i}]`, type, ['Ingress', 'Egress']));
  return faults;
}

export const networkpolicies = define(
  'networking.k8s.io',
  'v1',
  'io.k8s.api.networking.v1',
  'NetworkPolicy',
  'networkpolicies',
  {
    singular: 'networkpolicy',
    shortNames: ['netpol'],
    generation: generationOfSpec,
    columns: [NAME, column('Pod-Selector', (policy) => selectorText(at(policy, 'spec.podSelector'))), AGE],
    defaults({ spec }) {
      if (!spec) return;
      spec.podSelector ??= {};
      spec.policyTypes ??= spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
        for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    },
    validate: faultsOf,
  },
);
