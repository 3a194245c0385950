/** Every value that a function's environment may hold, by the name that its schema in `functions/lib/env.ts` gives it. */
import type { CfnParameter } from 'aws-cdk-lib';
import { type Timing, timingVariable } from '#core/contract/timings.ts';
import { environments, type FunctionName } from '#functions/lib/env.ts';

/** Variable → value, a literal or a token of the template. */
export type Variables = Readonly<Record<string, string>>;

/** The timings as variables, each the reference of its parameter. */
export const timingVariables = (parameters: Readonly<Record<Timing, CfnParameter>>): Variables =>
  Object.fromEntries(
    Object.entries(parameters).map(([name, parameter]) => [timingVariable(name as Timing), parameter.valueAsString]),
  );

/** The environment of one function: the variables of its own schema and no other; throws for one that nothing here gives. */
export const environmentOf = (name: FunctionName, variables: Variables): Record<string, string> =>
  Object.fromEntries(
    Object.keys(environments[name].shape).map((variable) => {
      const value = variables[variable];
      if (value === undefined)
        throw new Error(
          `the function ${name} asks for the variable ${variable}, which the stack does not give; it gives ${Object.keys(variables).join(', ')}`,
        );
      return [variable, value];
    }),
  );
