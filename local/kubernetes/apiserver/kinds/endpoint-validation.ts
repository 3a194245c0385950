/** Which Endpoints and EndpointSlices are refused. Addresses of the machine itself are taken: pods have them here. */
import { duplicate, type FieldError, invalidField, notSupported, required } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import {
  familyOf,
  ipFaults,
  keyFaultsAt,
  namedFaults,
  oneOf,
  PROTOCOLS,
  portNumberFaults,
  specialIpFaults,
} from './field-rules.ts';

/** Go looks at an address twice: whether it is one, and whether others can reach it. */
const reachFaults = (field: string, address: string): FieldError[] =>
  familyOf(address) === 0
    ? [invalidField(field, address, 'must be a valid IP address')]
    : specialIpFaults(field, address, true);

const addressFaults = (field: string, { ip = '', hostname, nodeName }: Json): FieldError[] => [
  ...ipFaults(`${field}.ip`, ip),
  ...(hostname ? namedFaults('label', `${field}.hostname`, hostname) : []),
  ...(nodeName === undefined ? [] : namedFaults('subdomain', `${field}.nodeName`, nodeName)),
  ...reachFaults(`${field}.ip`, ip),
];

const portFaults = (field: string, { name, port, protocol, appProtocol }: Json, several: boolean): FieldError[] => [
  ...(name ? namedFaults('label', `${field}.name`, name) : several ? [required(`${field}.name`)] : []),
  ...portNumberFaults(`${field}.port`, port),
  ...oneOf(`${field}.protocol`, protocol, PROTOCOLS),
  ...(appProtocol === undefined ? [] : keyFaultsAt(`${field}.appProtocol`, appProtocol)),
];

export const endpointsFaults = ({ subsets }: Obj): FieldError[] =>
  (subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }: Json, i: number) => {
    const field = `subsets[${i}]`;
    const none = addresses.length + notReadyAddresses.length === 0;
    return [
      ...(none ? [required(field, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((one: Json, n: number) => addressFaults(`${field}.addresses[${n}]`, one)),
      ...notReadyAddresses.flatMap((one: Json, n: number) => addressFaults(`${field}.notReadyAddresses[${n}]`, one)),
      ...ports.flatMap((port: Json, n: number) => portFaults(`${field}.ports[${n}]`, port, ports.length > 1)),
    ];
  });

const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 100;

const tooMany = (field: string, given: number, most: number): FieldError => ({
  type: 'TooMany',
  field,
  message: `Too many: ${given}: must have at most ${most} items`,
});

function domainFaults(field: string, domain: string): FieldError[] {
  if (domain === '') return [required(field)];
  const name = domain.replace(/\.$/, '');
  const faults = namedFaults('subdomain', field, name);
  if (faults.length) return faults;
  return name.includes('.')
    ? name.split('.').flatMap((label) => namedFaults('label', field, label))
    : [invalidField(field, domain, 'should be a domain with at least two segments separated by dots')];
}

/** What each type of addresses is checked for; the older type `IP` can only be kept. */
const ADDRESS: Record<string, (field: string, address: string) => FieldError[]> = {
  FQDN: domainFaults,
  IPv4: (field, address) => [
    ...(familyOf(address) === 4 ? [] : [invalidField(field, address, 'must be a valid IPv4 address')]),
    ...reachFaults(field, address),
  ],
  IPv6: (field, address) => [
    ...(familyOf(address) === 6 ? [] : [invalidField(field, address, 'must be a valid IPv6 address')]),
    ...reachFaults(field, address),
  ],
};

function slicePortsFaults(ports: Json[]): FieldError[] {
  if (ports.length > MAX_PORTS) return [tooMany('ports', ports.length, MAX_PORTS)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, i) => {
    const field = `ports[${i}]`;
    const again = names.has(name);
    names.add(name);
    return [
      ...(name ? namedFaults('label', `${field}.name`, name) : []),
      ...(again ? [duplicate(`${field}.name`, name)] : []),
      ...oneOf(`${field}.protocol`, protocol, PROTOCOLS),
      ...(appProtocol === undefined ? [] : keyFaultsAt(`${field}.appProtocol`, appProtocol)),
    ];
  });
}

export function sliceFaults({ addressType, ...slice }: Obj): FieldError[] {
  // Lists that are required are null where they are empty, as in Go.
  const endpoints: Json[] = slice.endpoints ?? [];
  const ports: Json[] = slice.ports ?? [];
  const types = Object.keys(ADDRESS);
  const faults: FieldError[] = [];
  if (!addressType) faults.push(required('addressType'));
  else if (!types.includes(addressType)) faults.push(notSupported('addressType', addressType, types));
  if (endpoints.length > MAX_ENDPOINTS) faults.push(tooMany('endpoints', endpoints.length, MAX_ENDPOINTS));
  else
    for (const [i, { addresses: given, hostname }] of endpoints.entries()) {
      const addresses: string[] = given ?? [];
      const field = `endpoints[${i}].addresses`;
      if (addresses.length === 0) faults.push(required(field, 'must contain at least 1 address'));
      if (addresses.length > MAX_ADDRESSES) faults.push(tooMany(field, addresses.length, MAX_ADDRESSES));
      for (const [n, address] of addresses.entries())
        faults.push(...(ADDRESS[addressType]?.(`${field}[${n}]`, address) ?? []));
      if (hostname !== undefined) faults.push(...namedFaults('label', `endpoints[${i}].hostname`, hostname));
    }
  return [...faults, ...slicePortsFaults(ports)];
}

export const sliceUpdateFaults = (next: Obj, old: Obj): FieldError[] =>
  next.addressType === old.addressType ? [] : [invalidField('addressType', next.addressType, 'field is immutable')];
