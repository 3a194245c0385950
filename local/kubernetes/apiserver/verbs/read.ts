/** GET of one object and of lists: selectors, chunks, and which moment is wanted. */
import type { Answer, KindCall } from '../call.ts';
import { badRequest, expired, StatusError } from '../errors.ts';
import type { Obj } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import {
  type FieldRequirement,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Requirement,
} from '../storage/selectors.ts';
import type { Stored } from '../storage/store.ts';
import { listOptions, versionNumber } from './options.ts';
import { existing, namespaceOf, shown } from './stored.ts';

export interface Selection {
  labels: Requirement[];
  fields: FieldRequirement[];
  namespace: string | undefined;
  /** The old watch path names one object. */
  name: string | undefined;
  /** Without selectors a chunk can say how many remain. */
  any: boolean;
}

/** Reads and checks the selectors of a query. Throws 400. */
export function selectionOf(call: KindCall): Selection {
  const { kind, info } = call;
  const labelText = info.query.get('labelSelector') ?? '';
  const fieldText = info.query.get('fieldSelector') ?? '';
  const labels = parseLabelSelector(labelText);
  const fields = parseFieldSelector(fieldText);
  for (const { field } of fields) {
    if (field === 'metadata.name' || (field === 'metadata.namespace' && (kind.namespaced || !kind.custom))) continue;
    if (kind.fields?.[field]) continue;
    if (kind.fields && !kind.custom) throw badRequest(`field label not supported: ${field}`);
    if (kind.custom) throw badRequest(`field label not supported: ${field}`);
    throw badRequest(
      `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
  return {
    labels,
    fields,
    namespace: namespaceOf(kind, info.namespace),
    name: info.verb === 'watch' && fieldText === '' ? info.name : undefined,
    any: labels.length === 0 && fields.length === 0,
  };
}

const fieldValue = (kind: Kind, object: Obj, field: string): string => {
  if (field === 'metadata.name') return object.metadata.name;
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  return String(kind.fields?.[field]?.(object) ?? '');
};

export function matches(kind: Kind, { labels, fields, namespace, name }: Selection, object: Obj): boolean {
  if (name !== undefined && object.metadata.name !== name) return false;
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  if (!matchesLabels(labels, object.metadata.labels)) return false;
  return fields.every(({ field, value, equal }) => (fieldValue(kind, object, field) === value) === equal);
}

export function selected(call: KindCall, all: readonly Stored[], selection = selectionOf(call)): Stored[] {
  return all.filter(({ object }) => matches(call.kind, selection, object));
}

/** A version that is not given out yet: waited for up to three seconds by a real server, refused at once here. */
export function tooLarge(wanted: number, current: number): StatusError {
  return new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

export function get(call: KindCall): Answer {
  const { kind, info, context } = call;
  const version = versionNumber(info.query.get('resourceVersion') ?? '', badRequest);
  if (version > context.store.version) throw tooLarge(version, context.store.version);
  return { code: 200, object: shown(kind, existing(call).object), kind };
}

interface Token {
  v: 'meta.k8s.io/v1';
  rv: number;
  start: string;
}

const encodeToken = (rv: number, start: string): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start })).toString('base64url');

function decodeToken(text: string): Token {
  try {
    const token = JSON.parse(Buffer.from(text, 'base64url').toString()) as Token;
    if (token.v === 'meta.k8s.io/v1' && typeof token.rv === 'number' && typeof token.start === 'string') return token;
  } catch {
    // Falls through to the refusal.
  }
  throw badRequest(`invalid continue token: continue key is not valid: ${tokenFault(text)}`);
}

function tokenFault(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  const first = bytes[0];
  // As Go's JSON decoder names a byte that begins no value.
  return first === undefined || first === 0x7b
    ? 'it was not given out by this server'
    : `invalid character '${first < 0x80 ? String.fromCharCode(first) : `\\u00${first.toString(16)}`}' looking for beginning of value`;
}

const GONE =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

export function list(call: KindCall): Answer {
  const { kind, info, context } = call;
  const { store } = context;
  const options = listOptions(info.query, false);
  const selection = selectionOf(call);
  let version = store.version;
  let start = '';
  let all: readonly Stored[];
  if (options.continue) {
    if (options.resourceVersion) throw badRequest('specifying resource version is not allowed when using continue');
    const token = decodeToken(options.continue);
    version = token.rv;
    start = token.start;
    const then = store.listAt(kind.storage, version);
    if (then === undefined) throw expired(GONE);
    all = then;
  } else {
    const wanted = versionNumber(options.resourceVersion, (why) =>
      badRequest(
        `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(options.resourceVersion)}: ${why}`,
      ),
    );
    if (wanted > version) throw tooLarge(wanted, version);
    if (options.match === 'Exact') {
      const then = store.listAt(kind.storage, wanted);
      if (then === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
      all = then;
      version = wanted;
    } else all = store.list(kind.storage);
  }
  let found = all.filter(({ object, key }) => key > start && matches(kind, selection, object));
  const { limit } = options;
  const metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number } = {
    resourceVersion: String(version),
  };
  if (limit > 0 && found.length > limit) {
    if (selection.any) metadata.remainingItemCount = found.length - limit;
    found = found.slice(0, limit);
    metadata.continue = encodeToken(version, found[found.length - 1]!.key);
  }
  return {
    code: 200,
    list: {
      items: found.map(({ object }) => shown(kind, object)),
      ...(!kind.custom && !kind.fromStored && { texts: found.map(({ json }) => json) }),
      metadata,
    },
    kind,
  };
}
