/** Reads from what the cluster shows why a seat is not running (pure; kubernetes.md finding 20). */
import { type Explanation, explain, reasonOfText } from './reasons.ts';

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

interface Container {
  readonly restartCount: number;
  readonly state?: State;
  readonly lastState?: State;
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** As much of a pod as says why it does not run; fields are named as in the API. */
export interface SeenPod {
  readonly deleting: boolean;
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly Container[];
  };
}

/** An event about an object of the seat. */
export interface SeenEvent {
  /** `StatefulSet`, `Pod`, `PersistentVolumeClaim`. */
  readonly kind: string;
  readonly reason: string;
  readonly message: string;
}

export interface Seen {
  readonly runState: 'Running' | 'Stopped';
  readonly pod?: SeenPod | undefined;
  /** Newest last. */
  readonly events?: readonly SeenEvent[];
  readonly claims?: readonly { readonly name: string; readonly phase: string }[];
  /** The last lines of the container that ended. */
  readonly lastLog?: string | undefined;
}

const IMAGE =
  /^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|RegistryUnavailable|ImageInspectError|SignatureValidationFailed)$/;
const CONFIG =
  /^(CreateContainerConfigError|CreateContainerError|RunContainerError|PreStartHookError|PostStartHookError)$/;

const newest = (events: readonly SeenEvent[], kind: string, reason: RegExp): SeenEvent | undefined =>
  events.findLast((event) => event.kind === kind && reason.test(event.reason));

const condition = (pod: SeenPod, type: string) => pod.status.conditions?.find((one) => one.type === type);

/** A claim's trouble, if one of them has any. */
const volumes = ({ claims = [], events = [] }: Seen): Explanation | undefined => {
  const lost = claims.find(({ phase }) => phase === 'Lost');
  if (lost) return explain('VolumeLost', lost.name);
  const pending = claims.find(({ phase }) => phase === 'Pending');
  if (!pending) return undefined;
  const event = newest(events, 'PersistentVolumeClaim', /^(FailedBinding|ProvisioningFailed|ProvisionerFailed)$/);
  const reason = event && reasonOfText(event.message);
  if (event) return explain(reason ?? 'VolumePending', event.message);
  return undefined;
};

const noPod = (seen: Seen): Explanation => {
  const event = newest(seen.events ?? [], 'StatefulSet', /^FailedCreate$/);
  if (event) return explain(reasonOfText(event.message) ?? 'Starting', event.message);
  return explain('Starting');
};

const unscheduled = (seen: Seen, message: string): Explanation => {
  const reason = reasonOfText(message);
  if (reason === 'ZoneFull') return explain(reason, message);
  // The scheduler only says that a claim is unbound; the claim's own events say why.
  return volumes(seen) ?? explain(reason ?? 'Unschedulable', message);
};

/** Characters of the log: its end counts, and a message has room for 1,024 bytes. */
const LOG_LIMIT = 500;

/** How the container ended, with its last lines where they are known. */
const ended = ({ terminated }: State, { lastLog }: Seen, restarts: number): Explanation => {
  if (terminated?.reason === 'OOMKilled') return explain('OOMKilled');
  const code = terminated?.exitCode === undefined ? '' : `exit code ${terminated.exitCode}, `;
  const times = `${restarts} restart${restarts === 1 ? '' : 's'}`;
  const lines = (lastLog ?? terminated?.message ?? '').trimEnd().slice(-LOG_LIMIT);
  return explain('CrashLoop', `${code}${times}${lines ? `; last lines:\n${lines}` : ''}`);
};

const container = (seen: Seen, { restartCount, state = {}, lastState = {} }: Container): Explanation => {
  const { waiting, terminated } = state;
  if (terminated) return ended(state, seen, restartCount);
  if (waiting) {
    const { reason = '', message } = waiting;
    const detail = message ?? reason;
    if (IMAGE.test(reason)) return explain('ImagePull', detail);
    if (CONFIG.test(reason)) return explain('ContainerConfig', detail);
    if (reason === 'CrashLoopBackOff') return ended(lastState, seen, restartCount);
    const mount = newest(seen.events ?? [], 'Pod', /^(FailedMount|FailedAttachVolume)$/);
    return mount ? explain('VolumePending', mount.message) : explain('Starting', reason || undefined);
  }
  return lastState.terminated
    ? explain('NotReady', `it ended ${restartCount} times, last with ${lastState.terminated.reason ?? 'no reason'}`)
    : explain('NotReady');
};

/** Reasons for which Kubernetes itself takes a pod from its node. */
const NODE_LOST = /^(NodeLost|NodeShutdown|Terminated|Shutdown|NodeAffinity)$/;

const gone = (pod: SeenPod): Explanation | undefined => {
  const { reason = '', message } = pod.status;
  const disruption = condition(pod, 'DisruptionTarget');
  if (reason === 'Evicted') return explain('Evicted', message);
  if (NODE_LOST.test(reason)) return explain('NodeReplaced', message);
  if (disruption?.status === 'True')
    return disruption.reason === 'TerminationByKubelet'
      ? explain('Evicted', disruption.message)
      : explain('NodeReplaced', disruption.message);
  return undefined;
};

/** A lost volume counts even before there is a pod that waits for it. */
const volumesLost = (seen: Seen): Explanation | undefined => {
  const found = volumes(seen);
  return found?.reason === 'VolumeLost' ? found : undefined;
};

/** The condition Ready of a seat: `Running` or the reason for which it is not. */
export const whyNotRunning = (seen: Seen): Explanation => {
  const { runState, pod } = seen;
  if (runState === 'Stopped') return explain(pod ? 'Stopping' : 'Stopped');
  if (!pod) return volumesLost(seen) ?? noPod(seen);
  const away = gone(pod);
  if (away) return away;
  if (pod.deleting) return explain('Restarting');
  if (condition(pod, 'Ready')?.status === 'True') return explain('Running');
  const [first] = pod.status.containerStatuses ?? [];
  if (first) return container(seen, first);
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return unscheduled(seen, scheduled.message ?? '');
  if (pod.status.phase === 'Failed') return explain('CrashLoop', pod.status.message ?? pod.status.reason);
  const mount = newest(seen.events ?? [], 'Pod', /^(FailedMount|FailedAttachVolume)$/);
  return mount ? explain('VolumePending', mount.message) : explain('Starting');
};
