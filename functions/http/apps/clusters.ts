/** Clusters: each handler loads, decides, commits and replies; the rules are in the domain. */
import type { NewCluster } from '#core/contract/cluster.ts';
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterDecision } from '#core/domain/cluster-command.ts';
import { isConnected } from '#core/domain/cluster-origin.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { toCluster } from '#core/domain/cluster-view.ts';
import { type CapacityLimits, joined } from '#core/domain/decision.ts';
import type { Lease } from '#core/domain/link.ts';
import type { OperationTimings } from '#core/domain/operation.ts';
import { newInstallToken } from '#core/domain/token.ts';
import { untilFresh } from '#core/store/commit.ts';
import { sha256 } from '#core/store/keys.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply, resource } from '../../lib/http.ts';
import { INSTALL_COMMAND, type InstallSettings, installManifest } from './install.ts';
import { actorOf, type ClusterRef, locate } from './locate.ts';

export interface ClustersDeps extends HttpDeps, Pick<Deps, 'store' | 'newSecret'>, InstallSettings {
  readonly store: Deps['store'];
  readonly limits: CapacityLimits;
  readonly timings: OperationTimings;
  readonly providers: readonly string[];
  /** Can clusters that are not ours pull the agent's image? */
  readonly agentImagePublished: boolean;
  /** Teams whose clusters may take dev pods of every team; `*` is all. */
  readonly sharingTeams: readonly string[];
}

/** Fills in the version; throws for what the provider does not offer. */
const offered = async ({ store, providers, agentImagePublished }: ClustersDeps, spec: NewCluster) => {
  if (!providers.includes(spec.provider))
    throw new AppError('provider.unknown', { detail: `"${spec.provider}" is not one of them`, allowed: providers });
  if (isConnected(spec)) {
    if (!agentImagePublished) throw new AppError('provider.agent_image_private');
    // It has the version that it has: its agent will say which.
    return { ...spec, kubernetesVersion: 'unknown' };
  }
  const versions = await store.clusters.versions(spec.provider);
  if (versions === null)
    throw new AppError('retry', {
      detail: `the versions of ${spec.provider} are not known yet; the sweeper fetches them`,
      retryAfterSeconds: 60,
    });
  const kubernetesVersion = spec.kubernetesVersion ?? versions.default;
  if (!versions.offered.includes(kubernetesVersion))
    throw new AppError('cluster.version_unknown', {
      detail: `${kubernetesVersion} is not one of them`,
      allowed: versions.offered,
    });
  return { ...spec, kubernetesVersion };
};

/** Whoever administers a shared cluster can read the secrets of everybody's pods there: only teams that the deployment trusts may share. */
const mayShare = ({ sharingTeams }: ClustersDeps, team: string, spec: NewCluster): void => {
  if (spec.isolation !== 'shared') return;
  if (!spec.takesWorkspaces)
    throw new AppError('cluster.isolation', { detail: 'isolation=shared without takesWorkspaces' });
  if (!sharingTeams.includes('*') && !sharingTeams.includes(team))
    throw new AppError('cluster.isolation', {
      detail: `${team} is not one of the teams whose clusters may be shared (parameter SharingTeams of the deployment)`,
      status: 403,
    });
};

/** `key=value`, several by commas or by repeating the parameter: all must be there. */
const selector = (given: string | readonly string[] | undefined) => {
  const wanted = [given ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')
    .map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new AppError('request.invalid', {
          detail: 'one field of the query cannot be taken',
          errors: [{ path: 'query.label', message: 'a label is asked for as key=value' }],
        });
      return [text.slice(0, at), text.slice(at + 1)] as const;
    });
  return (cluster: ClusterState): boolean =>
    wanted.every(([key, value]) => Object.hasOwn(cluster.labels, key) && cluster.labels[key] === value);
};

export const app = (deps: ClustersDeps): App => {
  const { store, limits, timings, now, newId } = deps;
  /** Loads the cluster with its operation, decides, and has `commit` write it; again when somebody else was faster. */
  const change = <T>(
    request: ClusterRef & { readonly match: (revision: number) => void },
    principal: Principal,
    action: Action,
    command: ClusterCommand,
    commit: (decision: ClusterDecision, lease: Lease | null) => Promise<T>,
  ): Promise<T> =>
    untilFresh(async () => {
      const { cluster, lease } = await locate(store, principal, request, action);
      const subject = await store.clusters.subjectOf(cluster);
      request.match(cluster.revision);
      return commit(decideCluster(subject, command, { now: now(), newId }), lease);
    });

  const accepted = ({ next, operation }: ClusterDecision, lease: Lease | null) =>
    reply(202, toCluster(next, lease, now()), resource(next, operation?.id));

  return {
    deps,
    served: [
      on(routes.clusters.create, async (request, principal) => {
        const team = request.body.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'cluster.create', `team "${team}"`);
        mayShare(deps, team, request.body);
        const spec = await offered(deps, request.body);
        const actor = actorOf(principal);
        const decision = decideCluster(
          { cluster: null, operation: null },
          { type: 'create', actor, account: principal.id, team, spec, limits, timings },
          { now: now(), newId },
        );
        const { next, operation } = decision;
        const headers = resource(next, operation?.id);
        if (!isConnected(next)) return request.commit(decision, reply(202, toCluster(next, null, now()), headers));
        const installToken = `rsi_${deps.newSecret()}`;
        const token = newInstallToken(
          { hash: sha256(installToken), cluster: next.id, team, actor },
          { now: now(), newId },
        );
        const answer = {
          ...toCluster(next, null, now()),
          installToken,
          manifest: installManifest(deps, next, installToken),
          command: INSTALL_COMMAND,
        };
        return request.commit(joined(decision, token), reply(201, answer, headers));
      }),

      on(routes.clusters.list, async ({ query }, principal) => {
        const team = query.team ?? principal.personalTeam;
        const labelled = selector(query.label);
        const { role, items, nextCursor } = await store.clusters.page({
          team,
          account: principal.id,
          limit: query.limit,
          cursor: query.cursor,
          matches: (each) => (query.phase === undefined || each.phase === query.phase) && labelled(each),
        });
        authorize(role, 'cluster.read', `team "${team}"`);
        return reply(200, {
          items: items.map(({ cluster, lease }) => toCluster(cluster, lease, now())),
          ...(nextCursor === undefined ? {} : { nextCursor }),
        });
      }),

      on(routes.clusters.get, async (request, principal) => {
        const { cluster, lease } = await locate(store, principal, request, 'cluster.read');
        return reply(200, toCluster(cluster, lease, now()), resource(cluster));
      }),

      on(routes.clusters.delete, (request, principal) =>
        change(
          request,
          principal,
          'cluster.delete',
          { type: 'delete', actor: actorOf(principal), force: request.query.force, timings },
          (decision, lease) => request.commit(decision, accepted(decision, lease)),
        ),
      ),

      on(routes.clusters.retry, (request, principal) =>
        change(
          request,
          principal,
          'cluster.retry',
          { type: 'retry', actor: actorOf(principal), timings },
          (decision, lease) => request.commit(decision, accepted(decision, lease)),
        ),
      ),

      on(routes.clusters.extend, (request, principal) =>
        change(
          request,
          principal,
          'cluster.extend',
          { type: 'extend', actor: actorOf(principal), ttlSeconds: request.body.ttlSeconds },
          (decision, lease) =>
            request.commit(decision, reply(200, toCluster(decision.next, lease, now()), resource(decision.next))),
        ),
      ),
    ],
  };
};
