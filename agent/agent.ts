/** The agent put together: holds the Lease, stays connected, beats, tells, rotates, drains. */
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { dialer } from './dial.ts';
import { drainCluster } from './drain.ts';
import { startHeartbeat } from './heartbeat.ts';
import { hasStatus, type Kubernetes } from './kubernetes/client.ts';
import { whileHolding } from './lease.ts';
import type { Link, Push } from './link.ts';
import { type Log, reason } from './log.ts';
import { observeCluster } from './observe.ts';
import { rotateDaily } from './rotate.ts';
import { stayConnected } from './stay.ts';
import { tokenStore } from './tokens.ts';
import type { Vitals } from './vitals.ts';

export interface AgentOptions {
  readonly config: Config;
  readonly agentVersion: string;
  readonly kubernetes: Kubernetes;
  readonly vitals: Vitals;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the agent in good order: the socket is closed, the Lease released. */
  readonly signal: AbortSignal;
}

/** All that only the holder of the Lease does. Ends with its signal. */
const lead = async (options: AgentOptions, signal: AbortSignal): Promise<void> => {
  const { config, kubernetes, vitals, clock, log } = options;
  const tokens = tokenStore(kubernetes, config.POD_NAMESPACE, clock);
  const observer = observeCluster({ kubernetes, clock, log, signal });
  let current: { link: Link; heart: ReturnType<typeof startHeartbeat> } | undefined;
  let draining = false;

  const drain = async () => {
    if (draining) return;
    draining = true;
    try {
      const drained = await drainCluster(kubernetes, clock, log, signal);
      // The link may be another one by now; without one, the next hello.ack asks again.
      await current?.link.ask('cluster.drained', drained);
    } catch (error) {
      const why = hasStatus(error, 403) ? 'this cluster was installed without the right to be drained' : reason(error);
      log('error', 'the cluster was not drained', { reason: why });
    } finally {
      draining = false;
    }
  };

  const onPush = (push: Push) => {
    if (push.type === 'pace') current?.heart.pace(push.payload);
    else if (push.type === 'reconnect') stay.replace(false);
    else void drain();
  };

  const stay = stayConnected({
    dial: dialer({ ...options, tokens, onPush, signal }),
    installed: async () => (await tokens.read()).install ?? '',
    adopt: (link) => {
      current = { link, heart: startHeartbeat({ link, vitals, clock, log }) };
      observer.tell(link);
      if (link.ack.drain) void drain();
    },
    vitals,
    clock,
    log,
    signal,
  });
  void rotateDaily({ tokens, link: () => current?.link, replace: stay.replace, clock, log, signal });
  await stay.done;
};

/** Runs until the signal aborts and everything is given back. */
export const runAgent = async (options: AgentOptions): Promise<void> => {
  const { config, kubernetes, clock, log, signal } = options;
  const identity = `${config.POD_NAME}_${config.POD_UID}`;
  await whileHolding({ kubernetes, namespace: config.POD_NAMESPACE, identity, clock, log, signal }, (held) =>
    lead(options, held),
  );
};
