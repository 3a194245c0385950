/** The status of a pod from those of its containers: phase and conditions. Pure. */
import { withCondition } from '../controllers/machinery/conditions.ts';
import type { Condition, ContainerStatus, Pod, PodStatus } from '../controllers/machinery/types.ts';

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
}

const exitCode = (status: ContainerStatus): number | undefined => status.state?.terminated?.exitCode;

/** Whether all init containers are through (sidecars: started). */
export const isInitialized = ({ pod, initContainers }: Pick<PodView, 'pod' | 'initContainers'>): boolean =>
  (pod.spec.initContainers ?? []).every((container, index) => {
    const status = initContainers[index];
    if (status === undefined) return false;
    return container.restartPolicy === 'Always' ? status.started === true : exitCode(status) === 0;
  });

export function phaseOf({
  pod,
  containers,
  initContainers,
}: Pick<PodView, 'pod' | 'containers' | 'initContainers'>): string {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const initFailed = (pod.spec.initContainers ?? []).some(
    (container, index) =>
      container.restartPolicy !== 'Always' && (exitCode(initContainers[index] ?? ({} as ContainerStatus)) ?? 0) !== 0,
  );
  if (initFailed && policy === 'Never') return 'Failed';
  if (!isInitialized({ pod, initContainers })) return 'Pending';
  const codes = containers.map(exitCode);
  if (policy !== 'Always' && containers.length > 0 && codes.every((code) => code !== undefined)) {
    if (codes.every((code) => code === 0)) return 'Succeeded';
    if (policy === 'Never') return 'Failed';
  }
  // One that has run before counts as running while it waits for its restart.
  const begun = containers.some(
    (status) => status.state?.running ?? status.state?.terminated ?? status.lastState?.terminated,
  );
  return begun && containers.every((status) => !status.state?.waiting || status.lastState?.terminated)
    ? 'Running'
    : 'Pending';
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
  const { pod, containers, initContainers } = view;
  const phase = phaseOf(view);
  const completed = phase === 'Succeeded';
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const uninitialized = (pod.spec.initContainers ?? []).filter(
    ({ name }) => !initContainers.some((status) => status.name === name && (exitCode(status) === 0 || status.started)),
  );
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
    completed || uninitialized.length === 0,
    'ContainersNotInitialized',
    `containers with incomplete status: [${uninitialized.map(({ name }) => name).join(' ')}]`,
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
    phase,
    conditions: conditions as NonNullable<PodStatus['conditions']>,
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
