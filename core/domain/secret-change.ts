/** What is done to a secret: a new value, its end, and the word that its pods know of it (seed-systems §4.3 H4). */
import type { StoredSecret } from '../contract/secret.ts';
import type { Decision } from './decision.ts';
import { isPersonal, type SecretState } from './secret.ts';

/** Secrets that one person or team may keep. */
export const SECRET_LIMIT = 100;

export interface SecretDecision extends Decision {
  readonly next: SecretState;
}

interface By {
  /** Whose log this is written to. */
  readonly team: string;
  readonly actor: string;
}

/** Is it one that was forgotten? Its number is kept, so that a new one under the same name never repeats it. */
export const isForgotten = (secret: SecretState): boolean => Object.keys(secret.sealed).length === 0;

/** The number that the next value will have: what it is sealed for. */
export const nextNumber = (before: SecretState | null): number => (before?.latest ?? 0) + 1;

/** Keeps a sealed value as the newest one, and the one before it: a pod that is being changed still finds its own. */
export const keepSecret = (
  before: SecretState | null,
  of: { readonly holder: string; readonly name: string; readonly sealed: string },
  { team, actor }: By,
  now: string,
): SecretDecision => {
  const latest = nextNumber(before);
  const previous = before?.sealed[before.latest];
  const next: SecretState = {
    entity: 'Secret',
    id: `${of.holder}/${of.name}`,
    version: (before?.version ?? 0) + 1,
    holder: of.holder,
    name: of.name,
    latest,
    sealed: { ...(previous === undefined ? {} : { [latest - 1]: previous }), [latest]: of.sealed },
    renewAt: now,
    updatedAt: now,
    updatedBy: actor,
  };
  return {
    next,
    writes: [{ before, next }],
    claims: [],
    audit: [{ team, actor, action: 'secret.put', resource: next.id, detail: { number: latest } }],
  };
};

/** Forgets the values; the pods that use it are told. */
export const forgetSecret = (before: SecretState, { team, actor }: By, now: string): SecretDecision => {
  const next: SecretState = {
    ...before,
    version: before.version + 1,
    sealed: {},
    renewAt: now,
    updatedAt: now,
    updatedBy: actor,
  };
  return {
    next,
    writes: [{ before, next }],
    claims: [],
    audit: [{ team, actor, action: 'secret.delete', resource: next.id }],
  };
};

/** The specs of all pods name the newest value: the sweeper need not look. */
export const secretRenewed = (before: SecretState): SecretDecision => {
  const { renewAt: _, ...rest } = before;
  const next: SecretState = { ...rest, version: before.version + 1 };
  return { next, writes: [{ before, next }], claims: [], audit: [] };
};

/** The same values under other keys: no news to anybody. */
export const resealed = (before: SecretState, sealed: SecretState['sealed']): SecretDecision => {
  const next: SecretState = { ...before, version: before.version + 1, sealed };
  return { next, writes: [{ before, next }], claims: [], audit: [] };
};

/** What the API answers: never a value. */
export const toStoredSecret = (secret: SecretState): StoredSecret => ({
  scope: isPersonal(secret) ? 'account' : 'team',
  ...(isPersonal(secret) ? {} : { team: secret.holder }),
  name: secret.name,
  version: secret.latest,
  updatedAt: secret.updatedAt,
  updatedBy: secret.updatedBy,
});
