/** A short-lived credential for the person who holds a seat: a token of the seat's own access account, posted over HTTPS (DESIGN §4; kubernetes.md finding 6). */
import { accessName } from '#core/domain/seat/names.ts';
import type { Api } from '../api.ts';
import { hasStatus, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { Push } from '../link.ts';
import { type Log, reason } from '../log.ts';
import type { WorkspaceFacts } from './facts.ts';

export interface MintOptions {
  readonly kubernetes: Kubernetes;
  readonly api: Api;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Every Workspace that is here. */
  readonly workspaces: () => Iterable<WorkspaceFacts>;
}

export type MintRequest = Extract<Push, { type: 'credential.mint' }>['payload'];

interface TokenRequest {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

/** The longest life of a credential, whatever was asked for. Seconds. */
const LONGEST = 3600;

/** One that a cluster's admin applied has no id of ours, and one of ours is found by no uid: neither can pass for the other. */
const isMeant =
  ({ seat, uid }: MintRequest) =>
  (workspace: WorkspaceFacts): boolean =>
    workspace.origin === 'Cluster' ? workspace.uid === uid : uid === undefined && workspace.spec?.id === seat;

/** Answers the request with a credential or with a reason; never throws, as the person is told by a deadline of their own. */
export const mintCredential = async (
  asked: MintRequest,
  { kubernetes, api, log, signal, workspaces }: MintOptions,
): Promise<void> => {
  const { request, seat: id, seconds } = asked;
  const mint = async () => {
    const seat = [...workspaces()].find(isMeant(asked));
    if (!seat || seat.deleting) return { refused: 'this dev pod does not exist in its cluster (yet)' };
    const life = Math.min(seconds, LONGEST);
    const path = `${pathOf(kinds.ServiceAccount, seat.namespace, accessName(seat.name))}/token`;
    try {
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: life },
      };
      const { status } = await kubernetes.request<TokenRequest>('POST', path, { body, signal });
      if (!status?.token) return { refused: 'the cluster issued no token' };
      // The cluster may give less than was asked for; a duration, as clocks differ.
      const left = new Date(status.expirationTimestamp ?? Number.NaN).getTime() - Date.now();
      const expiresInSeconds = Number.isNaN(left) ? life : Math.max(1, Math.min(life, Math.round(left / 1000)));
      return { token: status.token, expiresInSeconds };
    } catch (error) {
      if (hasStatus(error, 404)) return { refused: 'the dev pod is still being made: try again in a moment' };
      if (hasStatus(error, 403)) return { refused: 'the agent of this cluster has no right to issue credentials' };
      throw error;
    }
  };
  try {
    await api.credential(request, await mint());
  } catch (error) {
    log('warn', 'a credential was not given', { request, seat: id, reason: reason(error) });
  }
};
