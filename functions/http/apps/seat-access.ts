/** The way into a seat: the agent of its cluster makes a credential for the person who holds it (DESIGN §4; kubernetes.md finding 6). */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import type { Principal } from '#core/domain/access.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { conditionsAt } from '#core/domain/cluster-view.ts';
import { isTrue } from '#core/domain/conditions.ts';
import { askCredential, type CredentialRequestState } from '#core/domain/credential.ts';
import { renderKubeconfig } from '#core/domain/kubeconfig.ts';
import { teamNamespace } from '#core/domain/seat/names.ts';
import type { WorkspaceState } from '#core/domain/workspace-state.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { credentialContext, type Sealing } from '../../lib/sealing.ts';
import { actorOf } from './locate.ts';
import { locateSeat, type SeatRef } from './locate-seat.ts';

export interface SeatAccessDeps extends HttpDeps {
  readonly store: Deps['store'];
  readonly sealing: Sealing;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Where the API is for people, without `/api/v1`. */
  readonly apiUrl: string;
  /** Milliseconds that the agent is waited for; API Gateway ends a request at 30 s. */
  readonly patience: number;
}

/** Milliseconds between two looks at the request: the first answer of a near agent comes within a few. */
const LOOKS = [30, 50, 80, 120, 200, 300, 500];

interface Enterable {
  readonly workspace: WorkspaceState;
  readonly cluster: ClusterState;
}

export const app = (deps: SeatAccessDeps): App => {
  const { store, sealing, now, newId, apiUrl } = deps;

  /** The seat, if this person holds it and its cluster answers. An admin of the team does not enter others' seats. */
  const enterable = async (principal: Principal, ref: SeatRef): Promise<Enterable> => {
    const { workspace } = await locateSeat(store, principal, ref, 'workspace.credentials');
    if (workspace.spec.owner !== principal.id)
      throw new AppError('access.denied', { detail: 'only the person who holds a seat may enter it' });
    if (workspace.phase === 'Deleted' || workspace.tombstone !== undefined)
      throw new AppError('workspace.deleting', { detail: `the dev pod is ${workspace.phase}` });
    const { cluster, lease } = await store.clusters.withLease(workspace.cluster);
    if (cluster === null || !isTrue(conditionsAt(cluster, lease, now()), 'Connected'))
      throw new AppError('workspace.agent_offline', { detail: `the agent of ${workspace.cluster} is not connected` });
    return { workspace, cluster };
  };

  const answered = async (id: string): Promise<CredentialRequestState | null> => {
    const end = Date.now() + deps.patience;
    for (let look = 0; ; look += 1) {
      const request = await store.secrets.request(id);
      if (request?.sealed !== undefined || request?.refused !== undefined) return request;
      if (Date.now() >= end) return null;
      await deps.sleep(LOOKS[Math.min(look, LOOKS.length - 1)] as number);
    }
  };

  /** Asks the agent and waits; null when it has not answered in time. */
  const credential = async (workspace: WorkspaceState, principal: Principal) => {
    const asked = askCredential(workspace, { account: principal.id, actor: actorOf(principal) }, { now: now(), newId });
    // Committed before the answer, since the answer is what it waits for.
    await store.commit(asked, { now: now(), newId });
    const request = await answered(asked.next.id);
    if (request === null) return null;
    if (request.sealed === undefined || request.goodUntil === undefined)
      throw new AppError('workspace.agent_offline', {
        detail: `the agent made no credential: ${request.refused ?? 'it did not say why'}`,
      });
    const token = await sealing.open(request.sealed, credentialContext(request.id));
    return { token, expiresAt: request.goodUntil };
  };

  const later = () => reply(202, { retryAfterSeconds: 5 }, { 'retry-after': '5' });

  return {
    deps,
    served: [
      on(routes.seatAccess.kubeconfig, async (request, principal) => {
        const { workspace, cluster } = await enterable(principal, request);
        const { endpoint, certificateAuthority } = cluster;
        if (endpoint === undefined || certificateAuthority === undefined) throw new AppError('workspace.no_endpoint');
        const of = {
          id: workspace.id,
          name: workspace.name,
          endpoint,
          certificateAuthority,
          namespace: teamNamespace(workspace.team),
        };
        const path = `workspaces/${workspace.id}/credentials`;
        if (request.query.auth === 'exec')
          return reply(200, renderKubeconfig({ ...of, user: { kind: 'exec', apiUrl, path } }), {
            'cache-control': 'no-store',
          });
        const made = await credential(workspace, principal);
        if (made === null) return later();
        return reply(200, renderKubeconfig({ ...of, user: { kind: 'token', ...made } }), {
          'cache-control': 'no-store',
          'x-credential-expires-at': made.expiresAt,
        });
      }),

      on(routes.seatAccess.credentials, async (request, principal) => {
        const { workspace } = await enterable(principal, request);
        const made = await credential(workspace, principal);
        if (made === null) return later();
        const body = {
          apiVersion: 'client.authentication.k8s.io/v1',
          kind: 'ExecCredential',
          status: { token: made.token, expirationTimestamp: made.expiresAt },
        } as const;
        return reply(200, body, { 'cache-control': 'no-store', 'x-credential-expires-at': made.expiresAt });
      }),
    ],
  };
};
