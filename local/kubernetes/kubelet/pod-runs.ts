/** The containers of a pod as they are run: each with its restart policy, and what an earlier kubelet said of it. */
import type { Container, Pod } from '../controllers/machinery/types.ts';
import { type ContainerHost, ContainerRun } from './container.ts';
import { isSidecar } from './pod-status.ts';
import type { RestartPolicy } from './restart.ts';

export interface PodRuns {
  init: ContainerRun[];
  main: ContainerRun[];
}

export function podRuns(host: ContainerHost, { spec, status }: Pod): PodRuns {
  const policy = (spec.restartPolicy ?? 'Always') as RestartPolicy;
  const before = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const statusOf = ({ name }: Container) => before.find((one) => one.name === name);
  return {
    init: (spec.initContainers ?? []).map((container) => {
      const sidecar = isSidecar(container);
      // Init containers run anew under a new kubelet; only sidecars go on counting.
      const restart = sidecar ? 'Always' : policy === 'Always' ? 'OnFailure' : policy;
      const options = { restart, init: !sidecar, before: sidecar ? statusOf(container) : undefined } as const;
      return new ContainerRun(host, container, options);
    }),
    main: spec.containers.map(
      (container) => new ContainerRun(host, container, { restart: policy, init: false, before: statusOf(container) }),
    ),
  };
}
