/** `activeDeadlineSeconds`: how long a pod may be active, counted from its start on the node. */
import type { Pod } from '../controllers/machinery/types.ts';
import type { PodFailure } from './pod-status.ts';

/** As the real kubelet says it (pkg/kubelet/active_deadline.go). */
export const DEADLINE_EXCEEDED: PodFailure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

export interface Deadline {
  /** The pod's spec may have changed: a deadline can be set later, and be made shorter. */
  follow(pod: Pod): void;
  /** The pod is done or goes: nothing is exceeded any more. */
  end(): void;
}

/** Timers reach no further (24.8 days): a later deadline is looked at again then. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls `exceeded` once. `startMs`: when the pod was started, by an earlier kubelet if there was one. */
export function watchDeadline(startMs: number, exceeded: () => void): Deadline {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const arm = (atMs: number): void => {
    clearTimeout(timer);
    const left = atMs - Date.now();
    timer = setTimeout(
      () => {
        if (left > LONGEST_MS) return arm(atMs);
        over = true;
        exceeded();
      },
      Math.min(Math.max(0, left), LONGEST_MS),
    );
  };
  return {
    follow({ spec: { activeDeadlineSeconds: seconds } }) {
      if (!over && seconds !== undefined) arm(startMs + seconds * 1000);
    },
    end() {
      over = true;
      clearTimeout(timer);
    },
  };
}
