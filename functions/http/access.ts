/** Lambda: kubeconfigs and credentials. */
import { readEnv } from '../lib/env.ts';
import { liveSecretHttp } from '../lib/http/live.ts';
import { http } from '../lib/http.ts';
import { eksMint } from '../lib/mint.ts';
import { app } from './apps/access.ts';

const env = readEnv('http/access');
const deps = liveSecretHttp(env, 'access');

export const handler = http(
  app({
    ...deps,
    mint: {
      eks: eksMint(
        { viewer: env.VIEWER_ROLE_ARN, editor: env.EDITOR_ROLE_ARN, admin: env.ADMIN_ROLE_ARN },
        { now: deps.now },
      ),
    },
    apiUrl: env.API_URL,
  }),
);
