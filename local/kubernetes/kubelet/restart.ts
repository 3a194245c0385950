/** Restarts: how long to wait before one, and in what state a container is found by a kubelet that was restarted itself. Pure. */
import { timestamp } from '../controllers/machinery/conditions.ts';
import type { ContainerState, ContainerStatus } from '../controllers/machinery/types.ts';

export type RestartPolicy = 'Always' | 'OnFailure' | 'Never';

/** Waits between restarts: the first restart comes at once, then `baseMs`, doubled each time up to `maxMs`; a run of `resetMs` forgives. */
export interface Backoff {
  baseMs: number;
  maxMs: number;
  resetMs: number;
}

/** The wait after a run that took `ranMs` and followed a wait of `lastMs` (undefined: it was the first run). */
export function nextWait({ baseMs, maxMs, resetMs }: Backoff, lastMs: number | undefined, ranMs: number): number {
  if (lastMs === undefined || ranMs > resetMs) return 0;
  return lastMs === 0 ? baseMs : Math.min(maxMs, lastMs * 2);
}

/** `10s`, `2m40s`: as the kubelet writes it. */
export const waitText = (ms: number): string =>
  ms >= 60_000 ? `${Math.floor(ms / 60_000)}m${(ms % 60_000) / 1000}s` : `${ms / 1000}s`;

/** What an earlier kubelet reported, as it is now that its processes are dead; undefined: the container never ran. */
export function stateAfterCrash(before: ContainerStatus | undefined): ContainerState | undefined {
  const { running, terminated } = before?.state ?? {};
  if (terminated) return { terminated };
  if (!running) return before?.lastState?.terminated ? before.lastState : undefined;
  return {
    terminated: {
      exitCode: 137,
      reason: 'Error',
      message: 'the kubelet was restarted',
      ...(running.startedAt && { startedAt: running.startedAt }),
      finishedAt: timestamp(),
      ...(before?.containerID && { containerID: before.containerID }),
    },
  };
}
