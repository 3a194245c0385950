/** Lambda: Installs the agent: the last call that goes into the cluster from outside. */
import release from '../../../package.json' with { type: 'json' };
import { liveDeps } from '../../lib/deps.ts';
import { readEnv } from '../../lib/env.ts';
import { connectKubernetes } from '../lib/kubernetes.ts';
import { liveProviders } from '../providers/live.ts';
import { installAgent } from '../steps/create.ts';

const env = readEnv('tasks/cluster-create/install-agent');

export const handler = installAgent({
  ...liveDeps(env, 'cluster-create-install-agent'),
  providers: liveProviders(env),
  connect: connectKubernetes,
  image: env.AGENT_IMAGE,
  socketUrl: env.SOCKET_URL,
  apiUrl: env.API_URL,
  helloSeconds: env.HELLO_DEADLINE_SECONDS,
  version: release.version,
});
