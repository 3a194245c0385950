/** Label selectors and node selector terms, as the API defines them. */
import type { LabelSelector, NodeSelectorTerm } from './types.ts';

type Labels = Record<string, string> | undefined;
interface Requirement {
  key: string;
  operator: string;
  values?: string[] | undefined;
}

/** One requirement against one value. An unknown operator matches nothing. */
export function requirementMatches(requirement: Requirement, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0]);
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

/** A label selector. The empty one matches everything, an absent one nothing. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false;
  return (
    mapMatches(selector.matchLabels, labels) &&
    (selector.matchExpressions ?? []).every((requirement) => requirementMatches(requirement, labels?.[requirement.key]))
  );
}

/** A plain map as services and node selectors have it. */
export const mapMatches = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted ?? {}).every(([key, value]) => labels?.[key] === value);

/** Terms are alternatives; an empty term matches nothing. */
export function nodeTermsMatch(terms: NodeSelectorTerm[], name: string, labels: Labels): boolean {
  return terms.some((term) => {
    const expressions = term.matchExpressions ?? [];
    const fields = term.matchFields ?? [];
    if (expressions.length + fields.length === 0) return false;
    return (
      expressions.every((requirement) => requirementMatches(requirement, labels?.[requirement.key])) &&
      fields.every((requirement) =>
        requirementMatches(requirement, requirement.key === 'metadata.name' ? name : undefined),
      )
    );
  });
}
