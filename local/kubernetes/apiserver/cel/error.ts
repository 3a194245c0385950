/** Failures of CEL expressions, in the words of Kubernetes. */
import { EvaluationError, ParseError, TypeError as TypeFault } from '@marcbachmann/cel-js';

/** An expression that cannot be compiled, or that failed on the values it was given; `message` says why. */
export class CelError extends Error {
  override readonly name = 'CelError';
}

interface Fault {
  summary: string;
  code: string;
  range?: { start: number };
}

const isFault = (error: unknown): error is Error & Fault =>
  error instanceof ParseError || error instanceof TypeFault || error instanceof EvaluationError;

/** The words of Kubernetes for those of the library, where clients see them often. */
function worded({ summary, code }: Fault): string {
  const rest = summary.slice(summary.indexOf(': ') + 2);
  switch (code) {
    case 'no_such_key':
      return `no such key: ${rest}`;
    case 'unknown_variable':
      return `undeclared reference to '${rest}' (in container '')`;
    case 'index_out_of_bounds':
      return `index out of bounds: ${/index (-?\d+)/.exec(summary)?.[1] ?? rest}`;
    case 'no_such_overload': {
      const [, left, op, right] = /no such overload: (\S.*?) (\S+) (\S.*)$/.exec(summary) ?? [];
      return op === undefined ? summary : `found no matching overload for '_${op}_' applied to '(${left}, ${right})'`;
    }
    default:
      return summary.replace('K8s_', '');
  }
}

/** As cel-go prints an issue: what, where, and the line with a mark under it. */
export function issueAt(expression: string, start: number, text: string): CelError {
  const before = expression.slice(0, start).split('\n');
  const [line, column] = [before.length, before.at(-1)!.length];
  const source = expression.split('\n')[line - 1] ?? '';
  return new CelError(`ERROR: <input>:${line}:${column + 1}: ${text}\n | ${source}\n | ${'.'.repeat(column)}^`);
}

/** Why an expression cannot be compiled. Anything but a failure of CEL itself is thrown on. */
export function compileError(error: unknown, expression: string): CelError {
  if (!isFault(error)) throw error;
  const start = Math.max(0, (error.range?.start ?? 0) - (error.code === 'no_such_key' ? 1 : 0));
  const said = worded(error);
  const text =
    error instanceof ParseError
      ? `Syntax error: ${said}`
      : error.code === 'no_such_key'
        ? said.replace('no such key: ', 'undefined field ').replace(/ (\S+)$/, " '$1'")
        : said;
  return issueAt(expression, start, text);
}

/** What went wrong while an expression ran. Anything but a failure of CEL itself is thrown on. */
export function runtimeError(error: unknown): CelError {
  if (error instanceof CelError) return error;
  if (!isFault(error)) throw error;
  return new CelError(error.code === 'no_such_overload' ? 'no such overload' : worded(error));
}
