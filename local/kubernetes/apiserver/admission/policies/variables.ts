/** The variables that expressions of a policy may name, and their types. */
import type { Environment } from '@marcbachmann/cel-js';
import { declareAuthorizer } from '../../cel/authorizer.ts';
import { celEnvironment } from '../../cel/environment.ts';
import { type CelType, declareTypes } from '../../cel/schema-types.ts';
import { toCel } from '../../cel/values.ts';
import type { Json, Obj } from '../../json.ts';
import { apiVersionOf, type Kind } from '../../kinds/kind.ts';
import { keyOf } from '../../storage/store.ts';
import { type Attributes, type Form, placeOf } from '../attributes.ts';

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };
const TIME = { type: 'string', format: 'date-time' };
const object = (properties: Json) => ({ type: 'object', properties });
const map = (additionalProperties: Json) => ({ type: 'object', additionalProperties });
const GVK = object({ group: TEXT, version: TEXT, kind: TEXT });
const GVR = object({ group: TEXT, version: TEXT, resource: TEXT });

const REQUEST = object({
  kind: GVK,
  resource: GVR,
  subResource: TEXT,
  requestKind: GVK,
  requestResource: GVR,
  requestSubResource: TEXT,
  name: TEXT,
  namespace: TEXT,
  operation: TEXT,
  userInfo: object({ username: TEXT, uid: TEXT, groups: TEXTS, extra: map(TEXTS) }),
  dryRun: { type: 'boolean' },
  // The only schema of which CEL knows nothing before it runs.
  options: { 'x-kubernetes-int-or-string': true },
});

const NAMESPACE = object({
  metadata: object({
    name: TEXT,
    generateName: TEXT,
    namespace: TEXT,
    labels: map(TEXT),
    annotations: map(TEXT),
    UID: TEXT,
    creationTimestamp: TIME,
    deletionGracePeriodSeconds: { type: 'integer' },
    deletionTimestamp: TIME,
    generation: { type: 'integer' },
    resourceVersion: TEXT,
    finalizers: TEXTS,
  }),
  spec: object({ finalizers: TEXTS }),
  status: object({
    phase: TEXT,
    conditions: {
      type: 'array',
      items: object({ type: TEXT, status: TEXT, reason: TEXT, message: TEXT, lastTransitionTime: TIME }),
    },
  }),
});

/** The fields of these types have their own names, `namespace` too. */
const AS_THEY_ARE = { field: (name: string) => name };

let base: Environment | undefined;
let request: CelType;
let namespace: CelType;

/** A copy of the environment of all policies. */
export function policyEnvironment(withParams: boolean): Environment {
  if (base === undefined) {
    base = celEnvironment();
    request = declareTypes(base, 'kubernetes.AdmissionRequest', REQUEST, AS_THEY_ARE).get(REQUEST)!;
    namespace = declareTypes(base, 'kubernetes.Namespace', NAMESPACE, AS_THEY_ARE).get(NAMESPACE)!;
    declareAuthorizer(base);
    base
      .registerVariable('object', 'dyn')
      .registerVariable('oldObject', 'dyn')
      // It is null for what lies in no namespace, which its type does not allow; so its fields are checked when they are read.
      .registerVariable('namespaceObject', 'dyn')
      .registerVariable('request', request.name)
      .registerVariable('authorizer', 'kubernetes.authorization.Authorizer');
  }
  const environment = base.clone();
  return withParams ? environment.registerVariable('params', 'dyn') : environment;
}

const versionOf = (object: Obj | undefined, form: Form): unknown =>
  object === undefined ? null : toCel({ ...object, apiVersion: apiVersionOf(form), kind: form.kind });

const formOf = ({ group, version, kind }: Form): Form => ({ group, version, kind });

/** The request as AdmissionRequest says it; what is empty is absent, as in the Go type. */
function requestOf(attributes: Attributes, as: Kind): Json {
  const { call, kind, operation, subresource, dryRun } = attributes;
  const { name, namespace } = placeOf(attributes);
  // A namespace lies in itself.
  const place = kind.storage === 'namespaces' ? name : namespace;
  const { group, version, resource } = as;
  const [form, asked]: Form[] = [attributes.form ?? as, attributes.form ?? kind];
  const { user } = call;
  return {
    kind: formOf(form!),
    resource: { group, version, resource },
    ...(subresource && { subResource: subresource, requestSubResource: subresource }),
    requestKind: formOf(asked!),
    requestResource: { group: kind.group, version: kind.version, resource: kind.resource },
    ...(name && { name }),
    ...(place && { namespace: place }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid && { uid: user.uid }),
      groups: user.groups,
      extra: user.extra ?? {},
    },
    dryRun,
    options: {},
  };
}

function namespaceOf(attributes: Attributes): unknown {
  const { call, kind } = attributes;
  const name = kind.namespaced ? placeOf(attributes).namespace : undefined;
  const found = name && call.context.store.get('namespaces', keyOf(undefined, name))?.object;
  if (!found) return null;
  const { uid, ...metadata } = found.metadata;
  return namespace.convert({ ...found, metadata: { ...metadata, UID: uid } });
}

/** The values for one request, `as` being the version that the policy asked for. */
export function valuesFor(attributes: Attributes, as: Kind, authorizer: unknown): Record<string, unknown> {
  return {
    object: versionOf(attributes.object, attributes.form ?? as),
    oldObject: versionOf(attributes.old, attributes.form ?? as),
    namespaceObject: namespaceOf(attributes),
    request: request.convert(requestOf(attributes, as)),
    authorizer,
  };
}
