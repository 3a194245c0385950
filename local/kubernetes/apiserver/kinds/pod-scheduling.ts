/** Where a pod may run: which node selectors, affinities, tolerations and spreads are refused. */
import { duplicate, type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { valueFaults } from '../storage/selectors.ts';
import { keyFaultsAt, namedFaults, oneOf } from './field-rules.ts';
import { labelSelectorFaults } from './label-selector.ts';

const NO_OPERATOR = 'not a valid selector operator';

/** `strict`: the values must be those that labels can have; a preference that nothing can meet does no harm. */
function requirementFaults(field: string, requirement: Json, strict: boolean): FieldError[] {
  const { key, operator = '', values = [] } = requirement;
  const faults: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      faults.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      faults.push(
        forbiddenField(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1)
      faults.push(required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else faults.push(invalidField(`${field}.operator`, operator, NO_OPERATOR));
  faults.push(...keyFaultsAt(`${field}.key`, key));
  if (strict)
    for (const [i, value] of values.entries())
      for (const why of valueFaults(value)) faults.push(invalidField(`${field}.values[${i}]`, value, why));
  return faults;
}

/** Of a node's fields, only its name can be asked for. */
function fieldRequirementFaults(field: string, requirement: Json): FieldError[] {
  const { key = '', operator = '', values = [] } = requirement;
  const faults: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') faults.push(invalidField(`${field}.operator`, operator, NO_OPERATOR));
  else if (values.length !== 1)
    faults.push(
      required(`${field}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    );
  if (key !== 'metadata.name') faults.push(invalidField(`${field}.key`, key, 'not a valid field selector key'));
  else
    for (const [i, value] of values.entries()) faults.push(...namedFaults('subdomain', `${field}.values[${i}]`, value));
  return faults;
}

const nodeTermFaults = (field: string, term: Json, strict: boolean): FieldError[] => [
  ...(term?.matchExpressions ?? []).flatMap((one: Json, i: number) =>
    requirementFaults(`${field}.matchExpressions[${i}]`, one, strict),
  ),
  ...(term?.matchFields ?? []).flatMap((one: Json, i: number) =>
    fieldRequirementFaults(`${field}.matchFields[${i}]`, one),
  ),
];

const weightFaults = (field: string, weight = 0): FieldError[] =>
  weight < 1 || weight > 100 ? [invalidField(`${field}.weight`, weight, 'must be in the range 1-100')] : [];

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

function nodeAffinityFaults(field: string, affinity: Json): FieldError[] {
  const faults: FieldError[] = [];
  const must = affinity?.[REQUIRED];
  if (must) {
    const at = `${field}.${REQUIRED}.nodeSelectorTerms`;
    const terms: Json[] = must.nodeSelectorTerms ?? [];
    if (terms.length === 0) faults.push(required(at, 'must have at least one node selector term'));
    for (const [i, term] of terms.entries()) faults.push(...nodeTermFaults(`${at}[${i}]`, term, true));
  }
  for (const [i, { weight, preference }] of (affinity?.[PREFERRED] ?? []).entries()) {
    const at = `${field}.${PREFERRED}[${i}]`;
    faults.push(...weightFaults(at, weight), ...nodeTermFaults(`${at}.preference`, preference, false));
  }
  return faults;
}

const podTermFaults = (field: string, term: Json = {}): FieldError[] => [
  ...labelSelectorFaults(`${field}.labelSelector`, term.labelSelector),
  ...labelSelectorFaults(`${field}.namespaceSelector`, term.namespaceSelector),
  ...(term.namespaces ?? []).flatMap((name: string) => namedFaults('label', `${field}.namespace`, name)),
  ...(term.topologyKey ? [] : [required(`${field}.topologyKey`, 'can not be empty')]),
  ...keyFaultsAt(`${field}.topologyKey`, term.topologyKey),
];

const podAffinityFaults = (field: string, affinity: Json): FieldError[] => [
  ...(affinity?.[REQUIRED] ?? []).flatMap((term: Json, i: number) => podTermFaults(`${field}.${REQUIRED}[${i}]`, term)),
  ...(affinity?.[PREFERRED] ?? []).flatMap(({ weight, podAffinityTerm }: Json, i: number) => {
    const at = `${field}.${PREFERRED}[${i}]`;
    return [...weightFaults(at, weight), ...podTermFaults(`${at}.podAffinityTerm`, podAffinityTerm)];
  }),
];

export const affinityFaults = (field: string, affinity: Json): FieldError[] => [
  ...nodeAffinityFaults(`${field}.nodeAffinity`, affinity?.nodeAffinity),
  ...podAffinityFaults(`${field}.podAffinity`, affinity?.podAffinity),
  ...podAffinityFaults(`${field}.podAntiAffinity`, affinity?.podAntiAffinity),
];

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

export function tolerationFaults(field: string, tolerations: Json[]): FieldError[] {
  const faults: FieldError[] = [];
  for (const [i, { key, operator = '', value = '', effect = '', tolerationSeconds }] of tolerations.entries()) {
    const at = `${field}[${i}]`;
    if (key) faults.push(...keyFaultsAt(`${at}.key`, key));
    else if (operator !== 'Exists')
      faults.push(
        invalidField(
          `${at}.operator`,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      faults.push(invalidField(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    if (operator === '' || operator === 'Equal') {
      const why = valueFaults(value);
      if (why.length) faults.push(invalidField(`${at}.operator`, value, why.join(';')));
    } else if (operator === 'Exists') {
      if (value) faults.push(invalidField(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    } else faults.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    if (effect) faults.push(...oneOf(`${at}.effect`, effect, EFFECTS));
  }
  return faults;
}

const NODE_POLICIES = ['Honor', 'Ignore'];
const NOT_POSITIVE = 'must be greater than zero';

export function spreadFaults(field: string, constraints: Json[]): FieldError[] {
  const faults: FieldError[] = [];
  for (const [i, constraint] of constraints.entries()) {
    const at = `${field}[${i}]`;
    const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', minDomains, labelSelector } = constraint;
    if (maxSkew <= 0) faults.push(invalidField(`${at}.maxSkew`, maxSkew, NOT_POSITIVE));
    if (topologyKey === '') faults.push(required(`${at}.topologyKey`, 'can not be empty'));
    faults.push(...oneOf(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    const again = constraints
      .slice(i + 1)
      .some((one) => (one.topologyKey ?? '') === topologyKey && (one.whenUnsatisfiable ?? '') === whenUnsatisfiable);
    if (again)
      faults.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) faults.push(invalidField(`${at}.minDomains`, minDomains, NOT_POSITIVE));
      if (whenUnsatisfiable !== 'DoNotSchedule')
        faults.push(
          invalidField(
            `${at}.minDomains`,
            minDomains,
            `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
          ),
        );
    }
    for (const policy of ['nodeAffinityPolicy', 'nodeTaintsPolicy'])
      faults.push(...oneOf(`${at}.${policy}`, constraint[policy], NODE_POLICIES));
    faults.push(...labelSelectorFaults(`${at}.labelSelector`, labelSelector));
  }
  return faults;
}
