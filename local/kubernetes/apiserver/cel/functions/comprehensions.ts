/** Macros with two variables, the index and the item of a list or the key and the value of a map; and `existsOne` by its newer name. */
import type { ASTNode, Environment } from '@marcbachmann/cel-js';
import { spend } from '../budget.ts';
import { CelError } from '../error.ts';

// biome-ignore lint/suspicious/noExplicitAny: the library does not publish the types of what macros are given.
type Internal = any;
type Entry = [key: unknown, value: unknown];
type Run = (body: ASTNode, entry: Entry) => unknown;

interface Macro {
  /** How many variables stand before the bodies. */
  variables: 1 | 2;
  /** The type of the result, by those of the bodies. */
  type(checker: Internal, bodies: Internal[]): Internal;
  evaluate(entries: Entry[], bodies: ASTNode[], run: Run): unknown;
}

const entriesOf = (collection: unknown): Entry[] => {
  if (collection instanceof Map) return [...collection];
  if (Array.isArray(collection)) return collection.map((item, i) => [BigInt(i), item]);
  return Object.entries(collection as object);
};

function holds(run: Run, body: ASTNode, entry: Entry): boolean {
  const value = run(body, entry);
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

/** An error counts only if no other item decides. */
function decides(entries: Entry[], test: (entry: Entry) => boolean, deciding: boolean): boolean {
  let failure: unknown;
  for (const entry of entries) {
    try {
      if (test(entry) === deciding) return deciding;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return !deciding;
}

const bool = (checker: Internal) => checker.getType('bool');
const filtered = (entries: Entry[], bodies: ASTNode[], run: Run): Entry[] =>
  bodies.length === 2 ? entries.filter((entry) => holds(run, bodies[0]!, entry)) : entries;

const all: Macro = {
  variables: 2,
  type: bool,
  evaluate: (entries, [body], run) => decides(entries, (entry) => holds(run, body!, entry), false),
};
const exists: Macro = {
  variables: 2,
  type: bool,
  evaluate: (entries, [body], run) => decides(entries, (entry) => holds(run, body!, entry), true),
};
const existsOne = (variables: 1 | 2): Macro => ({
  variables,
  type: bool,
  evaluate: (entries, [body], run) => entries.filter((entry) => holds(run, body!, entry)).length === 1,
});
const transformList: Macro = {
  variables: 2,
  type: (checker, bodies) => checker.registry.getListType(bodies.at(-1)),
  evaluate: (entries, bodies, run) => filtered(entries, bodies, run).map((entry) => run(bodies.at(-1)!, entry)),
};
const transformMap: Macro = {
  variables: 2,
  type: (checker, bodies) => checker.registry.getMapType(checker.getType('dyn'), bodies.at(-1)),
  evaluate: (entries, bodies, run) =>
    new Map(filtered(entries, bodies, run).map((entry) => [entry[0], run(bodies.at(-1)!, entry)])),
};
const transformMapEntry: Macro = {
  variables: 2,
  type: (_checker, bodies) => bodies.at(-1),
  evaluate: (entries, bodies, run) =>
    new Map(filtered(entries, bodies, run).flatMap((entry) => entriesOf(run(bodies.at(-1)!, entry)))),
};

const expand =
  ({ variables, type, evaluate }: Macro) =>
  ({ args, receiver }: { args: ASTNode[]; receiver: ASTNode }) => {
    const names = args.slice(0, variables);
    const bodies = args.slice(variables);
    if (names.some(({ op }) => op !== 'id')) throw new CelError('argument must be a simple name');
    return {
      args,
      receiver,
      typeCheck(checker: Internal, macro: Internal, context: Internal) {
        const of = checker.check(receiver, context);
        const dyn = checker.getType('dyn');
        const key = of.kind === 'list' ? checker.getType('int') : (of.keyType ?? dyn);
        const value = of.valueType ?? dyn;
        macro.scopes = [];
        let inner = context;
        // With one variable it is the item of a list, or the key of a map.
        for (const [i, name] of names.entries()) {
          inner = inner.forkWithVariable(
            name.args,
            variables === 1 ? (of.kind === 'list' ? value : key) : i === 0 ? key : value,
          );
          macro.scopes.push(inner);
        }
        return type(
          checker,
          bodies.map((body) => checker.check(body, inner)),
        );
      },
      evaluate(evaluator: Internal, macro: Internal, context: Internal) {
        const collection = evaluator.run(receiver, context);
        const run: Run = (body, [key, value]) => {
          const values = variables === 1 ? [Array.isArray(collection) ? value : key] : [key, value];
          let scope = context;
          for (const [i, one] of values.entries()) scope = macro.scopes[i].reuse(scope).setIterValue(one, evaluator);
          return evaluator.run(body, scope);
        };
        const entries = entriesOf(collection);
        spend(entries.length);
        return evaluate(entries, bodies, run);
      },
    };
  };

export const registerComprehensions = (environment: Environment): Environment =>
  environment
    .registerFunction('list.all(ast, ast, ast): bool', expand(all) as Internal)
    .registerFunction('list.exists(ast, ast, ast): bool', expand(exists) as Internal)
    .registerFunction('list.existsOne(ast, ast): bool', expand(existsOne(1)) as Internal)
    .registerFunction('list.existsOne(ast, ast, ast): bool', expand(existsOne(2)) as Internal)
    .registerFunction('list.transformList(ast, ast, ast): list<dyn>', expand(transformList) as Internal)
    .registerFunction('list.transformList(ast, ast, ast, ast): list<dyn>', expand(transformList) as Internal)
    .registerFunction('list.transformMap(ast, ast, ast): map<dyn, dyn>', expand(transformMap) as Internal)
    .registerFunction('list.transformMap(ast, ast, ast, ast): map<dyn, dyn>', expand(transformMap) as Internal)
    .registerFunction('list.transformMapEntry(ast, ast, ast): map<dyn, dyn>', expand(transformMapEntry) as Internal)
    .registerFunction(
      'list.transformMapEntry(ast, ast, ast, ast): map<dyn, dyn>',
      expand(transformMapEntry) as Internal,
    );
