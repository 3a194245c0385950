/** A person asks to enter their seat: a short-lived request that the agent of its cluster answers over HTTPS (DESIGN §4; kubernetes.md finding 6). */
import { AppError } from '../contract/errors.ts';
import { type Context, plus } from './clock.ts';
import type { Decision } from './decision.ts';
import type { WorkspaceState } from './workspace-state.ts';

export interface CredentialRequestState {
  readonly entity: 'CredentialRequest';
  readonly id: string;
  readonly version: number;
  readonly cluster: string;
  readonly workspace: string;
  /** Of the Workspace in the cluster where its admin applied it, which is found by nothing else there. */
  readonly uid?: string | undefined;
  readonly team: string;
  readonly account: string;
  /** How long the credential is to be good for. */
  readonly seconds: number;
  readonly createdAt: string;
  /** The answer comes before this or not at all. */
  readonly expiresAt: string;
  /** The credential, sealed for this request. */
  readonly sealed?: string | undefined;
  /** When the credential ends. */
  readonly goodUntil?: string | undefined;
  /** Why the agent made none. */
  readonly refused?: string | undefined;
}

/** Seconds that an answer is waited for and kept. */
export const CREDENTIAL_REQUEST_SECONDS = 60;
/** Seconds that a credential is good for: a working session's stretch, renewed by the command of the kubeconfig. */
export const CREDENTIAL_SECONDS = 3600;

export interface CredentialDecision extends Decision {
  readonly next: CredentialRequestState;
}

/** Asks the agent for a credential; who may ask is decided before. */
export const askCredential = (
  workspace: WorkspaceState,
  by: { readonly account: string; readonly actor: string },
  { now, newId }: Context,
): CredentialDecision => {
  const next: CredentialRequestState = {
    entity: 'CredentialRequest',
    id: newId('crq'),
    version: 1,
    cluster: workspace.cluster,
    workspace: workspace.id,
    ...(workspace.mirror && { uid: workspace.mirror.uid }),
    team: workspace.team,
    account: by.account,
    seconds: CREDENTIAL_SECONDS,
    createdAt: now,
    expiresAt: plus(now, CREDENTIAL_REQUEST_SECONDS),
  };
  return {
    next,
    writes: [{ before: null, next }],
    claims: [],
    audit: [{ team: workspace.team, actor: by.actor, action: 'workspace.credential', resource: workspace.id }],
  };
};

/** The agent of `cluster` answers; a repeat, a late answer and one of another cluster find nothing to answer. */
export const answerCredential = (
  request: CredentialRequestState | null,
  by: { readonly cluster: string },
  answer: { readonly sealed: string; readonly goodUntil: string } | { readonly refused: string },
  now: string,
): CredentialDecision => {
  if (request === null || request.cluster !== by.cluster || request.expiresAt <= now)
    throw new AppError('not_found', { detail: 'nobody waits for this credential' });
  if (request.sealed !== undefined || request.refused !== undefined)
    return { next: request, writes: [], claims: [], audit: [] };
  const next: CredentialRequestState = { ...request, ...answer, version: request.version + 1 };
  return { next, writes: [{ before: request, next }], claims: [], audit: [] };
};
