/** Whether policies allow an action: an explicit Deny wins, then an Allow, else it is refused. */
import { type Context, holds } from './conditions.ts';
import type { Policy, Statement } from './document.ts';
import { matches, matchesAction } from './wildcard.ts';

export interface Question {
  readonly action: string;
  /** Left out for trust policies, which name no resource. */
  readonly resource?: string;
  readonly context: Context;
  /** Whether a statement's principals mean who asks; left out for identity policies, which name none. */
  readonly principal?: (principals: Statement['principals']) => boolean;
}

export type Verdict = 'allow' | 'explicitDeny' | 'implicitDeny';

function applies(statement: Statement, { action, resource, context, principal }: Question): boolean {
  const { actions, notActions, resources, notResources } = statement;
  if (actions.length > 0 && !actions.some((one) => matchesAction(one, action))) return false;
  if (notActions.some((one) => matchesAction(one, action))) return false;
  if (resource !== undefined) {
    if (resources.length > 0 && !resources.some((one) => matches(one, resource))) return false;
    if (notResources.some((one) => matches(one, resource))) return false;
  }
  if (principal && !principal(statement.principals)) return false;
  return holds(statement.conditions, context);
}

export function evaluate(policies: Iterable<Policy>, question: Question): Verdict {
  let verdict: Verdict = 'implicitDeny';
  for (const policy of policies)
    for (const statement of policy) {
      if (!applies(statement, question)) continue;
      if (statement.effect === 'Deny') return 'explicitDeny';
      verdict = 'allow';
    }
  return verdict;
}
