/** The agent as a process of its own that counts its calls: told to say them over its channel, else as it is in its image. */
import { setFlagsFromString } from 'node:v8';
import { runAgent } from '#agent/agent.ts';
import { systemClock } from '#agent/clock.ts';
import { readConfig } from '#agent/config.ts';
import { connectKubernetes } from '#agent/kubernetes/client.ts';
import { createLog } from '#agent/log.ts';
import { createVitals } from '#agent/vitals.ts';

/** What was asked of the Kubernetes API so far; a watch counts once for its opening. */
export interface Counted {
  readonly calls: number;
  readonly writes: number;
}

// As agent/main.ts does.
setFlagsFromString('--no-opt');

const config = readConfig(process.env);
const client = await connectKubernetes({
  host: config.KUBERNETES_SERVICE_HOST,
  port: config.KUBERNETES_SERVICE_PORT,
  serviceAccountDir: config.SERVICE_ACCOUNT_DIR,
});
let calls = 0;
let writes = 0;
const stopping = new AbortController();
process.on('message', (word) => {
  if (word === 'count') process.send?.({ calls, writes } satisfies Counted);
  else stopping.abort();
});
await runAgent({
  config,
  agentVersion: 'bench',
  kubernetes: {
    ...client,
    request: (method, path, options) => {
      calls++;
      if (method !== 'GET') writes++;
      return client.request(method, path, options);
    },
    lines: (path, query, signal) => {
      calls++;
      return client.lines(path, query, signal);
    },
  },
  vitals: createVitals(systemClock),
  clock: systemClock,
  log: createLog((line) => process.stdout.write(line), systemClock.wall),
  signal: stopping.signal,
});
process.exit(0);
