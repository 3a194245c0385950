/** Rules that fields of several kinds share: ports, addresses, ids, names and paths, in the words of `k8s.io/apimachinery/pkg/util/validation`. */
import { isIP } from 'node:net';
import { type FieldError, invalidField, notSupported } from '../errors.ts';
import type { Json } from '../json.ts';
import { keyFaults, valueFaults } from '../storage/selectors.ts';
import { type NameRule, nameFaults } from './names.ts';

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** A value of a few; what was left out has a default or is checked elsewhere. */
export const oneOf = (field: string, value: Json, allowed: string[]): FieldError[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(field, value, allowed)];

const between = (field: string, value: number, low: number, high: number): FieldError[] =>
  value >= low && value <= high ? [] : [invalidField(field, value, `must be between ${low} and ${high}, inclusive`)];

/** 32 bits with a sign, as Go counts most things. */
export const MAX_INT32 = 2 ** 31 - 1;

export const rangeFaults = (field: string, value: number | undefined, low: number, high: number): FieldError[] =>
  value === undefined ? [] : between(field, value, low, high);

export const notNegative = (field: string, value: number | undefined): FieldError[] =>
  value === undefined || value >= 0 ? [] : [invalidField(field, value, 'must be greater than or equal to 0')];

export const portNumberFaults = (field: string, value = 0): FieldError[] => between(field, value, 1, 65_535);

export function portNameFaults(field: string, name: string): FieldError[] {
  const faults: string[] = [];
  if (name.length > 15) faults.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(name)) faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(name)) faults.push('must contain at least one letter (a-z)');
  if (name.includes('--')) faults.push('must not contain consecutive hyphens');
  if (/^-|-$/.test(name)) faults.push('must not begin or end with a hyphen');
  return faults.map((why) => invalidField(field, name, why));
}

/** A port by its number or by the name that a container gives it. */
export const portFaults = (field: string, port: Json): FieldError[] =>
  typeof port === 'string' ? portNameFaults(field, port) : portNumberFaults(field, port);

/** 4, 6, or 0 for what is no address; one with a zone is none. */
export const familyOf = (address: Json): number =>
  typeof address === 'string' && !address.includes('%') ? isIP(address) : 0;

export const ipFaults = (field: string, address: Json = ''): FieldError[] =>
  familyOf(address) === 0
    ? [invalidField(field, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
    : [];

export function cidrFaults(field: string, cidr: string): FieldError[] {
  const [, address, bits] = /^(.+)\/(\d{1,3})$/.exec(cidr) ?? [];
  const family = familyOf(address);
  return family !== 0 && Number(bits) <= (family === 4 ? 32 : 128)
    ? []
    : [invalidField(field, cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
}

const SPECIAL: [RegExp, (address: string) => string][] = [
  [/^(0\.0\.0\.0|::)$/, (address) => `may not be unspecified (${address})`],
  [/^(127\.|::1$)/, () => 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [/^(169\.254\.|fe[89ab])/i, () => 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [/^(224\.0\.0\.|ff02)/i, () => 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];

/** Addresses that mean nothing to others, or only on one node. `loopback`: those of the machine itself may stand there. */
export const specialIpFaults = (field: string, address: string, loopback = false): FieldError[] =>
  SPECIAL.filter(([form], i) => form.test(address) && !(loopback && i === 1)).map(([, why]) =>
    invalidField(field, address, why(address)),
  );

/** Numbers of users and groups. */
export const idFaults = (field: string, id: number | undefined): FieldError[] => rangeFaults(field, id, 0, MAX_INT32);

/** A name by one of the rules of `names.ts`. */
export const namedFaults = (rule: NameRule, field: string, name: string): FieldError[] =>
  nameFaults(rule, name).map((why) => invalidField(field, name, why));

/** A qualified name, such as the key of a label. */
export const keyFaultsAt = (field: string, key = ''): FieldError[] =>
  keyFaults(key).map((why) => invalidField(field, key, why));

/** Keys and values of labels. */
export const labelsFaults = (field: string, labels: Json): FieldError[] =>
  Object.entries<string>(labels ?? {}).flatMap(([key, value]) => [
    ...keyFaultsAt(field, key),
    ...valueFaults(value).map((why) => invalidField(field, value, why)),
  ]);

export const backstepFaults = (field: string, path: string): FieldError[] =>
  path.split('/').includes('..') ? [invalidField(field, path, "must not contain '..'")] : [];

/** A path below where it is used. */
export const relativePathFaults = (field: string, path: string): FieldError[] => [
  ...(path.startsWith('/') ? [invalidField(field, path, 'must be a relative path')] : []),
  ...backstepFaults(field, path),
];

/** A relative path that does not begin like the kubelet's own files (`..data`). */
export const filePathFaults = (field: string, path: string): FieldError[] => [
  ...relativePathFaults(field, path),
  ...(path.startsWith('..') && !path.startsWith('../') ? [invalidField(field, path, "must not start with '..'")] : []),
];
