/** The ephemeral containers of a pod: started as they are added, once and never again, and of no weight for the pod's phase. */
import type { Container, ContainerStatus, Pod } from '../controllers/machinery/types.ts';
import { type ContainerHost, ContainerRun } from './container.ts';

export interface EphemeralContainers {
  readonly runs: readonly ContainerRun[];
  /** Starts those that the pod has and that were not started yet. */
  follow(pod: Pod): void;
  statuses(): ContainerStatus[];
  /** Ends all; none is started any more. */
  stop(graceMs: number): Promise<void>;
}

/** A container as any other, but for the container that it is to look into. */
const isNew = (runs: readonly ContainerRun[], { name }: { name: string }): boolean =>
  !runs.some(({ container }) => container.name === name);

export function ephemeralContainers(host: ContainerHost): EphemeralContainers {
  const runs: ContainerRun[] = [];
  let over = false;
  return {
    runs,
    follow({ spec, status }) {
      for (const container of over ? [] : (spec.ephemeralContainers ?? [])) {
        if (!isNew(runs, container)) continue;
        // What an earlier kubelet had started is over now.
        const before = status?.ephemeralContainerStatuses?.find(({ name }) => name === container.name);
        const run = new ContainerRun(host, container as Container, { restart: 'Never', init: false, before });
        runs.push(run);
        void run.run();
      }
      if (runs.length > 0) host.changed();
    },
    // Nobody is sent to them, so they are never ready.
    statuses: () => runs.map(({ status: { started: _, ...status } }) => ({ ...status, ready: false })),
    async stop(graceMs) {
      over = true;
      await Promise.all(runs.map((run) => run.stop(graceMs)));
    },
  };
}
