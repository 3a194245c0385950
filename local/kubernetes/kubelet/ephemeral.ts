/** The ephemeral containers of a pod: started as they are added, once and never again, and of no weight for the pod's phase. */
import type { Container, ContainerStatus, EphemeralContainer, Pod } from '../controllers/machinery/types.ts';
import { type ContainerHost, ContainerRun } from './container.ts';

export interface EphemeralContainers {
  readonly runs: readonly ContainerRun[];
  /** Starts those that the pod has and that were not started yet. */
  follow(pod: Pod): void;
  statuses(): ContainerStatus[];
  /** Ends all; none is started any more. */
  stop(graceMs: number): Promise<void>;
}

const isNew = (runs: readonly ContainerRun[], { name }: { name: string }): boolean =>
  !runs.some(({ container }) => container.name === name);

/** `firstProcessOf`: of one of the pod's containers, as far as that is kept apart from this machine. */
export function ephemeralContainers(
  host: ContainerHost,
  firstProcessOf: (name: string) => Promise<number> | undefined,
): EphemeralContainers {
  const runs: ContainerRun[] = [];
  let over = false;

  const lookingInto = ({ name, targetContainerName: target }: EphemeralContainer): ContainerHost => ({
    ...host,
    async resolve(container) {
      const beside = target ? await firstProcessOf(target) : undefined;
      const runnable = await host.resolve(container, beside);
      if (target && runnable?.firstProcess && beside === undefined)
        host.event(
          'Warning',
          'TargetNotShared',
          `Container ${name} does not see the processes of ${target}: that has none here`,
        );
      return runnable;
    },
  });

  return {
    runs,
    follow({ spec, status }) {
      for (const container of over ? [] : (spec.ephemeralContainers ?? [])) {
        if (!isNew(runs, container)) continue;
        // What an earlier kubelet had started is over now.
        const before = status?.ephemeralContainerStatuses?.find(({ name }) => name === container.name);
        const options = { restart: 'Never', init: false, before } as const;
        // A container as any other, but for the container that it is to look into.
        const run = new ContainerRun(lookingInto(container), container as Container, options);
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
