/** The scopes of a quota: to which pods it speaks. */
import type { Json, Obj } from '../../json.ts';
import { qosClass } from '../../kinds/pod-defaults.ts';

interface Requirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

export const requirementsOf = (spec: Json): Requirement[] => [
  ...(spec?.scopes ?? []).map((scopeName: string) => ({ scopeName, operator: 'Exists' })),
  ...(spec?.scopeSelector?.matchExpressions ?? []),
];

const affinityTerms = (spec: Json): Json[] =>
  ['podAffinity', 'podAntiAffinity'].flatMap((side) => [
    ...(spec?.affinity?.[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(spec?.affinity?.[side]?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      ({ podAffinityTerm }: Json) => podAffinityTerm,
    ),
  ]);

function meets({ scopeName, operator, values = [] }: Requirement, { spec }: Obj): boolean {
  switch (scopeName) {
    case 'Terminating':
      return (spec?.activeDeadlineSeconds ?? -1) >= 0;
    case 'NotTerminating':
      return !((spec?.activeDeadlineSeconds ?? -1) >= 0);
    case 'BestEffort':
      return qosClass(spec) === 'BestEffort';
    case 'NotBestEffort':
      return qosClass(spec) !== 'BestEffort';
    case 'CrossNamespacePodAffinity':
      return affinityTerms(spec).some((term) => term?.namespaces?.length || term?.namespaceSelector);
    case 'PriorityClass': {
      const name: string = spec?.priorityClassName ?? '';
      if (operator === 'In') return values.includes(name);
      if (operator === 'NotIn') return !values.includes(name);
      return (operator === 'Exists') === (name !== '');
    }
    default:
      return false;
  }
}

/** Whether a quota counts this object; a quota with scopes counts pods only. */
export function inScope(spec: Json, storage: string, object: Obj): boolean {
  const requirements = requirementsOf(spec);
  return requirements.length === 0 || (storage === 'pods' && requirements.every((one) => meets(one, object)));
}
