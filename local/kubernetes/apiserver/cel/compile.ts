/** Compiles one CEL expression to what can be evaluated again and again. */
import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { newBudget } from './budget.ts';
import { compileError, issueAt, runtimeError } from './error.ts';
import { afterCheck, badPattern, beforeCheck, variablesOf } from './quirks.ts';

export interface Program {
  /** The type of its result: `bool`, `string`, `dyn`… */
  readonly type: string;
  uses(variable: string): boolean;
  /** Throws CelError when the expression fails on these values. */
  evaluate(variables: Record<string, unknown>): unknown;
}

/** Throws CelError, whose message is an issue as cel-go prints it. */
export function compile(environment: Environment, expression: string): Program {
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(expression);
  } catch (error) {
    throw compileError(error, expression);
  }
  const tree = parsed.ast as ASTNode;
  beforeCheck(tree);
  const { valid, type, error } = parsed.check();
  if (!valid || type === undefined) throw compileError(error, expression);
  const pattern = badPattern(tree);
  if (pattern !== undefined) throw issueAt(expression, pattern, 'invalid matches argument');
  afterCheck(tree);
  const used = variablesOf(tree);
  return {
    type,
    uses: (variable) => used.has(variable),
    evaluate(variables) {
      newBudget();
      try {
        return parsed(variables);
      } catch (failure) {
        throw runtimeError(failure);
      }
    },
  };
}
