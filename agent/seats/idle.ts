/** Stops seats that are idle: the image's activity script says in the pod's log for how long nothing went on, and that is read as seldom as possible (kubernetes.md finding 24). */
import type { IdleStop } from '#core/contract/seat.ts';
import type { Clock } from '../clock.ts';
import type { Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { WorkspaceFacts } from './facts.ts';
import type { PodFacts } from './pod-facts.ts';

/** The container of the seat's pod, and what `images/common/activity` writes there: at once when work is taken up again, else each five minutes. */
const CONTAINER = 'dev';
const SAID = /^roadstead: idle (\d{1,9})$/gm;
/** Three times that: who was silent for longer says nothing. By the kubelet's clock, so that ours does not matter. */
const SINCE_SECONDS = 900;
const BYTES = 65_536;

/** Seconds for which nothing went on, by the last word of the image; nothing where it says none, or where its last word may be cut off. Pure. */
export const idleSecondsOf = (log: string): number | undefined => {
  if (Buffer.byteLength(log) >= BYTES) return undefined;
  const last = [...log.matchAll(SAID)].at(-1);
  return last === undefined ? undefined : Number(last[1]);
};

/**
 * Whether this seat was stopped for being idle, and nobody has asked for it since: a start and a restart raise `restarts`. Where the spec is
 * changed by hand in the cluster, a stop there ends it, too. Pure.
 */
export const idleStopOf = ({ spec, status, origin, breakGlass }: WorkspaceFacts): IdleStop | undefined => {
  const stop = status?.idleStop;
  if (stop === undefined || spec?.restarts !== stop.restarts) return undefined;
  const byHand = origin === 'Cluster' || breakGlass !== undefined;
  return byHand && spec.runState === 'Stopped' ? undefined : stop;
};

/** The seat as if it were asked to be stopped. */
export const asStopped = (workspace: WorkspaceFacts): WorkspaceFacts =>
  workspace.spec ? { ...workspace, spec: { ...workspace.spec, runState: 'Stopped' } } : workspace;

export interface Idleness {
  /** `stop`: it has been idle for its timeout; `again`: milliseconds until the next look. */
  about(workspace: WorkspaceFacts, pod: PodFacts): Promise<{ readonly stop?: IdleStop; readonly again?: number }>;
  forget(namespace: string, name: string): void;
}

const startOf = ({ status }: PodFacts): string | undefined =>
  status.containerStatuses?.find(({ name }) => name === CONTAINER)?.state?.running?.startedAt;

/** `retryMs`: when to look again after a log that could not be read. */
export const idleness = (kubernetes: Kubernetes, clock: Clock, signal: AbortSignal, retryMs: number): Idleness => {
  /** When each pod was last known to be active, by the monotonic clock; what is lost in a restart is learnt again from its start and its log. */
  const active = new Map<string, { readonly pod: string; readonly at: number }>();
  return {
    about: async (workspace, pod) => {
      const { namespace, name, spec } = workspace;
      if (spec === undefined || spec.idleTimeoutSeconds === 0) return {};
      const key = `${namespace}/${name}`;
      const timeoutMs = spec.idleTimeoutSeconds * 1000;
      const now = clock.now();
      // A wall clock that is wrong only looks too early or too late: what is decided on is a duration of the pod's own.
      const started = startOf(pod);
      const ageMs = started === undefined ? 0 : Math.max(0, clock.wall().getTime() - Date.parse(started));
      const before = active.get(key);
      const activeAt = before?.pod === pod.uid ? before.at : now - ageMs;
      active.set(key, { pod: pod.uid, at: activeAt });
      if (now < activeAt + timeoutMs) return { again: activeAt + timeoutMs - now };
      const query = { container: CONTAINER, sinceSeconds: SINCE_SECONDS, limitBytes: BYTES };
      const log = await kubernetes
        .text(`${pathOf(kinds.Pod, namespace, pod.name)}/log`, { query, signal })
        .catch(() => undefined);
      if (log === undefined) return { again: Math.min(retryMs, timeoutMs) };
      // Unknown evidence: it keeps running. Nothing is idle for longer than it has been there.
      const idleMs = Math.min((idleSecondsOf(log) ?? 0) * 1000, Math.max(ageMs, timeoutMs));
      active.set(key, { pod: pod.uid, at: now - idleMs });
      if (idleMs < timeoutMs) return { again: timeoutMs - idleMs };
      // Where the stop cannot be kept (an older definition of Workspaces), it is found again, and not at once.
      active.set(key, { pod: pod.uid, at: now - timeoutMs + Math.min(retryMs, timeoutMs) });
      const lastActiveAt = new Date(clock.wall().getTime() - idleMs).toISOString();
      return { stop: { restarts: spec.restarts, lastActiveAt } };
    },
    forget: (namespace, name) => void active.delete(`${namespace}/${name}`),
  };
};
