/** Reads the body of a request: JSON or YAML, of the right kind, decoded as Go would. */
import type { KindCall } from '../call.ts';
import { badRequest, invalid, invalidField, unsupportedMedia } from '../errors.ts';
import { isMap, type Json, type Obj } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import { DecodeError, decode } from '../schema/decode.ts';
import { readRepeats } from '../schema/duplicates.ts';
import { jsonFault } from '../schema/json-fault.ts';
import { parseProtobuf } from '../schema/protobuf.ts';
import { yamlLibrary } from '../yaml.ts';

export const SPOKEN = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';

const typeOf = (header: string | undefined): string => (header ?? '').split(';')[0]!.trim().toLowerCase();

/** Parses JSON or YAML as the content type says. Throws 415 or 400. */
export function parseBody(call: { body: Buffer; headers: { 'content-type'?: string | undefined } }): {
  value: Json;
  text: string;
} {
  const type = typeOf(call.headers['content-type']);
  const text = call.body.toString('utf8');
  if (type === '' || type === 'application/json') return { value: parseJson(text), text };
  if (type === 'application/yaml' || type === 'text/yaml' || type === 'application/x-yaml')
    return { value: parseYaml(text), text };
  if (type === 'application/vnd.kubernetes.protobuf') {
    // Zero values and empty lists come as Go has them in memory; as JSON they are what a client would have written.
    return { value: parseProtobuf(call.body), text: '' };
  }
  throw unsupportedMedia(`the body of the request was in an unknown format - accepted media types include: ${SPOKEN}`);
}

export function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    throw new DecodeError(jsonFault(text));
  }
}

/** YAML 1.1, as Kubernetes reads it. */
export function parseYaml(text: string): Json {
  const [document] = yamlLibrary().parseAllDocuments(text, { version: '1.1', merge: true });
  if (document === undefined || !('toJS' in document)) return null;
  if (document.errors.length > 0)
    throw new DecodeError(`error converting YAML to JSON: yaml: ${document.errors[0]!.message.split('\n')[0]}`);
  return plain(document.toJS({ maxAliasCount: 100 }));
}

/** Keys are texts, dates are what was written. */
function plain(value: unknown): Json {
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return value;
}

const handled = (kind: Kind, version: string, why: string) =>
  badRequest(`${kind.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${why}`);

export interface Options {
  fieldValidation: 'Ignore' | 'Warn' | 'Strict';
}

/** Decodes a value as an object of the kind; unknown fields warn or are refused as `fieldValidation` says. Throws 400. */
export function decodeAs(call: { warnings: string[] }, kind: Kind, value: Json, options: Options, text?: string): Obj {
  if (kind.custom) return value as Obj;
  const read = text === undefined || options.fieldValidation === 'Ignore' ? undefined : readRepeats(text);
  const repeated = read?.repeated ?? [];
  const { value: object, unknown } = decode(kind.type, repeated.length ? read?.value : value);
  const texts = [
    ...unknown.map((field) => `unknown field ${JSON.stringify(field)}`),
    ...repeated.map((field) => `duplicate field ${JSON.stringify(field)}`),
  ];
  if (texts.length && options.fieldValidation === 'Strict')
    throw new DecodeError(`strict decoding error: ${texts.join(', ')}`);
  if (options.fieldValidation === 'Warn') call.warnings.push(...texts);
  // An empty list of managed fields says something: forget them.
  if (value?.metadata?.managedFields?.length === 0) object.metadata.managedFields = [];
  return { kind: kind.kind, apiVersion: apiVersionOf(kind), ...object } as Obj;
}

/** A body of another kind is read as what it says it is, and then is not what belongs here. */
function otherKind(call: KindCall, kind: Kind, asked: { kind: string; apiVersion: string }, value: Json) {
  const expected = apiVersionOf(kind);
  const version = asked.apiVersion.slice(asked.apiVersion.indexOf('/') + 1);
  if (kind.custom) {
    // Of a version that is not this one, nothing but metadata is known.
    if (asked.kind === kind.kind)
      for (const key of Object.keys(value).sort())
        if (!['apiVersion', 'kind', 'metadata'].includes(key))
          call.warnings.push(`unknown field ${JSON.stringify(key)}`);
    return asked.kind === kind.kind
      ? badRequest(
          `the API version in the data (${asked.apiVersion}) does not match the expected API version (${expected})`,
        )
      : invalid({ group: kind.group, kind: asked.kind }, value.metadata?.name ?? '', [
          invalidField('kind', asked.kind, `must be ${kind.kind}`),
        ]);
  }
  const refused = (why: string) =>
    badRequest(`${asked.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind.kind}: ${why}`);
  const known = call.context.registry.byKind(asked.apiVersion, asked.kind);
  if (known === undefined) {
    return refused(
      `no kind ${JSON.stringify(asked.kind)} is registered for version ${JSON.stringify(asked.apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  try {
    decode(known.type, value);
  } catch (error) {
    if (error instanceof DecodeError) return refused(error.message);
    throw error;
  }
  const go = (one: Kind, pkg: string) => `(${pkg}.${one.kind})`;
  return refused(
    `converting ${go(known, known.version)} to ${go(kind, kind.group.split('.')[0] || 'core')}: unknown conversion`,
  );
}

/** Bytes shown of a body that cannot be read; of what does not begin like JSON, in hexadecimal. */
const SHOWN = 30;

const summary = (text: string): string => {
  if (text === '') return '<empty>';
  const show = (part: string) => (text.startsWith('{') ? part : Buffer.from(part).toString('hex'));
  return text.length > SHOWN ? `${show(text.slice(0, SHOWN))} ...` : show(text);
};

const unrecognized = (kind: Kind, why: string, text: string) =>
  badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): ${why} (${summary(text)})`);

/** The object in the body of a POST or PUT. Throws 400, 415. */
export function objectOf(call: KindCall, options: Options, kind: Kind = call.kind): Obj {
  let value: Json;
  let text: string;
  try {
    ({ value, text } = parseBody(call));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw unrecognized(
      kind,
      `couldn't get version/kind; json parse error: ${error.message}`,
      call.body.toString('utf8'),
    );
  }
  if (!isMap(value))
    throw badRequest(
      'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
    );
  const apiVersion = value.apiVersion ?? '';
  const name = value.kind ?? '';
  if (kind.custom) {
    if (!name) throw unrecognized(kind, `Object 'Kind' is missing in '${text.trim()}'`, text);
    if (!apiVersion) throw unrecognized(kind, `Object 'apiVersion' is missing in '${text.trim()}'`, text);
  }
  const expected = apiVersionOf(kind);
  const asked = { kind: name || kind.kind, apiVersion: apiVersion || expected };
  if (asked.kind !== kind.kind || asked.apiVersion !== expected) throw otherKind(call, kind, asked, value);
  try {
    return decodeAs(call, kind, value, options, text);
  } catch (error) {
    if (error instanceof DecodeError) throw handled(kind, kind.version, error.message);
    throw error;
  }
}
