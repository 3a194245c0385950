/** The process of a container while it lives: started, its ports held, its hooks and probes asked, and how it ended. */
import { readFile } from 'node:fs/promises';
import { timestamp } from '../controllers/machinery/conditions.ts';
import type { Container, ContainerState } from '../controllers/machinery/types.ts';
import { type HealthHandlers, runHook, watchHealth } from './health.ts';
import { holdPorts } from './held-ports.ts';
import { startFailure } from './launch.ts';
import { killMarked } from './marked.ts';
import type { ProbeTarget } from './probes.ts';
import type { Runnable } from './runnable.ts';
import { type Console, openConsole } from './streams/console.ts';
import { terminationMessage } from './termination-message.ts';
import type { Exit, Running, Tether } from './tether.ts';

export interface LiveHost {
  podIP: string;
  /** `-n NAMESPACE POD -- sh`: how a person gets in. */
  shell: string;
  tether: Tether;
}

/** How a run ended. */
export interface End {
  exitCode: number;
  message?: string | undefined;
  /** There was no process: its program could not be started. */
  unstarted?: boolean;
}

/** An ended run as its status has it. */
export function terminatedState(
  { exitCode, message, unstarted }: End,
  startedAt: string,
  containerID: string,
): NonNullable<ContainerState['terminated']> {
  return {
    exitCode,
    reason: unstarted ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error',
    ...(message !== undefined && { message }),
    // What never ran began at the beginning of time, as a container runtime has it.
    startedAt: unstarted ? timestamp(new Date(0)) : startedAt,
    finishedAt: timestamp(),
    containerID,
  };
}

/** Starts it; both outputs go to `log`. */
export const startProcess = (
  { tether }: LiveHost,
  { stdin, tty }: Container,
  { main }: Runnable,
  log: string,
): Running | Console =>
  stdin === true || tty === true
    ? openConsole(main, tty === true, log, (pid) => tether.hold(pid))
    : tether.run({ ...main, log });

/** What containerd answers for a start that fails. */
const UNSTARTED = 128;

async function endOf(container: Container, runnable: Runnable, log: string, exit: Exit): Promise<End> {
  const fault = exit.error ?? (runnable.fault && (await readFile(runnable.fault, 'utf8').catch(() => '')));
  if (fault) return { exitCode: UNSTARTED, message: startFailure(fault), unstarted: true };
  const path = runnable.terminationLog;
  const said = path === undefined ? path : await terminationMessage(container, exit.code, { path, log });
  return { exitCode: exit.code, message: said ?? exit.message };
}

/** Looks after a started process until its end. */
export async function tend(
  host: LiveHost,
  target: ProbeTarget,
  { process, runnable, log }: { process: Running | Console; runnable: Runnable; log: string },
  handlers: HealthHandlers,
): Promise<End> {
  const { container } = target;
  const held = holdPorts(host.podIP, runnable.held, `use kubectl exec -it ${host.shell}`, (message) =>
    handlers.event('Warning', 'PortNotHeld', message),
  );
  const life = new AbortController();
  void watchHealth(target, life.signal, handlers);
  void runHook(target, container.lifecycle?.postStart, 'PostStart', 30_000, handlers.event).then((ok) => {
    // A container whose start hook fails is no container: it goes, and comes again by its policy.
    if (!ok && !life.signal.aborted) handlers.kill(undefined);
  });
  const exit = await process.exited;
  held.close();
  if (runnable.mark) killMarked(runnable.mark);
  life.abort();
  return endOf(container, runnable, log, exit);
}
