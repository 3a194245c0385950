/** Reads of secrets and of requests for credentials, consistently. */
import type { CredentialRequestState } from '../domain/credential.ts';
import type { SecretState } from '../domain/secret.ts';
import { asEntity, fromItem } from './items.ts';
import { keys } from './keys.ts';
import type { Table } from './table.ts';

export const secretsIn = (table: Table) => ({
  /** All of one holder (`acc_…` or `team_…`), by name. */
  list: async (holder: string): Promise<SecretState[]> => {
    const found: SecretState[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const { items, next } = await table.query({ pk: keys.secret(holder, '').pk, from });
      found.push(...items.map((item) => fromItem<SecretState>(item)));
      from = next;
    } while (from !== undefined);
    return found;
  },

  /** Every secret of everybody: for administration. */
  all: async (): Promise<SecretState[]> => (await table.scan('Secret')).map((item) => fromItem<SecretState>(item)),

  get: async (holder: string, name: string): Promise<SecretState | null> => {
    const item = await table.get(keys.secret(holder, name));
    return asEntity<SecretState>(item);
  },

  /** A person's wait for a credential. */
  request: async (id: string): Promise<CredentialRequestState | null> => {
    const item = await table.get(keys.credentialRequest(id));
    return asEntity<CredentialRequestState>(item);
  },
});
