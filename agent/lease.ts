/** One agent at a time: the Lease `roadstead-agent`, taken by PUT with the resourceVersion read (kubernetes.md finding 14). */
import type { Clock } from './clock.ts';
import { hasStatus, type Kubernetes } from './kubernetes/client.ts';
import { type Log, reason } from './log.ts';

const NAME = 'roadstead-agent';
/** Another's lease counts as given up when nothing of it changed for this long by *our* monotonic clock; written times are never compared. */
const DURATION_MS = 30_000;
const RENEW_MS = 10_000;
/** Without a renewal for this long we stop being the holder, safely before another may take over. */
const RENEW_DEADLINE_MS = 20_000;
const RETRY_MS = 3_000;
/** At the end there is little time: a lease that is not released is found stale by the next agent anyway. */
const RELEASE_MS = 2_000;

interface LeaseObject {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

export interface LeaseOptions {
  readonly kubernetes: Kubernetes;
  readonly namespace: string;
  /** Unique to the pod, the same for its restarted containers, so that a restart need not wait. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Kubernetes' MicroTime. */
const microTime = (date: Date) => date.toISOString().replace('Z', '000Z');

/**
 * Runs `work` while the Lease is held, again after each loss, until the signal aborts; then releases it. `work` must end
 * when its signal aborts: it is awaited before the Lease is given up.
 */
export const whileHolding = async (options: LeaseOptions, work: (held: AbortSignal) => Promise<void>) => {
  const { kubernetes, namespace, identity, clock, log, signal } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  let seen: { version: string | undefined; at: number } | undefined;

  const read = async (): Promise<LeaseObject | undefined> => {
    try {
      return await kubernetes.request<LeaseObject>('GET', `${collection}/${NAME}`, { signal });
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  };

  const write = (lease: LeaseObject | undefined): Promise<LeaseObject> => {
    const now = microTime(clock.wall());
    const mine = lease?.spec.holderIdentity === identity;
    const body: LeaseObject = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: lease?.metadata ?? { name: NAME, namespace },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: DURATION_MS / 1000,
        acquireTime: (mine ? lease.spec.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: (lease?.spec.leaseTransitions ?? 0) + (mine || !lease ? 0 : 1),
      },
    };
    return lease
      ? kubernetes.request('PUT', `${collection}/${NAME}`, { body, signal })
      : kubernetes.request('POST', collection, { body, signal });
  };

  /** The Lease as ours, or nothing while another holds it. */
  const take = async (): Promise<LeaseObject | undefined> => {
    const lease = await read();
    const holder = lease?.spec.holderIdentity;
    if (holder && holder !== identity) {
      const version = lease.metadata.resourceVersion ?? '';
      if (seen === undefined) log('info', 'another agent holds the lease', { holder });
      if (seen?.version !== version) seen = { version, at: clock.now() };
      else if (clock.now() - seen.at >= DURATION_MS) return write(lease);
      return undefined;
    }
    return write(lease);
  };

  const acquire = async (): Promise<LeaseObject | undefined> => {
    seen = undefined;
    while (!signal.aborted) {
      try {
        const lease = await take();
        if (lease) return lease;
      } catch (error) {
        // 409: another was faster; it is seen in the next round.
        if (!signal.aborted && !hasStatus(error, 409)) {
          log('warn', 'the lease could not be taken', { reason: reason(error) });
        }
      }
      await clock.sleep(RETRY_MS, signal);
    }
    return undefined;
  };

  /** Renews until the signal ends or the Lease is lost. */
  const renew = async (first: LeaseObject, until: AbortSignal): Promise<void> => {
    let lease = first;
    let renewedAt = clock.now();
    let pause = RENEW_MS;
    for (;;) {
      await clock.sleep(pause, until);
      if (until.aborted) return;
      try {
        lease = await write(lease);
        renewedAt = clock.now();
        pause = RENEW_MS;
      } catch (error) {
        if (until.aborted) return;
        const now = hasStatus(error, 409) ? await read().catch(() => undefined) : undefined;
        // Somebody else edited the object: with our name still in it, it is still ours.
        if (now?.spec.holderIdentity === identity) lease = now;
        else if (now || clock.now() - renewedAt >= RENEW_DEADLINE_MS) {
          log('error', 'the lease was lost', { reason: now ? `held by ${now.spec.holderIdentity}` : reason(error) });
          return;
        }
        pause = RETRY_MS;
      }
    }
  };

  /** Reads again first: a renewal cut off by the end may still have been written. */
  const release = async () => {
    const limit = { signal: AbortSignal.timeout(RELEASE_MS) };
    try {
      const lease = await kubernetes.request<LeaseObject>('GET', `${collection}/${NAME}`, limit);
      if (lease.spec.holderIdentity !== identity) return;
      const body = { ...lease, spec: { ...lease.spec, holderIdentity: '', renewTime: microTime(clock.wall()) } };
      await kubernetes.request('PUT', `${collection}/${NAME}`, { ...limit, body });
    } catch (error) {
      log('warn', 'the lease was not released', { reason: reason(error) });
    }
  };

  while (!signal.aborted) {
    const lease = await acquire();
    if (!lease) return;
    log('info', 'this agent holds the lease', { identity });
    const over = new AbortController();
    const held = AbortSignal.any([signal, over.signal]);
    const end = () => over.abort();
    await Promise.all([renew(lease, held).finally(end), work(held).finally(end)]);
    if (signal.aborted) await release();
  }
};
