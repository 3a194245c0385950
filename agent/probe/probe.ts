/**
 * One probe of whether this cluster enforces NetworkPolicies (kubernetes.md finding 19): nothing in the API says so, so it is tried.
 *
 * A pod of the agent's image listens on two ports, behind a policy that allows both. When the agent reaches both, the policy is narrowed to one:
 * the other must fall silent. The policy selects the probe's pod alone, never the agent's: whatever goes wrong, the agent's own connections, its
 * health port and what dev pods tell it are as before. That both were reached before is what makes silence a proof, also where pods start behind
 * a closed door (strict mode on EKS) or in a namespace with a default-deny of its admin. One pod on one node is a sample: the next probe may
 * come to another node.
 */

import { PROBE_NAME } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { type Log, reason } from '../log.ts';
import { canConnect, type Reach } from './connect.ts';
import { awaitOpen, type JudgeLimits, type JudgeOptions, judge } from './judge.ts';
import { ALLOWED_PORT, DENIED_PORT, probePod, probePolicy } from './objects.ts';

/** Milliseconds. */
export interface ProbeLimits extends JudgeLimits {
  /** For the pod to run: a node may have to come and an image to be pulled. */
  readonly startMs: number;
  /** For a pod that was deleted to be gone. */
  readonly goneMs: number;
}
export const LIMITS: ProbeLimits = {
  lookMs: 1_000,
  startMs: 150_000,
  openMs: 60_000,
  enforceMs: 30_000,
  goneMs: 30_000,
};
/** At the agent's end there is little time; what stays is collected with the agent's pod. */
const CLEAN_MS = 2_000;

export interface ProbeOptions {
  readonly kubernetes: Kubernetes;
  readonly config: Pick<Config, 'AGENT_IMAGE' | 'POD_NAME' | 'POD_NAMESPACE' | 'POD_UID'>;
  readonly reach?: Reach;
  readonly limits?: Partial<ProbeLimits>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface Running extends Item {
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly containerStatuses?: readonly {
      readonly state?: { readonly waiting?: { readonly reason?: string } };
    }[];
  };
}

/** What keeps the pod from running, as far as its status says. */
const trouble = ({ status }: Running): string =>
  status?.reason ??
  status?.containerStatuses?.[0]?.state?.waiting?.reason ??
  status?.conditions?.find((condition) => condition.status === 'False' && condition.message)?.message ??
  status?.phase ??
  'no status';

/** Rejects with an Error where it cannot be told; whatever was made is taken away again in any case. */
export const probeEnforcement = async (options: ProbeOptions): Promise<'true' | 'false'> => {
  const { kubernetes, config, reach = canConnect, clock, log, signal } = options;
  const limits = { ...LIMITS, ...options.limits };
  const image = config.AGENT_IMAGE;
  if (image === undefined) throw new Error('AGENT_IMAGE is not set, so there is nothing to run as the probe');
  const pods = pathOf(kinds.Pod, config.POD_NAMESPACE);
  const policies = pathOf(kinds.NetworkPolicy, config.POD_NAMESPACE);

  const remove = async (collection: string, until: AbortSignal) => {
    await kubernetes.request('DELETE', `${collection}/${PROBE_NAME}`, { signal: until }).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  };
  const read = () =>
    kubernetes.request<Running>('GET', `${pods}/${PROBE_NAME}`, { signal }).catch((error: unknown) => {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    });

  /** By name: only the holder of the Lease probes, and a former one has long ended when the next begins. */
  const clear = async () => {
    const until = AbortSignal.timeout(CLEAN_MS);
    await Promise.all([remove(pods, until), remove(policies, until)]);
    for (const end = clock.now() + limits.goneMs; !signal.aborted && (await read()); ) {
      if (clock.now() >= end) throw new Error('the pod of the probe does not end');
      await clock.sleep(limits.lookMs, signal);
    }
  };

  const address = async (): Promise<string> => {
    for (const end = clock.now() + limits.startMs; ; ) {
      const pod = await read();
      if (pod === undefined) throw new Error("somebody deleted the probe's pod");
      const { phase, podIP } = pod.status ?? {};
      if (phase === 'Running' && podIP) return podIP;
      if (phase === 'Succeeded' || phase === 'Failed') throw new Error(`the probe's pod ended: ${trouble(pod)}`);
      if (clock.now() >= end) {
        throw new Error(`the probe's pod did not run within ${limits.startMs / 1000} s: ${trouble(pod)}`);
      }
      await clock.sleep(limits.lookMs, signal);
      signal.throwIfAborted();
    }
  };

  await clear();
  try {
    // The policy comes first, so that the pod is never without one.
    const open = probePolicy(config, [ALLOWED_PORT, DENIED_PORT]);
    const { metadata } = await kubernetes.request<Item>('POST', policies, { body: open, signal });
    await kubernetes.request('POST', pods, { body: probePod(config, image), signal });
    const host = await address();
    const look = async () => {
      const [allowed, denied] = await Promise.all([reach(host, ALLOWED_PORT), reach(host, DENIED_PORT)]);
      return { allowed, denied };
    };
    const looking: JudgeOptions = { look, limits, clock, signal };
    await awaitOpen(looking);
    const narrow = probePolicy(config, [ALLOWED_PORT]);
    await kubernetes.request('PUT', `${policies}/${PROBE_NAME}`, {
      body: { ...narrow, metadata: { ...narrow.metadata, resourceVersion: metadata.resourceVersion } },
      signal,
    });
    return await judge(looking);
  } finally {
    await clear().catch((error: unknown) => {
      log('warn', 'what the probe made was not taken away', { reason: reason(error) });
    });
  }
};
