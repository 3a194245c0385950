/** The ValidatingAdmissionPolicy admission: every policy with a binding is asked, and what they deny is refused, warned of, or let pass. */
import { AuthorizerValue } from '../../cel/authorizer.ts';
import { CelError } from '../../cel/error.ts';
import { toCel } from '../../cel/values.ts';
import { StatusError } from '../../errors.ts';
import type { Json, Obj } from '../../json.ts';
import type { Kind } from '../../kinds/kind.ts';
import { selects } from '../../kinds/label-selector.ts';
import { keyOf } from '../../storage/store.ts';
import { type Attributes, placeOf } from '../attributes.ts';
import { type Policy, policyOf, type Scope, type Validation } from './compile.ts';
import { BINDING, POLICY } from './kinds.ts';
import { matched } from './match.ts';
import { valuesFor } from './variables.ts';

const CODES: Record<string, number> = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413, Invalid: 422 };

interface Denial {
  message: string;
  reason?: string;
}

/** Refuses with 422 (or as the policy's reason says) what a policy denies; nobody is exempt, but the policies themselves. */
export function enforcePolicies(attributes: Attributes): void {
  const { store } = attributes.call.context;
  const policies = store.list(POLICY.storage);
  if (policies.length === 0 || attributes.kind.group === POLICY.group) return;
  const bindings = store.list(BINDING.storage).map(({ object }) => object);
  for (const { object: policy } of policies) {
    const own = bindings.filter(({ spec }) => spec?.policyName === policy.metadata.name);
    if (own.length === 0) continue;
    const as = matched(policy.spec?.matchConstraints, attributes);
    if (as)
      for (const binding of own)
        if (matched(binding.spec?.matchResources, attributes)) ask(policy, binding, as, attributes);
  }
}

function ask(policy: Obj, binding: Obj, as: Kind, attributes: Attributes): void {
  const { call } = attributes;
  for (const denial of denials(policy, binding, as, attributes)) {
    const about = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
    const actions: string[] = binding.spec?.validationActions ?? [];
    if (actions.includes('Warn')) call.warnings.push(`Validation failed for ${about}: ${denial.message}`);
    if (actions.includes('Deny'))
      throw refused(attributes, `${about} denied request: ${denial.message}`, denial.reason);
  }
}

function refused(attributes: Attributes, message: string, reason = 'Invalid'): StatusError {
  const { kind } = attributes;
  const { name } = placeOf(attributes);
  const about = kind.group ? `${kind.resource}.${kind.group}` : kind.resource;
  return new StatusError(CODES[reason] ?? 422, reason, `${about} ${JSON.stringify(name)} is forbidden: ${message}`, {
    name,
    ...(kind.group && { group: kind.group }),
    kind: kind.resource,
    causes: [{ message }],
  });
}

/** What the policy denies, first thing first; a failure of the policy itself counts as a denial unless it says `Ignore`. */
function denials(policy: Obj, binding: Obj, as: Kind, attributes: Attributes): Denial[] {
  const lenient = policy.spec?.failurePolicy === 'Ignore';
  const failed = (message: string): Denial[] => (lenient ? [] : [{ message }]);
  const { conditions, validations, faults }: Policy = policyOf(policy);
  // A policy that was stored can be compiled, unless an older version of this server took what this one does not.
  if (faults.length) return failed(`failed to configure policy: ${faults[0]!.field}: ${faults[0]!.message}`);
  const { call, subresource } = attributes;
  const { name, namespace } = placeOf(attributes);
  const authorizer = new AuthorizerValue(call.context.authorizer, call.user, {
    group: as.group,
    version: as.version,
    resource: as.resource,
    subresource,
    name,
    ...(namespace !== undefined && { namespace }),
  });
  const values = valuesFor(attributes, as, authorizer);
  const params = paramsOf(policy, binding, attributes);
  if (typeof params === 'string') return failed(`failed to configure binding: ${params}`);
  return params.flatMap((param) => {
    const scope: Scope = { values: { ...values, params: param === null ? null : toCel(param) }, computed: new Map() };
    try {
      if (!conditions.every(({ holds }) => holds(scope) === true)) return [];
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      return failed(error.message);
    }
    return validations.flatMap((validation) => {
      try {
        return validation.holds(scope) === true ? [] : [denialOf(validation, scope)];
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        return failed(`expression '${validation.text.expression}' resulted in error: ${error.message}`);
      }
    });
  });
}

/** Longest computed message in bytes. */
const MESSAGE_LIMIT = 5 * 1024;

function denialOf({ text, message }: Validation, scope: Scope): Denial {
  let said = '';
  try {
    const computed = message?.(scope);
    if (typeof computed === 'string') said = computed.trim();
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
  }
  if (said.includes('\n') || Buffer.byteLength(said) > MESSAGE_LIMIT) said = '';
  return {
    message: said || text.message?.trim() || `failed expression: ${text.expression.trim()}`,
    ...(text.reason && { reason: text.reason }),
  };
}

/** The objects that a binding gives as `params`: one null where the policy takes none. A text says why they cannot be had. */
function paramsOf(policy: Obj, binding: Obj, attributes: Attributes): Json[] | string {
  const { call, kind } = attributes;
  const wanted = policy.spec?.paramKind;
  if (!wanted) return [null];
  const { registry, store } = call.context;
  const found = registry.byKind(wanted.apiVersion, wanted.kind);
  if (!found) return `failed to find resource referenced by paramKind: '${wanted.apiVersion}, Kind=${wanted.kind}'`;
  const ref = binding.spec?.paramRef;
  if (!ref) return [null];
  const own = kind.namespaced ? placeOf(attributes).namespace : undefined;
  const namespace = found.namespaced ? (ref.namespace ?? own) : undefined;
  if (found.namespaced && namespace === undefined)
    return 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources';
  const params: Obj[] = ref.name
    ? [store.get(found.storage, keyOf(namespace, ref.name))?.object ?? []].flat()
    : store
        .list(found.storage)
        .map((stored) => stored.object)
        .filter(({ metadata }) => metadata.namespace === namespace && selects(ref.selector, metadata.labels));
  if (params.length === 0 && ref.parameterNotFoundAction !== 'Allow')
    return 'no params found for policy binding with `Deny` parameterNotFoundAction';
  return params;
}
