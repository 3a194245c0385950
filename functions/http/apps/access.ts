/** Ways into a cluster: kubeconfigs and credentials, each short-lived, for the person's own role, and noted in the audit log. */
import type { Role } from '#core/contract/account.ts';
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { atLeast, clusterRoleOf, type Principal } from '#core/domain/access.ts';
import { type ClusterState, isExpired } from '#core/domain/cluster-state.ts';
import type { Decision } from '#core/domain/decision.ts';
import { renderKubeconfig } from '#core/domain/kubeconfig.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import type { Credential, Mint } from '../../lib/mint.ts';
import { actorOf, type ClusterRef, locate } from './locate.ts';

export interface AccessDeps extends HttpDeps {
  readonly store: Deps['store'];
  /** How credentials are made, by provider. */
  readonly mint: Readonly<Record<string, Mint>>;
  /** Where the API is for people, without `/api/v1`. */
  readonly apiUrl: string;
}

/** The cluster, if it can be entered by this person now. */
const enterable = async (deps: AccessDeps, principal: Principal, ref: ClusterRef) => {
  const { cluster, role } = await locate(deps.store, principal, ref, 'cluster.credentials');
  if (cluster.phase === 'Deleted') throw new AppError('not_found', { detail: 'the cluster is deleted' });
  if (isExpired(cluster, deps.now()))
    throw new AppError('cluster.expired', { status: 410, detail: `it expired at ${cluster.expiresAt}` });
  if (cluster.phase !== 'Ready') throw new AppError('cluster.not_ready', { detail: `the cluster is ${cluster.phase}` });
  // Cluster-wide rights would reach into everybody's dev pods.
  if (cluster.takesWorkspaces && !atLeast(role, 'admin')) throw new AppError('cluster.takes_workspaces');
  return { cluster, role };
};

const mintFor = (deps: AccessDeps, principal: Principal, cluster: ClusterState, role: Role): Promise<Credential> => {
  const mint = deps.mint[cluster.provider];
  if (mint === undefined)
    throw new AppError('cluster.not_ready', {
      detail: `credentials for clusters of the provider "${cluster.provider}" are not given out here`,
    });
  return mint({ cluster: cluster.id, role: clusterRoleOf(role), account: principal.id });
};

/** Nothing changes but the audit log. */
const audited = (
  principal: Principal,
  cluster: ClusterState,
  action: 'cluster.kubeconfig' | 'cluster.credentials',
  detail: Readonly<Record<string, string>>,
): Decision => ({
  writes: [],
  claims: [],
  audit: [{ team: cluster.team, actor: actorOf(principal), action, resource: cluster.id, detail }],
});

export const app = (deps: AccessDeps): App => ({
  deps,
  served: [
    on(routes.clusters.kubeconfig, async (request, principal) => {
      const { cluster, role } = await enterable(deps, principal, request);
      const { id, name, endpoint, certificateAuthority } = cluster;
      if (endpoint === undefined || certificateAuthority === undefined)
        throw new AppError('cluster.not_ready', { detail: 'the address of the cluster is not known' });

      const decision = audited(principal, cluster, 'cluster.kubeconfig', { auth: request.query.auth, role });
      if (request.query.auth === 'exec') {
        const user = { kind: 'exec', apiUrl: deps.apiUrl, path: `clusters/${id}/credentials` } as const;
        return request.commit(
          decision,
          reply(200, renderKubeconfig({ id, name, endpoint, certificateAuthority, user })),
        );
      }
      const { token, expiresAt } = await mintFor(deps, principal, cluster, role);
      const user = { kind: 'token', token, expiresAt } as const;
      const text = renderKubeconfig({ id, name, endpoint, certificateAuthority, user });
      return request.commit(decision, reply(200, text, { 'x-credential-expires-at': expiresAt }));
    }),

    on(routes.clusters.credentials, async (request, principal) => {
      const { cluster, role } = await enterable(deps, principal, request);
      const { token, expiresAt } = await mintFor(deps, principal, cluster, role);
      return request.commit(
        audited(principal, cluster, 'cluster.credentials', { role }),
        reply(
          200,
          {
            apiVersion: 'client.authentication.k8s.io/v1',
            kind: 'ExecCredential',
            status: { token, expirationTimestamp: expiresAt },
          },
          { 'x-credential-expires-at': expiresAt },
        ),
      );
    }),
  ],
});
