/** ConfigMaps and Secrets. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type FieldError, invalidField, required, tooLong } from '../errors.ts';
import { isMap, type Json, type Obj, same } from '../json.ts';
import { jsonFault } from '../schema/json-fault.ts';
import { AGE, column, NAME, text } from './columns.ts';
import { isDataKey, KEY_TEXT } from './data-keys.ts';
import { define } from './define.ts';
import type { Kind } from './kind.ts';

const core = (kind: string, resource: string, own: Parameters<typeof define>[5]): Kind =>
  define('', 'v1', 'io.k8s.api.core.v1', kind, resource, own);

const size = (map: Json): number => Object.keys(map ?? {}).length;

function keyFaults(field: string, map: Json): FieldError[] {
  return Object.keys(map ?? {})
    .sort()
    .flatMap((key) => (isDataKey(key) ? [] : [invalidField(`${field}[${key}]`, key, KEY_TEXT)]));
}

/** An immutable ConfigMap or Secret keeps its content and its flag. */
function immutableFaults(next: Obj, old: Obj, fields: string[]): FieldError[] {
  if (old.immutable !== true) return [];
  const faults: FieldError[] = [];
  if (next.immutable !== true) {
    faults.push({
      type: 'Forbidden',
      field: 'immutable',
      message: 'Forbidden: field is immutable when `immutable` is set',
    });
  }
  for (const field of fields) {
    if (same(next[field], old[field])) continue;
    faults.push({ type: 'Forbidden', field, message: 'Forbidden: field is immutable when `immutable` is set' });
  }
  return faults;
}

/** Bytes that a ConfigMap or Secret may hold. */
const CONTENT_LIMIT = 1024 * 1024;

/** Bytes of the values. */
const bytes = (map: Json, encoding: 'utf8' | 'base64'): number =>
  Object.values<string>(map ?? {}).reduce((sum, value) => sum + Buffer.byteLength(value, encoding), 0);

export const configmaps = core('ConfigMap', 'configmaps', {
  shortNames: ['cm'],
  columns: [NAME, column('Data', (map) => size(map.data) + size(map.binaryData)), AGE],
  validate: (map) => [
    ...keyFaults('data', map.data),
    ...Object.keys(map.binaryData ?? {})
      .filter((key) => map.data?.[key] !== undefined)
      .map((key) => invalidField(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...keyFaults('binaryData', map.binaryData),
    // The whole object is meant: Go's path of no field.
    ...(bytes(map.data, 'utf8') + bytes(map.binaryData, 'base64') > CONTENT_LIMIT
      ? [tooLong('[]', CONTENT_LIMIT)]
      : []),
  ],
  validateUpdate: (next, old) => immutableFaults(next, old, ['data', 'binaryData']),
});

const secretTypes: Record<string, string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** What Go's X509KeyPair finds wrong with a TLS secret; it is stored all the same. */
function keyPairFault(secret: Obj): string | undefined {
  const read = (key: string) => Buffer.from(String(secret.data?.[key] ?? ''), 'base64').toString('latin1');
  const [certificate, key] = [read('tls.crt'), read('tls.key')];
  const types = (pem: string) => [...pem.matchAll(/^-----BEGIN ([^-]+)-----/gm)].map(([, type]) => type);
  if (types(certificate).length === 0) return 'tls: failed to find any PEM data in certificate input';
  if (!types(certificate).includes('CERTIFICATE'))
    return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${types(certificate).join(' ')}]`;
  if (types(key).length === 0) return 'tls: failed to find any PEM data in key input';
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? undefined
      : 'tls: private key does not match public key';
  } catch {
    return 'tls: failed to parse certificate or private key';
  }
}

/** The JSON of a registry's credentials. */
function dockerFaults(secret: Obj): FieldError[] {
  const [key] = secretTypes[secret.type] ?? [];
  if (!key?.startsWith('.docker') || secret.data?.[key] === undefined) return [];
  const fault = jsonFault(Buffer.from(secret.data[key], 'base64').toString());
  return fault === undefined ? [] : [invalidField(`data[${key}]`, '<secret contents redacted>', fault)];
}

export const secrets = core('Secret', 'secrets', {
  columns: [NAME, column('Type', text('type')), column('Data', (secret) => size(secret.data)), AGE],
  fields: { type: (secret) => secret.type ?? '' },
  defaults(secret) {
    if (!secret.type) secret.type = 'Opaque';
    if (!isMap(secret.stringData)) return;
    secret.data = { ...secret.data };
    for (const [key, value] of Object.entries(secret.stringData))
      secret.data[key] = Buffer.from(String(value)).toString('base64');
    delete secret.stringData;
  },
  validate: (secret) => {
    const faults = keyFaults('data', secret.data);
    for (const key of secretTypes[secret.type] ?? []) {
      if (secret.data?.[key] === undefined) faults.push(required(`data[${key}]`));
    }
    faults.push(...dockerFaults(secret));
    if (secret.type === 'kubernetes.io/basic-auth' && !secret.data?.username && !secret.data?.password) {
      faults.push(required('data[username]'), required('data[password]'));
    }
    if (
      secret.type === 'kubernetes.io/service-account-token' &&
      !secret.metadata.annotations?.['kubernetes.io/service-account.name']
    ) {
      faults.push(required('metadata.annotations[kubernetes.io/service-account.name]'));
    }
    if (bytes(secret.data, 'base64') > CONTENT_LIMIT) faults.push(tooLong('data', CONTENT_LIMIT));
    return faults;
  },
  warnings(secret) {
    const fault = secret.type === 'kubernetes.io/tls' ? keyPairFault(secret) : undefined;
    return fault === undefined ? [] : [fault];
  },
  validateUpdate: (next, old) => [
    ...(next.type !== old.type ? [invalidField('type', next.type, 'field is immutable')] : []),
    ...immutableFaults(next, old, ['data']),
  ],
});
