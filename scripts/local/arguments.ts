/** Command lines of our scripts: named options only, each known, or a sentence that says what is. */
import { parseArgs } from 'node:util';

type Spec = Readonly<
  Record<string, { readonly type: 'string' | 'boolean'; readonly default?: string | boolean; readonly help: string }>
>;
type Values<S extends Spec> = {
  readonly [K in keyof S]: S[K]['type'] extends 'boolean'
    ? boolean
    : S[K] extends { default: string }
      ? string
      : string | undefined;
};

/** Reads `process.argv`; `--help` prints the options and ends; an unknown option ends with 2. */
export const readArguments = <const S extends Spec>(
  usage: string,
  spec: S,
  argv: readonly string[] = process.argv.slice(2),
): Values<S> => {
  const help = [
    usage,
    ...Object.entries(spec).map(
      ([name, option]) => `  --${name}${option.type === 'string' ? ' …' : ''}  ${option.help}`,
    ),
  ].join('\n');
  try {
    const options = Object.fromEntries(
      Object.entries(spec).map(([name, { type, default: value }]) => [
        name,
        value === undefined ? { type } : { type, default: value },
      ]),
    );
    const values: Record<string, unknown> = parseArgs({
      args: [...argv],
      options: { ...options, help: { type: 'boolean' } },
      strict: true,
    }).values;
    if (values.help === true) {
      console.log(help);
      process.exit(0);
    }
    return Object.fromEntries(
      Object.entries(spec).map(([name, { type }]) => [name, values[name] ?? (type === 'boolean' ? false : undefined)]),
    ) as Values<S>;
  } catch (error) {
    console.error(`${(error as Error).message}\n${help}`);
    process.exit(2);
  }
};

/** A port from a command line: 1 to 65535, or the script ends with a sentence. */
export const portOf = (text: string): number => {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  console.error(`--port ${text}: a port is a number from 1 to 65535`);
  process.exit(2);
};
