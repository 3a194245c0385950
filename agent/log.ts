/** The agent's log: one JSON object a line, with every token of ours cut out. */

export type Level = 'info' | 'warn' | 'error';
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** Roadstead's tokens begin `rs?_`; a service account's is a JWT. Neither belongs in a log, whatever error text carried it there. */
const SECRETS = /\b(rs[a-z]_)[A-Za-z0-9_-]{8,}|\b(eyJ)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g;

export const createLog =
  (write: (line: string) => void, now: () => Date): Log =>
  (level, message, fields = {}) =>
    write(`${JSON.stringify({ time: now().toISOString(), level, message, ...fields }).replaceAll(SECRETS, '$1$2…')}\n`);

/** What went wrong, in words, from anything thrown. */
export const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // Node reports a refused connection to several addresses as an AggregateError without a message.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reason).join('; ');
  return error.message;
};
