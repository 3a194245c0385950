/** Clusters: each handler loads, decides, commits and replies; the rules are in the domain. */
import type { NewCluster } from '#core/contract/cluster.ts';
import { AppError } from '#core/contract/errors.ts';
import { routes } from '#core/contract/routes.ts';
import { type Action, authorize, type Principal } from '#core/domain/access.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { ClusterCommand, ClusterDecision } from '#core/domain/cluster-command.ts';
import type { ClusterState } from '#core/domain/cluster-state.ts';
import { toCluster } from '#core/domain/cluster-view.ts';
import type { CapacityLimits } from '#core/domain/decision.ts';
import type { OperationTimings } from '#core/domain/operation.ts';
import { untilFresh } from '#core/store/commit.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply, resource } from '../../lib/http.ts';
import { actorOf, type ClusterRef, locate } from './locate.ts';

export interface ClustersDeps extends HttpDeps, Pick<Deps, 'store'> {
  readonly store: Deps['store'];
  readonly limits: CapacityLimits;
  readonly timings: OperationTimings;
  readonly providers: readonly string[];
}

/** Fills in the version; throws for what the provider does not offer. */
const offered = async ({ store, providers }: ClustersDeps, spec: NewCluster) => {
  if (!providers.includes(spec.provider))
    throw new AppError('provider.unknown', { detail: `"${spec.provider}" is not one of them`, allowed: providers });
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
  const viewed = async (cluster: ClusterState) => toCluster(cluster, await store.clusters.lease(cluster.id), now());

  /** Loads the cluster with its operation, decides, and has `commit` write it; again when somebody else was faster. */
  const change = <T>(
    request: ClusterRef & { readonly match: (revision: number) => void },
    principal: Principal,
    action: Action,
    command: ClusterCommand,
    commit: (decision: ClusterDecision) => Promise<T>,
  ): Promise<T> =>
    untilFresh(async () => {
      const found = await locate(store, principal, request, action);
      const subject = await store.clusters.subject(found.cluster.id);
      request.match((subject.cluster ?? found.cluster).revision);
      return commit(decideCluster(subject, command, { now: now(), newId }));
    });

  const accepted = async ({ next, operation }: ClusterDecision) =>
    reply(202, await viewed(next), resource(next, operation?.id));

  return {
    deps,
    served: [
      on(routes.clusters.create, async (request, principal) => {
        const team = request.body.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'cluster.create', `team "${team}"`);
        const spec = await offered(deps, request.body);
        const actor = actorOf(principal);
        const decision = decideCluster(
          { cluster: null, operation: null },
          { type: 'create', actor, account: principal.id, team, spec, limits, timings },
          { now: now(), newId },
        );
        const { next, operation } = decision;
        return request.commit(decision, reply(202, toCluster(next, null, now()), resource(next, operation?.id)));
      }),

      on(routes.clusters.list, async ({ query }, principal) => {
        const team = query.team ?? principal.personalTeam;
        authorize(await store.people.role(team, principal.id), 'cluster.read', `team "${team}"`);
        const labelled = selector(query.label);
        const { items, nextCursor } = await store.clusters.page({
          team,
          limit: query.limit,
          cursor: query.cursor,
          matches: (each) => (query.phase === undefined || each.phase === query.phase) && labelled(each),
        });
        return reply(200, {
          items: items.map(({ cluster, lease }) => toCluster(cluster, lease, now())),
          ...(nextCursor === undefined ? {} : { nextCursor }),
        });
      }),

      on(routes.clusters.get, async (request, principal) => {
        const { cluster } = await locate(store, principal, request, 'cluster.read');
        return reply(200, await viewed(cluster), resource(cluster));
      }),

      on(routes.clusters.delete, (request, principal) =>
        change(
          request,
          principal,
          'cluster.delete',
          { type: 'delete', actor: actorOf(principal), timings },
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.clusters.retry, (request, principal) =>
        change(
          request,
          principal,
          'cluster.retry',
          { type: 'retry', actor: actorOf(principal), timings },
          async (decision) => request.commit(decision, await accepted(decision)),
        ),
      ),

      on(routes.clusters.extend, (request, principal) =>
        change(
          request,
          principal,
          'cluster.extend',
          { type: 'extend', actor: actorOf(principal), ttlSeconds: request.body.ttlSeconds },
          async (decision) =>
            request.commit(decision, reply(200, await viewed(decision.next), resource(decision.next))),
        ),
      ),
    ],
  };
};
