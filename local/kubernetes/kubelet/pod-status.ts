/** The status of a pod from those of its containers: phase and conditions. Pure. */
import { withCondition } from '../controllers/machinery/conditions.ts';
import type { Condition, Container, ContainerStatus, Pod, PodStatus } from '../controllers/machinery/types.ts';

export interface PodView {
  pod: Pod;
  /** Addresses are shown once they are known. */
  podIP: string;
  hostIP: string;
  startTime: string;
  containers: ContainerStatus[];
  initContainers: ContainerStatus[];
  ephemeralContainers?: ContainerStatus[];
  /** Conditions as last reported: their transition times stay. */
  conditions: Condition[];
  /** The pod is being deleted, and all that ran has ended. */
  over?: boolean;
  /** Why the kubelet itself ended the pod; it has ended. */
  failure?: PodFailure | undefined;
}

export interface PodFailure {
  reason: string;
  message: string;
}

/** Conditions that are the kubelet's to set: they speak of the spec that it goes by. */
const OWN = ['PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready', 'PodScheduled'];

const exitCode = (status: ContainerStatus | undefined): number | undefined => status?.state?.terminated?.exitCode;

/** What restarts beside the pod's own containers and counts for its phase only until those have begun. */
export const isSidecar = ({ restartPolicy }: Container): boolean => restartPolicy === 'Always';

/** One that has run before counts as running while it waits for its restart. */
const hasBegun = ({ state, lastState }: ContainerStatus): boolean =>
  (state?.running ?? state?.terminated ?? lastState?.terminated) !== undefined;

type Of = Pick<PodView, 'pod' | 'containers' | 'initContainers'>;

/** Init containers that are not through yet (sidecars: not started); none once a container of the pod itself has begun. */
function uninitialized({ pod, containers, initContainers }: Of): Container[] {
  if (containers.some(hasBegun)) return [];
  return (pod.spec.initContainers ?? []).filter((container, index) => {
    const status = initContainers[index];
    return isSidecar(container) ? status?.started !== true : exitCode(status) !== 0;
  });
}

/** Whether all init containers are through (sidecars: started), or once were. */
export const isInitialized = (view: Of): boolean => uninitialized(view).length === 0;

/** As `getPhase` of the real kubelet (pkg/kubelet/kubelet_pods.go). */
export function phaseOf({
  pod,
  containers,
  initContainers,
  over,
  failure,
}: Of & Pick<PodView, 'over' | 'failure'>): string {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const inits = (pod.spec.initContainers ?? []).map((container, index) => ({
    container,
    status: initContainers[index],
  }));
  const ordinary = inits.filter(({ container }) => !isSidecar(container));
  const sidecars = inits.flatMap(({ container, status }) => (isSidecar(container) && status ? [status] : []));
  const codes = containers.map(exitCode);
  const succeeded = codes.length > 0 && codes.every((code) => code === 0);
  if (failure) return 'Failed';
  // Nothing of it runs any more, and nothing will: it has a terminal phase before it goes (since 1.27).
  if (over) return succeeded ? 'Succeeded' : 'Failed';
  if (policy === 'Never' && ordinary.some(({ status }) => (exitCode(status) ?? 0) !== 0)) return 'Failed';
  const isPending = ordinary.some(({ status }) => exitCode(status) === undefined && !status?.lastState?.terminated);
  if (isPending || !isInitialized({ pod, containers, initContainers })) return 'Pending';
  if (!containers.every(hasBegun)) return 'Pending';
  // While its sidecars end, a pod whose own containers are done is still running.
  const ended = codes.every((code) => code !== undefined) && !sidecars.some(({ state }) => state?.running);
  if (policy === 'Always' || !ended) return 'Running';
  if (succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

const qosClass = (pod: Pod): string => {
  const all = pod.spec.containers.map(({ resources }) => resources ?? {});
  const none = all.every(
    ({ requests, limits }) => !Object.keys(requests ?? {}).length && !Object.keys(limits ?? {}).length,
  );
  if (none) return 'BestEffort';
  const guaranteed = all.every(({ requests, limits }) =>
    ['cpu', 'memory'].every(
      (name) => limits?.[name] !== undefined && (requests?.[name] ?? limits[name]) === limits[name],
    ),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
};

/** The status to report. */
export function podStatus(view: PodView): PodStatus {
  const { pod, containers, initContainers, failure } = view;
  const { generation } = pod.metadata;
  const phase = phaseOf(view);
  const completed = phase === 'Succeeded';
  const served = [
    ...initContainers.filter((_, index) => isSidecar(pod.spec.initContainers?.[index] as Container)),
    ...containers,
  ];
  const unready = served.filter(({ ready }) => !ready).map(({ name }) => name);
  const incomplete = uninitialized(view).map(({ name }) => name);
  let { conditions } = view;
  const set = (type: string, ok: boolean, reason: string, message: string) => {
    const detail = ok ? {} : { reason, ...(message && { message }) };
    conditions = withCondition(conditions, { type, status: ok ? 'True' : 'False', ...detail });
  };
  const unreadyText = `containers with unready status: [${unready.join(' ')}]`;
  const reason = completed ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : 'ContainersNotReady';
  const ready = unready.length === 0 && !completed && phase !== 'Failed';
  set('PodReadyToStartContainers', phase === 'Pending' || phase === 'Running', '', '');
  set(
    'Initialized',
    completed || incomplete.length === 0,
    'ContainersNotInitialized',
    `containers with incomplete status: [${incomplete.join(' ')}]`,
  );
  set('ContainersReady', ready, reason, reason === 'ContainersNotReady' ? unreadyText : '');
  const gates = pod.spec.readinessGates ?? [];
  const shut = gates.filter(
    ({ conditionType }) => !conditions.some(({ type, status }) => type === conditionType && status === 'True'),
  );
  const gateText = `corresponding condition of pod readiness gate "${shut[0]?.conditionType}" does not exist.`;
  if (ready && shut.length > 0) set('Ready', false, 'ReadinessGatesNotReady', gateText);
  else set('Ready', ready, reason, reason === 'ContainersNotReady' ? unreadyText : '');
  if (!conditions.some(({ type }) => type === 'PodScheduled')) set('PodScheduled', true, '', '');
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    ...failure,
    conditions: conditions.map((condition) =>
      generation !== undefined && OWN.includes(condition.type)
        ? { ...condition, observedGeneration: generation }
        : condition,
    ) as NonNullable<PodStatus['conditions']>,
    hostIP: view.hostIP,
    hostIPs: [{ ip: view.hostIP }],
    podIP: view.podIP,
    podIPs: [{ ip: view.podIP }],
    startTime: view.startTime,
    qosClass: qosClass(pod),
    containerStatuses: containers,
    ...(initContainers.length > 0 && { initContainerStatuses: initContainers }),
    ...(view.ephemeralContainers?.length && { ephemeralContainerStatuses: view.ephemeralContainers }),
  };
}

/** Metadata that says how far the containers are kept apart: `user-namespace`, `process` or `simulated`, each kind once. */
export function isolationAnnotation(runs: readonly { isolation: string | undefined }[]) {
  const kinds = new Set(runs.map(({ isolation }) => isolation).filter(Boolean));
  return kinds.size > 0 && { annotations: { 'roadstead.dev/isolation': [...kinds].sort().join(',') } };
}
