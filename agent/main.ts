/** The agent's process: reads its environment, serves the probes, runs until SIGTERM. With the argument `probe` it is what a probe of network policies calls. */
import { setFlagsFromString } from 'node:v8';
import { runAgent } from './agent.ts';
import { systemClock } from './clock.ts';
import { readConfig } from './config.ts';
import { serveHealth } from './health.ts';
import { connectKubernetes } from './kubernetes/client.ts';
import { createLog, reason } from './log.ts';
import { listenForProbe } from './probe/listen.ts';
import { PROBE_ARGUMENT } from './probe/objects.ts';
import { createVitals } from './vitals.ts';

// Waits most of its life: the optimizing compiler would cost more memory than it saves time.
setFlagsFromString('--no-opt');

/** The build replaces this expression by the release's version. */
const agentVersion = process.env.AGENT_VERSION ?? '0.0.0-source';
/** A stop must be over before the pod's grace is: what hangs is left behind. */
const STOP_MS = 4_500;

const clock = systemClock;
const log = createLog((line) => process.stdout.write(line), clock.wall);

const untilStopped = (): AbortSignal => {
  const stopping = new AbortController();
  const stop = (signal: string) => {
    log('info', 'stopping', { signal });
    stopping.abort();
    setTimeout(() => process.exit(0), STOP_MS).unref();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  return stopping.signal;
};

const main = async () => {
  const config = readConfig(process.env);
  const signal = untilStopped();

  const vitals = createVitals(clock);
  const health = await serveHealth(vitals, config.POD_IP, config.HEALTH_PORT);
  const kubernetes = await connectKubernetes({
    host: config.KUBERNETES_SERVICE_HOST,
    port: config.KUBERNETES_SERVICE_PORT,
    serviceAccountDir: config.SERVICE_ACCOUNT_DIR,
  });
  log('info', 'started', { agentVersion, pod: config.POD_NAME, node: config.NODE_NAME, healthPort: health.port });

  await runAgent({ config, agentVersion, kubernetes, vitals, clock, log, signal });
  kubernetes.close();
  health.close();
  log('info', 'stopped');
};

const listen = () => listenForProbe(process.env.POD_IP ?? '::', untilStopped());

(process.argv[2] === PROBE_ARGUMENT ? listen() : main()).then(
  () => process.exit(0),
  (error: unknown) => {
    log('error', 'the agent failed', { reason: reason(error) });
    process.exit(1);
  },
);
