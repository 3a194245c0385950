/** The one environment of CEL that all expressions of this server share: the language with the functions that Kubernetes adds. */
import { Environment } from '@marcbachmann/cel-js';
import { registerComprehensions } from './functions/comprehensions.ts';
import { registerFormat } from './functions/format.ts';
import { registerLists } from './functions/lists.ts';
import { registerNet } from './functions/net.ts';
import { registerOptionals } from './functions/optionals.ts';
import { registerQuantity } from './functions/quantity.ts';
import { registerRegex } from './functions/regex.ts';
import { registerStrings } from './functions/strings.ts';

let base: Environment | undefined;

/** A copy that may get variables and types of its own. */
export function celEnvironment(): Environment {
  if (base === undefined) {
    base = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    for (const register of [
      registerStrings,
      registerLists,
      registerComprehensions,
      registerRegex,
      registerQuantity,
      registerNet,
      registerOptionals,
      registerFormat,
    ])
      register(base);
  }
  return base.clone();
}
