/** Policy documents as the template writes them, read into one shape; what cannot be evaluated here is refused when it is read. */
import { assertConditions, type Conditions } from './conditions.ts';

/** One statement, lists made of single values. */
export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly resources: readonly string[];
  readonly notResources: readonly string[];
  /** By kind: `Service`, `AWS`, `Federated`; `*` for anybody. */
  readonly principals: Readonly<Record<string, readonly string[]>>;
  readonly conditions: Conditions;
}

export type Policy = readonly Statement[];

const KNOWN = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Principal', 'Condition'] as const;

const many = (value: unknown): readonly string[] => (value === undefined ? [] : [value].flat().map(String));

/** Reads a document; throws naming the element, operator, key or variable that is not evaluated here. `where` names the policy. */
export function parsePolicy(document: unknown, where: string, knownKeys: readonly string[]): Policy {
  const { Statement: statements } = document as { Statement?: unknown };
  return [statements ?? []].flat().map((statement): Statement => {
    const it = statement as Record<string, unknown>;
    const strange = Object.keys(it).filter((key) => !KNOWN.includes(key as (typeof KNOWN)[number]));
    if (strange.length > 0) throw new Error(`${where}: policy element ${strange.join(', ')} is not evaluated here`);
    if (it.Effect !== 'Allow' && it.Effect !== 'Deny')
      throw new Error(`${where}: Effect is Allow or Deny, given ${JSON.stringify(it.Effect)}`);
    const conditions = (it.Condition ?? {}) as Conditions;
    assertConditions(conditions, where, knownKeys);
    const resources = many(it.Resource);
    const variable = [...resources, ...many(it.NotResource)].find((one) => one.includes('${'));
    if (variable) throw new Error(`${where}: policy variables are not evaluated here: ${variable}`);
    const principal = it.Principal ?? {};
    return {
      effect: it.Effect,
      actions: many(it.Action),
      notActions: many(it.NotAction),
      resources,
      notResources: many(it.NotResource),
      principals:
        typeof principal === 'string'
          ? { AWS: [principal] }
          : Object.fromEntries(Object.entries(principal).map(([kind, names]) => [kind, many(names)])),
      conditions,
    };
  });
}
