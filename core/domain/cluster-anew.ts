/** A cluster that its provider has no more, and the one that is made anew under its id. */
import type { ClusterState } from './cluster-state.ts';
import { withCondition } from './conditions.ts';
import { type Decision, joined, write } from './decision.ts';
import { type AgentTokenState, revokeToken } from './token.ts';

/** What becomes of a cluster that was deleted at its provider, and not here. */
export const vanished = (cluster: ClusterState, now: string): Partial<ClusterState> => {
  const message = 'The provider has no such cluster any more: it was deleted there, not here.';
  return {
    phase: 'Failed',
    error: {
      code: 'provider.vanished',
      message,
      help: 'Delete it here too, or retry it: it is made anew, and empty.',
    },
    conditions: withCondition(cluster.conditions, { type: 'Ready', status: 'False', reason: 'Vanished', message }, now),
  };
};

/** Forgets the agent and the uid of the cluster that is gone, and ends the agent's tokens: the next hello is the first of another cluster, and no clone's. */
export const madeAnew = (cluster: ClusterState, tokens: readonly AgentTokenState[], now: string): Decision => {
  const conditions = withCondition(
    cluster.conditions.filter(({ type }) => type !== 'CloneDetected'),
    { type: 'Connected', status: 'False', reason: 'MadeAnew', message: 'The cluster was made anew; its agent is new.' },
    now,
  );
  const next: ClusterState = {
    ...cluster,
    clusterUid: undefined,
    agent: undefined,
    conditions,
    version: cluster.version + 1,
    updatedAt: now,
  };
  return joined(
    {
      writes: [write(cluster, next)],
      claims: [],
      audit: [{ team: cluster.team, actor: 'system', action: 'cluster.made_anew', resource: cluster.id }],
    },
    ...tokens.map((token) => revokeToken(token, 'system', now)),
  );
};
