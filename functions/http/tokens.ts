/** Lambda: install and agent tokens. */
import release from '../../package.json' with { type: 'json' };
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { app } from './apps/tokens.ts';

const env = readEnv('http/tokens');

export const handler = http(
  app({
    ...liveSecretHttp(env, 'tokens'),
    socketUrl: env.SOCKET_URL,
    apiUrl: env.API_URL,
    agentImage: env.AGENT_IMAGE,
    agentVersion: release.version,
  }),
);
