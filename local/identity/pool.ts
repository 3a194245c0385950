/** User pools and their clients as the template declares them; nothing here changes while the runtime runs. */
import { AwsError } from '#local/types.ts';

/** The rules that a password must follow. */
export interface PasswordPolicy {
  readonly minimumLength: number;
  readonly requireUppercase: boolean;
  readonly requireLowercase: boolean;
  readonly requireNumbers: boolean;
  readonly requireSymbols: boolean;
  readonly temporaryPasswordDays: number;
}

/** An app client; validities in seconds. */
export interface Client {
  readonly id: string;
  readonly poolId: string;
  readonly flows: readonly string[];
  readonly accessSeconds: number;
  readonly idSeconds: number;
  readonly refreshSeconds: number;
  readonly sessionSeconds: number;
  /** PreventUserExistenceErrors: answers do not tell whether a user exists. */
  readonly hidesUsers: boolean;
  readonly revocation: boolean;
  /** Attributes that its access tokens may change; all that can be changed where it names none. */
  readonly writes: readonly string[] | undefined;
}

/** A user pool. */
export interface Pool {
  readonly id: string;
  readonly arn: string;
  /** The user name must be an email address; Cognito then names the user by its `sub`. */
  readonly emailIsUsername: boolean;
  /** A verified email address may be given in place of the user name. */
  readonly emailIsAlias: boolean;
  readonly selfSignUp: boolean;
  /** Attributes that a user must have, and that keep their first value. */
  readonly required: readonly string[];
  readonly immutable: readonly string[];
  readonly policy: PasswordPolicy;
}

/** The pools and clients of the template. */
export interface Pools {
  add(pool: Pool): void;
  addClient(client: Client): void;
  /** Throws `ResourceNotFoundException`. */
  pool(id: string): Pool;
  client(id: string): Client;
}

/** An empty registry. */
export function createPools(): Pools {
  const pools = new Map<string, Pool>();
  const clients = new Map<string, Client>();
  const known = <T>(map: Map<string, T>, kind: string, id: string): T => {
    const found = map.get(id);
    if (!found) throw new AwsError('ResourceNotFoundException', `${kind} ${id} does not exist.`);
    return found;
  };
  return {
    add: (pool) => void pools.set(pool.id, pool),
    addClient: (client) => void clients.set(client.id, client),
    pool: (id) => known(pools, 'User pool', id),
    client: (id) => known(clients, 'User pool client', id),
  };
}
