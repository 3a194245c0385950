/** Lambda: clusters. */
import { readEnv } from '../lib/env.ts';
import { liveHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/clusters.ts';

const env = readEnv('http/clusters');

export const handler = http(
  app({
    ...liveHttp(env, 'clusters'),
    limits: {
      teamClusters: env.TEAM_CLUSTER_LIMIT,
      deploymentClusters: env.DEPLOYMENT_CLUSTER_LIMIT,
      deploymentVcpu: env.DEPLOYMENT_VCPU_LIMIT,
    },
    timings: {
      createDeadline: env.CREATE_DEADLINE_SECONDS,
      deleteDeadline: env.DELETE_DEADLINE_SECONDS,
      startGrace: env.START_GRACE_SECONDS,
    },
    providers: env.PROVIDERS.split(','),
  }),
);
