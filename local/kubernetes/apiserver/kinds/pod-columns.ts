/** What `kubectl get pods` shows. */
import { at, type Json, type Obj } from '../json.ts';
import { AGE, ageOf, column, NAME, wide } from './columns.ts';
import type { Column } from './kind.ts';

interface Summary {
  ready: string;
  status: string;
  restarts: string;
}

const isSidecar = (spec: Json, name: string): boolean =>
  (spec.initContainers ?? []).some(
    (container: Json) => container.name === name && container.restartPolicy === 'Always',
  );

/** The same reading of a pod's status as kubectl's printer (pkg/printers/internalversion). */
function summary(pod: Obj): Summary {
  const spec = pod.spec ?? {};
  const status = pod.status ?? {};
  let reason: string = status.reason || status.phase || '';
  let restarts = 0;
  let sidecarRestarts = 0;
  let last = 0;
  let total = (spec.containers ?? []).length;
  let ready = 0;
  for (const { type, status: is, reason: why } of status.conditions ?? []) {
    if (type === 'PodScheduled' && is === 'False' && why === 'SchedulingGated') reason = 'SchedulingGated';
  }
  const sidecars = (spec.initContainers ?? []).filter((container: Json) => container.restartPolicy === 'Always');
  total += sidecars.length;
  const see = (container: Json) => {
    restarts += container.restartCount ?? 0;
    const finished = at(container, 'lastState.terminated.finishedAt');
    if (finished) last = Math.max(last, Date.parse(finished));
  };
  let initializing = false;
  for (const [i, container] of (status.initContainerStatuses ?? []).entries()) {
    see(container);
    const sidecar = isSidecar(spec, container.name);
    if (sidecar) sidecarRestarts += container.restartCount ?? 0;
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) ready++;
      continue;
    }
    initializing = true;
    if (terminated) {
      reason = terminated.reason
        ? `Init:${terminated.reason}`
        : terminated.signal
          ? `Init:Signal:${terminated.signal}`
          : `Init:ExitCode:${terminated.exitCode}`;
    } else if (waiting?.reason && waiting.reason !== 'PodInitializing') reason = `Init:${waiting.reason}`;
    else reason = `Init:${i}/${(spec.initContainers ?? []).length}`;
    break;
  }
  const initialized = (status.conditions ?? []).some(
    ({ type, status: is }: Json) => type === 'Initialized' && is === 'True',
  );
  if (!initializing || initialized) {
    restarts = sidecarRestarts;
    let running = false;
    for (const container of [...(status.containerStatuses ?? [])].reverse()) {
      see(container);
      const { waiting, terminated, running: runs } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated?.reason) reason = terminated.reason;
      else if (terminated)
        reason = terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
      else if (container.ready && runs) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) {
      const isReady = (status.conditions ?? []).some(({ type, status: is }: Json) => type === 'Ready' && is === 'True');
      reason = isReady ? 'Running' : 'NotReady';
    }
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status.reason === 'NodeLost') reason = 'Unknown';
    else if (status.phase !== 'Succeeded' && status.phase !== 'Failed') reason = 'Terminating';
  }
  const ago = restarts !== 0 && last > 0 ? ` (${ageOf(new Date(last).toISOString())} ago)` : '';
  return { ready: `${ready}/${total}`, status: reason, restarts: `${restarts}${ago}` };
}

function gates(pod: Obj): string {
  const wanted: Json[] = at(pod, 'spec.readinessGates') ?? [];
  if (wanted.length === 0) return '<none>';
  const conditions: Json[] = at(pod, 'status.conditions') ?? [];
  const open = wanted.filter((gate) =>
    conditions.some(({ type, status }) => type === gate.conditionType && status === 'True'),
  );
  return `${open.length}/${wanted.length}`;
}

export const POD_COLUMNS: Column[] = [
  NAME,
  column('Ready', (pod) => summary(pod).ready),
  column('Status', (pod) => summary(pod).status),
  column('Restarts', (pod) => summary(pod).restarts),
  AGE,
  wide('IP', (pod) => at(pod, 'status.podIP') || '<none>'),
  wide('Node', (pod) => at(pod, 'spec.nodeName') || '<none>'),
  wide('Nominated Node', (pod) => at(pod, 'status.nominatedNodeName') || '<none>'),
  wide('Readiness Gates', gates),
];
