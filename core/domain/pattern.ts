/** Patterns that teams write: matched with a deadline, since a pattern that backtracks may take longer than the world has. */
import { type Context, createContext, Script } from 'node:vm';

/** Milliseconds; what a parameter needs takes a thousandth of it. */
const DEADLINE_MS = 100;
/** V8 ends a match in the middle only for scripts that it was given a deadline for; the pattern and the value are data in it. */
const script = new Script('new RegExp(pattern, "u").test(value)');
let context: Context | undefined;

/** A pattern that is no regular expression, with what is wrong with it. */
export const faultOf = (pattern: string): string | null => {
  try {
    new RegExp(pattern, 'u');
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

/** Whether the value matches; `slow`: nobody can say within the deadline. */
export const matches = (pattern: string, value: string): boolean | 'slow' => {
  context ??= createContext(Object.create(null));
  try {
    return script.runInContext(Object.assign(context, { pattern, value }), { timeout: DEADLINE_MS });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'slow';
    throw error;
  }
};
