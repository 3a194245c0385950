/** Optionals beyond the library's: of values that are not empty, mapped, and the ends of lists. */
import { type ASTNode, type Environment, Optional } from '@marcbachmann/cel-js';
import { CelError } from '../error.ts';

const empty = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === '' ||
  value === 0 ||
  value === 0n ||
  (Array.isArray(value) && value.length === 0) ||
  (value instanceof Map && value.size === 0);

// biome-ignore lint/suspicious/noExplicitAny: the library does not publish the types of what macros are given.
type Internal = any;

/** `x.optMap(v, f(v))`: the variable stands for the value, and nothing is evaluated where there is none. */
const mapping =
  (flat: boolean) =>
  ({ args, receiver }: { args: ASTNode[]; receiver: ASTNode }) => {
    const [variable, body] = args as [ASTNode, ASTNode];
    if (variable.op !== 'id') throw new CelError('optMap() variable name must be a simple identifier');
    return {
      args,
      receiver,
      typeCheck(checker: Internal, macro: Internal, context: Internal) {
        const of = checker.check(receiver, context);
        macro.context = context.forkWithVariable(
          variable.args,
          of.kind === 'optional' ? of.valueType : checker.getType('dyn'),
        );
        const type = checker.check(body, macro.context);
        return flat ? type : checker.registry.getOptionalType(type);
      },
      evaluate(evaluator: Internal, macro: Internal, context: Internal) {
        const value = evaluator.run(receiver, context);
        if (!(value instanceof Optional)) throw new CelError('no such overload');
        if (!value.hasValue()) return Optional.none();
        const result = evaluator.run(body, macro.context.reuse(context).setIterValue(value.value(), evaluator));
        return flat ? result : Optional.of(result);
      },
    };
  };

export const registerOptionals = (environment: Environment): Environment =>
  environment
    .registerFunction('OptionalNamespace.ofNonZeroValue(A): optional<A>', (_: unknown, value: unknown) =>
      empty(value) ? Optional.none() : Optional.of(value),
    )
    .registerFunction('optional.optMap(ast, ast): dyn', mapping(false) as Internal)
    .registerFunction('optional.optFlatMap(ast, ast): dyn', mapping(true) as Internal)
    .registerFunction('list<A>.first(): optional<A>', (list: unknown[]) =>
      list.length ? Optional.of(list[0]) : Optional.none(),
    )
    .registerFunction('list<A>.last(): optional<A>', (list: unknown[]) =>
      list.length ? Optional.of(list.at(-1)) : Optional.none(),
    );
