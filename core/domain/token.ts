/** Agent and install tokens: items keyed by SHA-256, two may live for rotation, an install token is good for one agent (DESIGN §4, §6). */
import { AppError } from '../contract/errors.ts';
import type { AgentToken } from '../contract/token.ts';
import { type Context, plus } from './clock.ts';
import { type Decision, write } from './decision.ts';

/** Seconds an install token may be used (DESIGN §6). */
export const INSTALL_TOKEN_SECONDS = 3600;

export interface AgentTokenState {
  readonly entity: 'Token';
  readonly id: string;
  readonly version: number;
  /** SHA-256 of the token, lower-case hex: the item's key. */
  readonly hash: string;
  readonly kind: 'install' | 'agent';
  readonly cluster: string;
  readonly team: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly expiresAt?: string | undefined;
  readonly lastUsedAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** Install: the hash it was traded for; a repeat must name the same. */
  readonly tradedFor?: string | undefined;
  /** Install: its agent has connected with its own token, so this one has ended. */
  readonly usedAt?: string | undefined;
  /** Agent: the token in whose place this one comes; ended at the first connection with this. */
  readonly replaces?: string | undefined;
}

/** Live tokens that one cluster may have: an agent needs two at a time. */
export const TOKEN_LIMIT = 50;

export const tokenStateOf = (token: AgentTokenState, now: string): AgentToken['state'] => {
  if (token.revokedAt !== undefined) return 'Revoked';
  if (token.usedAt !== undefined) return 'Used';
  return token.expiresAt !== undefined && token.expiresAt <= now ? 'Expired' : 'Active';
};

export const toAgentToken = (token: AgentTokenState, now: string): AgentToken => ({
  id: token.id,
  kind: token.kind,
  state: tokenStateOf(token, now),
  createdAt: token.createdAt,
  createdBy: token.createdBy,
  ...(token.expiresAt === undefined ? {} : { expiresAt: token.expiresAt }),
  ...(token.lastUsedAt === undefined ? {} : { lastUsedAt: token.lastUsedAt }),
  ...(token.revokedAt === undefined ? {} : { revokedAt: token.revokedAt }),
});

/** Throws `quota.tokens` when there is no room for one more among the tokens of a cluster. */
export const assertRoom = (tokens: readonly AgentTokenState[], now: string): void => {
  const live = tokens.filter((token) => tokenStateOf(token, now) === 'Active').length;
  if (live >= TOKEN_LIMIT)
    throw new AppError('quota.tokens', { detail: `${live} are live; ${TOKEN_LIMIT} are allowed` });
};

/** A new install token for a cluster. The value never comes here: only its hash. */
export const newInstallToken = (
  of: { readonly hash: string; readonly cluster: string; readonly team: string; readonly actor: string },
  { now, newId }: Context,
): Decision & { readonly token: AgentTokenState } => {
  const token: AgentTokenState = {
    entity: 'Token',
    id: newId('tok'),
    version: 1,
    hash: of.hash,
    kind: 'install',
    cluster: of.cluster,
    team: of.team,
    createdAt: now,
    createdBy: of.actor,
    expiresAt: plus(now, INSTALL_TOKEN_SECONDS),
  };
  return {
    token,
    writes: [{ before: null, next: token }],
    claims: [],
    audit: [
      { team: of.team, actor: of.actor, action: 'token.create', resource: of.cluster, detail: { token: token.id } },
    ],
  };
};

/** Ends a token. Revoking twice changes nothing. */
export const revokeToken = (token: AgentTokenState, actor: string, now: string): Decision => {
  if (token.revokedAt !== undefined) return { writes: [], claims: [], audit: [] };
  return {
    writes: [write(token, { ...token, version: token.version + 1, revokedAt: now })],
    claims: [],
    audit: [{ team: token.team, actor, action: 'token.revoke', resource: token.cluster, detail: { token: token.id } }],
  };
};
