/** What a commit throws when somebody else was faster. */
import { AppError } from '../contract/errors.ts';

/** Thrown when an item is no longer the one that was decided on: load, decide and commit again. */
export class Stale extends AppError {
  constructor(what: string) {
    super('conflict', { detail: `${what} has changed meanwhile` });
  }
}
