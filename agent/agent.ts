/** The agent put together: holds the Lease, stays connected, beats, tells, rotates, drains. */
import { agentApi } from './api.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { departCluster } from './depart.ts';
import { dialer } from './dial.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Kubernetes } from './kubernetes/client.ts';
import { whileHolding } from './lease.ts';
import type { Link, Push } from './link.ts';
import { type Log, reason } from './log.ts';
import { observeCluster } from './observe.ts';
import { keepProbing, type ProbePaces } from './probe/keep.ts';
import { type ProbeLimits, probeEnforcement } from './probe/probe.ts';
import { ownResolvers } from './resolvers.ts';
import { rotateDaily } from './rotate.ts';
import { clusterRecord } from './seats/cluster-record.ts';
import { seatsHandle } from './seats/handle.ts';
import type { SeatPaces } from './seats/paces.ts';
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
  /** Paces of the work on dev pods, where they are not the usual ones. */
  readonly paces?: Partial<SeatPaces>;
  /** Paces and limits of the probe of network policies, likewise. */
  readonly probing?: Partial<ProbePaces & ProbeLimits>;
  /** Ends the agent in good order: the socket is closed, the Lease released. */
  readonly signal: AbortSignal;
}

/** All that only the holder of the Lease does. Ends with its signal. */
const lead = async (options: AgentOptions, signal: AbortSignal): Promise<void> => {
  const { config, agentVersion, kubernetes, vitals, clock, log } = options;
  const tokens = tokenStore(kubernetes, config.POD_NAMESPACE, clock);
  const resolvers = await ownResolvers();
  const observer = observeCluster({
    kubernetes,
    onForeignPod: (namespace, name) => seats.foreignPod(namespace, name),
    profiles: () => seats.profiles(),
    clock,
    log,
    signal,
  });
  const seats = seatsHandle({
    kubernetes,
    api: agentApi(config, tokens, signal),
    record: clusterRecord({ kubernetes, agentVersion, clock, signal }),
    namespace: config.POD_NAMESPACE,
    nodes: observer.nodes,
    onPolicy: observer.recount,
    resolvers,
    ...(options.paces ? { paces: options.paces } : {}),
    clock,
    log,
    signal,
  });
  let current: { link: Link; heart: ReturnType<typeof startHeartbeat> } | undefined;
  let departing = false;

  const depart = async (link: Link) => {
    if (departing) return;
    departing = true;
    try {
      const drained = await departCluster(link, { kubernetes, seats, clock, log, signal });
      // The link may be another one by now; without one, the next hello.ack asks again.
      await current?.link.ask('cluster.drained', drained);
    } catch (error) {
      log('error', 'the cluster was not drained', { reason: reason(error) });
    } finally {
      departing = false;
    }
  };

  /** Only for dev pods does it matter, and only with them does the manifest give the rights: the control plane speaks of them, or it does not. */
  let probing: Promise<void> | undefined;
  const beginProbing = () => {
    probing ??= keepProbing({
      probe: () => probeEnforcement({ kubernetes, config, limits: options.probing ?? {}, clock, log, signal }),
      tell: observer.enforced,
      paces: options.probing ?? {},
      clock,
      log,
      signal,
    });
  };

  const onPush = (push: Push) => {
    if (push.type === 'pace') current?.heart.pace(push.payload);
    else if (push.type === 'reconnect') stay.replace(false);
    else if (push.type !== 'cluster.drain') seats.push(push);
    else if (current) void depart(current.link);
  };

  const stay = stayConnected({
    dial: dialer({ ...options, tokens, onPush, signal }),
    installed: async () => (await tokens.read()).install ?? '',
    adopt: (link) => {
      current = { link, heart: startHeartbeat({ link, vitals, onSeats: seats.heard, clock, log }) };
      observer.tell(link);
      seats.use(link);
      if (link.ack.seats !== undefined) beginProbing();
      if (link.ack.drain) void depart(link);
    },
    vitals,
    clock,
    log,
    signal,
  });
  void rotateDaily({ tokens, link: () => current?.link, replace: stay.replace, clock, log, signal });
  await stay.done;
  await Promise.all([seats.done(), probing]);
};

/** Runs until the signal aborts and everything is given back. */
export const runAgent = async (options: AgentOptions): Promise<void> => {
  const { config, kubernetes, clock, log, signal } = options;
  const identity = `${config.POD_NAME}_${config.POD_UID}`;
  await whileHolding({ kubernetes, namespace: config.POD_NAMESPACE, identity, clock, log, signal }, (held) =>
    lead(options, held),
  );
};
