/**
 * Where the library differs from what CEL says: `has()` of any selection, equality and sums of lists and objects by their own rules, regular
 * expressions of RE2, and a bound on the cost of loops. Its parser and checker offer no hook for these, so the parsed tree is adjusted before and after the check.
 */
import { type ASTNode, Optional } from '@marcbachmann/cel-js';
import { re2 } from '../re2.ts';
import { spend } from './budget.ts';
import { celAdd, celEqual, celIn } from './values.ts';

/** What the library's nodes hold beyond their published type. */
interface Node {
  op: string;
  // biome-ignore lint/suspicious/noExplicitAny: the operands differ by operator.
  args: any;
  // biome-ignore lint/suspicious/noExplicitAny: what macros keep differs by macro.
  meta: { alternate?: unknown; macro?: any };
  handle?: Handle;
  range: { start: number };
}
type Handle = (left: unknown, right: unknown, node: unknown, evaluator: unknown) => unknown;

interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
  createError(code: string, message: string, node: unknown): Error;
}
interface Evaluator {
  run(node: unknown, context: unknown): unknown;
  debugType(value: unknown): {
    fieldLazy(value: unknown, field: string, node: unknown, evaluator: unknown): unknown;
  };
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'op' in value && 'meta' in value;

/** Every node of a tree, those that macros made too. */
function* nodesOf(value: unknown, seen = new Set<unknown>()): Generator<Node> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (isNode(value)) {
    yield value;
    yield* nodesOf(value.args, seen);
    yield* nodesOf(value.meta.alternate, seen);
    yield* nodesOf(value.meta.macro, seen);
  } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype)
    for (const one of Object.values(value)) yield* nodesOf(one, seen);
}

/** The names of all variables that an expression speaks of. */
export const variablesOf = (tree: ASTNode): Set<string> =>
  new Set([...nodesOf(tree)].filter(({ op }) => op === 'id').map(({ args }) => args as string));

/** Where a pattern is written out that is none; what is computed is only known later. */
export function badPattern(tree: ASTNode): number | undefined {
  for (const { op, args } of nodesOf(tree)) {
    if (op !== 'rcall' || args[0] !== RENAMED.matches) continue;
    const [pattern] = args[2] as Node[];
    if (pattern?.op !== 'value' || typeof pattern.args !== 'string') continue;
    try {
      re2(pattern.args);
    } catch {
      return pattern.range.start;
    }
  }
  return undefined;
}

/** Functions of the library that have a better one under another name. */
const RENAMED: Record<string, string> = { matches: 'K8s_matches' };

const has = {
  typeCheck(checker: Checker, macro: { args: Node[] }, context: unknown): unknown {
    const [field] = macro.args;
    if (field?.op !== '.')
      throw checker.createError('invalid_macro_argument', 'invalid argument to has() macro', field);
    checker.check(field, context);
    return checker.getType('bool');
  },
  evaluate(evaluator: Evaluator, macro: { args: Node[] }, context: unknown): boolean {
    const field = macro.args[0]!;
    const owner = evaluator.run(field.args[0], context);
    const value = evaluator.debugType(owner).fieldLazy(owner, field.args[1], field, evaluator);
    return value instanceof Optional ? value.hasValue() : value !== undefined;
  },
};

export function beforeCheck(tree: ASTNode): void {
  for (const node of nodesOf(tree)) {
    if (node.op === 'call' && node.args[0] === 'has' && node.meta.macro) Object.assign(node.meta.macro, has);
    if (node.op === 'rcall' && RENAMED[node.args[0]] && node.args[2].length === 1) node.args[0] = RENAMED[node.args[0]];
  }
}

export function afterCheck(tree: ASTNode): void {
  for (const node of nodesOf(tree)) {
    if (node.op === '==') node.handle = celEqual;
    else if (node.op === '!=') node.handle = (left, right) => !celEqual(left, right);
    else if (node.op === 'in') node.handle = celIn;
    else if (node.op === 'comprehension' && node.handle) {
      const own = node.handle;
      node.handle = (items, ...more) => {
        spend(items instanceof Map ? items.size : Array.isArray(items) ? items.length : 0);
        return own(items, ...more);
      };
    } else if (node.op === '+' && node.handle) {
      const own = node.handle;
      node.handle = (left, right, ...more) =>
        Array.isArray(left) && Array.isArray(right) ? celAdd(left, right) : own(left, right, ...more);
    }
  }
}
