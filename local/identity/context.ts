/** What every call of the user pools works on. */
import type { Pool, Pools } from './pool.ts';
import type { Tokens } from './tokens.ts';
import type { User, Users } from './users.ts';

/** A message that Cognito would have mailed: an invitation's temporary password, or a reset code. */
export interface Mail {
  readonly kind: 'invitation' | 'reset';
  readonly to: string;
  readonly username: string;
  readonly code: string;
}

/** Pools, people, tokens, and where mail goes. */
export interface Context {
  readonly pools: Pools;
  readonly users: Users;
  readonly tokens: Tokens;
  onMail(mail: Mail): void;
  /** The user of a name, or of a verified email address where the pool takes that as a name. */
  lookUp(pool: Pool, name: string): User | undefined;
}

/** Finds users by name or alias. */
export function lookUpIn(users: Users): Context['lookUp'] {
  return (pool, name) => {
    const named = users.find(pool.id, name);
    if (named || !name.includes('@')) return named;
    const user = pool.emailIsAlias || pool.emailIsUsername ? users.findByEmail(pool.id, name) : undefined;
    return pool.emailIsUsername || user?.attributes.email_verified === 'true' ? user : undefined;
  };
}
