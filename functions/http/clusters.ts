/** Lambda: clusters. */
import release from '../../package.json' with { type: 'json' };
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/clusters.ts';

const env = readEnv('http/clusters');

export const handler = http(
  app({
    ...liveSecretHttp(env, 'clusters'),
    socketUrl: env.SOCKET_URL,
    apiUrl: env.API_URL,
    agentImage: env.AGENT_IMAGE,
    agentImagePublished: env.AGENT_IMAGE_PUBLISHED === 'true',
    agentVersion: release.version,
    sharingTeams: env.SHARING_TEAMS.split(',').filter((team) => team !== ''),
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
