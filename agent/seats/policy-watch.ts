/** The ConfigMap `roadstead-policy` as its admin last wrote it: read again at a pace, as a ConfigMap is no urgent news. */
import { hash } from 'node:crypto';
import { POLICY_NAME } from '#core/domain/seat/names.ts';
import { type Policy, readPolicy } from '#core/domain/seat/policy.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Kubernetes } from '../kubernetes/client.ts';
import { canonical } from '../kubernetes/print.ts';
import { type Log, reason } from '../log.ts';

const LOOK_MS = 60_000;

interface ConfigMap {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly data?: Readonly<Record<string, string>>;
}

export interface PolicyWatchOptions {
  readonly kubernetes: Kubernetes;
  readonly namespace: string;
  /** It was read for the first time, or is another one: the SHA-256 of what it says, as hexadecimal digits. */
  readonly onChange: (digest: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly lookMs?: number;
}

export interface PolicyWatch {
  readonly policy: () => Policy;
  /** The first look is over; rejects never. */
  readonly ready: Promise<void>;
}

/** A ConfigMap that is not there is one that says nothing; one that cannot be read keeps what was read before. */
export const watchPolicy = (options: PolicyWatchOptions): PolicyWatch => {
  const { kubernetes, namespace, onChange, clock, log, signal, lookMs = LOOK_MS } = options;
  const path = `/api/v1/namespaces/${namespace}/configmaps/${POLICY_NAME}`;
  const first = Promise.withResolvers<void>();
  let policy = readPolicy();
  let version: string | undefined;

  const look = async () => {
    const found = await kubernetes.request<ConfigMap>('GET', path, { signal }).catch((error: unknown) => {
      if (hasStatus(error, 404)) return {} as ConfigMap;
      throw error;
    });
    const now = found.metadata?.resourceVersion ?? '';
    if (now === version) return;
    version = now;
    policy = readPolicy(found.data);
    for (const problem of policy.problems) log('error', 'the policy of this cluster cannot be read', { problem });
    onChange(hash('sha256', canonical(found.data ?? {}), 'hex'));
  };

  const keepLooking = async () => {
    while (!signal.aborted) {
      try {
        await look();
        first.resolve();
      } catch (error) {
        if (!signal.aborted) log('warn', 'the policy of this cluster was not read', { reason: reason(error) });
      }
      await clock.sleep(version === undefined ? Math.min(lookMs, 2_000) : lookMs, signal);
    }
  };
  void keepLooking();
  return { policy: () => policy, ready: first.promise };
};
