/** What http functions are made of at run time. */

import { type Deps, liveDeps } from '../deps.ts';
import type { Environment } from '../env.ts';
import { liveSealing, type Sealing } from '../sealing.ts';
import type { HttpDeps, Verify } from './call.ts';
import { verifier } from './verify.ts';

type LiveHttp = Deps & Pick<HttpDeps, 'checkReplies'> & { readonly verify: Verify };

/** Answers are checked against the contract wherever AWS is on this machine. */
export const checkReplies = (): boolean => process.env.AWS_ENDPOINT_URL !== undefined;

export const liveHttp = (env: Environment<'http/operations'>, service: string): LiveHttp => ({
  ...liveDeps(env, service),
  verify: verifier(env),
  checkReplies: checkReplies(),
});

/** The same for functions whose answers show secrets. */
export const liveSecretHttp = (
  env: Environment<'http/operations'> & { readonly KEY_ARN: string },
  service: string,
): LiveHttp & { readonly sealing: Sealing } => ({ ...liveHttp(env, service), sealing: liveSealing(env.KEY_ARN) });
