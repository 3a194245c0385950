/** ValidatingAdmissionPolicy and its binding as kinds. */
import { type FieldError, invalidField, notSupported, required } from '../../errors.ts';
import { at, type Json, type Obj } from '../../json.ts';
import { AGE, column, NAME, number } from '../../kinds/columns.ts';
import { define, generationOfSpec } from '../../kinds/define.ts';
import type { Kind } from '../../kinds/kind.ts';
import { policyFaults } from './compile.ts';

const GROUP = 'admissionregistration.k8s.io';
const PKG = 'io.k8s.api.admissionregistration.v1';

function matchDefaults(match: Json): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*';
}

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function matchFaults(match: Json, field: string): FieldError[] {
  const faults: FieldError[] = [];
  for (const list of ['resourceRules', 'excludeResourceRules'])
    for (const [i, rule] of (match?.[list] ?? []).entries()) {
      for (const key of ['operations', 'apiGroups', 'apiVersions', 'resources'])
        if (!rule[key]?.length) faults.push(required(`${field}.${list}[${i}].${key}`));
      for (const [n, operation] of (rule.operations ?? []).entries())
        if (!OPERATIONS.includes(operation))
          faults.push(notSupported(`${field}.${list}[${i}].operations[${n}]`, operation, OPERATIONS));
    }
  return faults;
}

export const POLICY: Kind = define(GROUP, 'v1', PKG, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', {
  namespaced: false,
  categories: ['api-extensions'],
  status: true,
  generation: generationOfSpec,
  columns: [
    NAME,
    number('Validations', (policy) => at(policy, 'spec.validations')?.length ?? 0),
    column('ParamKind', (policy) => {
      const kind = at(policy, 'spec.paramKind');
      return kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>';
    }),
    AGE,
  ],
  defaults({ spec }) {
    if (!spec) return;
    spec.failurePolicy ??= 'Fail';
    matchDefaults(spec.matchConstraints);
  },
  // A controller writes this on a real server, once it has looked at the types; here a policy that is stored has been compiled.
  prepareCreate(policy) {
    policy.status = { observedGeneration: 1, typeChecking: {} };
  },
  prepareUpdate(next, old) {
    const generation = (old.metadata.generation ?? 1) + (generationOfSpec(next, old) ? 1 : 0);
    next.status = { ...old.status, observedGeneration: generation };
  },
  validate(policy: Obj) {
    const { spec = {} } = policy;
    const faults: FieldError[] = [];
    if (!['Fail', 'Ignore'].includes(spec.failurePolicy ?? 'Fail'))
      faults.push(notSupported('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']));
    if (spec.paramKind) {
      for (const key of ['apiVersion', 'kind'])
        if (!spec.paramKind[key]) faults.push(required(`spec.paramKind.${key}`));
    }
    if (!spec.matchConstraints) faults.push(required('spec.matchConstraints'));
    else if (!spec.matchConstraints.resourceRules?.length) faults.push(required('spec.matchConstraints.resourceRules'));
    faults.push(...matchFaults(spec.matchConstraints, 'spec.matchConstraints'));
    if (!spec.validations?.length && !spec.auditAnnotations?.length)
      faults.push(required('spec.validations', 'validations or auditAnnotations must contain at least one item'));
    return [...faults, ...policyFaults(policy)];
  },
});

const ACTIONS = ['Audit', 'Deny', 'Warn'];

export const BINDING: Kind = define(
  GROUP,
  'v1',
  PKG,
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
  {
    namespaced: false,
    categories: ['api-extensions'],
    generation: generationOfSpec,
    columns: [
      NAME,
      column('PolicyName', (binding) => at(binding, 'spec.policyName') ?? ''),
      column('ParamRef', (binding) => {
        const ref = at(binding, 'spec.paramRef');
        return ref === undefined
          ? '<unset>'
          : ref.namespace
            ? `${ref.namespace}/${ref.name ?? '*'}`
            : (ref.name ?? '*');
      }),
      AGE,
    ],
    defaults({ spec }) {
      matchDefaults(spec?.matchResources);
    },
    validate({ spec = {} }) {
      const faults: FieldError[] = [];
      if (!spec.policyName) faults.push(required('spec.policyName'));
      const actions: string[] = spec.validationActions ?? [];
      if (actions.length === 0) faults.push(required('spec.validationActions'));
      for (const [i, action] of actions.entries())
        if (!ACTIONS.includes(action)) faults.push(notSupported(`spec.validationActions[${i}]`, action, ACTIONS));
      if (actions.includes('Deny') && actions.includes('Warn'))
        faults.push(
          invalidField(
            'spec.validationActions',
            actions,
            'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
          ),
        );
      const ref = spec.paramRef;
      if (ref && !ref.name === !ref.selector)
        faults.push(required('spec.paramRef.name', 'one of name or selector must be specified'));
      if (ref && !ref.parameterNotFoundAction) faults.push(required('spec.paramRef.parameterNotFoundAction'));
      return [...faults, ...matchFaults(spec.matchResources, 'spec.matchResources')];
    },
  },
);
