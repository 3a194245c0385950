/** Install and agent tokens of a cluster: made, listed without their values, revoked. */
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { assertRoom, newInstallToken, revokeToken, toAgentToken } from '#core/domain/token.ts';
import { untilFresh } from '#core/store/commit.ts';
import { sha256 } from '#core/store/keys.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { INSTALL_COMMAND, type InstallSettings, installManifest } from './install.ts';
import { actorOf, locate } from './locate.ts';

export interface TokensDeps extends HttpDeps, Pick<Deps, 'newSecret'>, InstallSettings {
  readonly store: Deps['store'];
}

export const app = (deps: TokensDeps): App => {
  const { store, now, newId } = deps;
  return {
    deps,
    served: [
      on(routes.tokens.create, async (request, principal) => {
        const { cluster } = await locate(store, principal, request, 'token.write');
        if (cluster.phase === 'Deleting' || cluster.phase === 'Deleted')
          throw new AppError('cluster.deleting', { detail: `the cluster is ${cluster.phase}` });
        assertRoom(await store.tokens.ofCluster(cluster.id), now());
        const installToken = `rsi_${deps.newSecret()}`;
        const decision = newInstallToken(
          { hash: sha256(installToken), cluster: cluster.id, team: cluster.team, actor: actorOf(principal) },
          { now: now(), newId },
        );
        const manifest = installManifest(deps, cluster, installToken);
        const token = toAgentToken(decision.token, now());
        return request.commit(decision, reply(201, { token, installToken, manifest, command: INSTALL_COMMAND }));
      }),

      on(routes.tokens.register, async (_request, agent) => {
        const cluster = await store.clusters.cluster(agent.cluster);
        if (cluster === null || cluster.phase === 'Deleting' || cluster.phase === 'Deleted')
          throw new AppError('cluster.deleting', { detail: 'the cluster of this token is gone or going' });
        return reply(200, installManifest(deps, cluster, agent.presented), { 'cache-control': 'no-store' });
      }),

      on(routes.tokens.list, async (request, principal) => {
        const { cluster } = await locate(store, principal, request, 'token.read');
        const tokens = await store.tokens.ofCluster(cluster.id);
        return reply(200, { items: tokens.map((each) => toAgentToken(each, now())) });
      }),

      on(routes.tokens.revoke, async (request, principal) => {
        const { cluster } = await locate(store, principal, request, 'token.write');
        const listed = (await store.tokens.ofCluster(cluster.id)).find((each) => each.id === request.params.tokenId);
        if (listed === undefined)
          throw new AppError('not_found', { detail: `the cluster has no token "${request.params.tokenId}"` });
        return untilFresh(async () => {
          // The list may lag behind; the token itself is read consistently.
          const token = (await store.tokens.byHash(listed.hash)) ?? listed;
          return request.commit(revokeToken(token, actorOf(principal), now()), reply(204));
        });
      }),
    ],
  };
};
