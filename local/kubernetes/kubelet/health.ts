/** The health of one running container: its three probes in their order, and its hooks. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleHandler } from '../controllers/machinery/types.ts';
import { ask, type ProbeTarget, runProbe } from './probes.ts';
import type { Runnable } from './runnable.ts';
import type { Tether } from './tether.ts';

export interface HealthHandlers {
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** The startup probe succeeded. */
  started(): void;
  ready(ok: boolean): void;
  /** The container shall be ended (and restarted by its policy); `graceSeconds` is the probe's own, if it has one. */
  kill(graceSeconds: number | undefined): void;
}

/** Probes until the signal. Liveness and readiness are asked only once the container has started. */
export async function watchHealth(target: ProbeTarget, signal: AbortSignal, handlers: HealthHandlers): Promise<void> {
  const { startupProbe, livenessProbe, readinessProbe, name } = target.container;
  const unhealthy = (kind: string) => (message: string) =>
    handlers.event('Warning', 'Unhealthy', `${kind} probe failed: ${message}`);
  const kill = (kind: string, graceSeconds: number | undefined) => {
    handlers.event('Normal', 'Killing', `Container ${name} failed ${kind} probe, will be restarted`);
    handlers.kill(graceSeconds);
  };
  if (startupProbe) {
    const settled = new AbortController();
    let started = false;
    await runProbe(target, startupProbe, AbortSignal.any([signal, settled.signal]), {
      failed: unhealthy('Startup'),
      on: (ok) => {
        settled.abort();
        started = ok;
        if (ok) handlers.started();
        else kill('startup', startupProbe.terminationGracePeriodSeconds);
      },
    });
    if (signal.aborted || !started) return;
  }
  if (livenessProbe) {
    const on = (ok: boolean) => ok || kill('liveness', livenessProbe.terminationGracePeriodSeconds);
    void runProbe(target, livenessProbe, signal, { failed: unhealthy('Liveness'), on });
  }
  if (readinessProbe) {
    void runProbe(target, readinessProbe, signal, { failed: unhealthy('Readiness'), on: handlers.ready });
  }
}

/** Runs a lifecycle hook to its end, within the time, and answers whether it did well; `name` is PostStart or PreStop. */
export async function runHook(
  target: ProbeTarget,
  handler: LifecycleHandler | undefined,
  name: string,
  timeoutMs: number,
  event: HealthHandlers['event'],
): Promise<boolean> {
  if (handler?.exec === undefined && handler?.httpGet === undefined) return true;
  const { ok, message } = await ask(target, { ...handler, timeoutSeconds: Math.max(1, timeoutMs / 1000) });
  if (!ok) event('Warning', `Failed${name}Hook`, `${name} hook failed: ${message}`);
  return ok;
}

/** Runs the hook before an end, or sleeps as it says, within the grace. */
export async function runStopHook(target: ProbeTarget, graceMs: number, event: HealthHandlers['event']): Promise<void> {
  const { preStop } = target.container.lifecycle ?? {};
  if (graceMs <= 0) return;
  if (preStop?.sleep) await sleep(Math.min(graceMs, preStop.sleep.seconds * 1000));
  else await runHook(target, preStop, 'PreStop', graceMs, event);
}

/** Runs a command beside a container's process to its end, or until the time is up (137); 126 where the container cannot be entered (any more). */
export async function runInside(
  tether: Tether,
  entrance: Runnable | undefined,
  command: string[],
  timeoutMs: number,
): Promise<{ code: number; output: string }> {
  if (entrance === undefined) return { code: 126, output: 'the container is not running' };
  let running: ReturnType<Tether['run']>;
  try {
    running = tether.run(await entrance.beside(command, false));
  } catch (error) {
    return { code: 126, output: (error as Error).message };
  }
  const late = setTimeout(() => running.signal('SIGKILL'), timeoutMs);
  const { code, output, error, message } = await running.exited;
  clearTimeout(late);
  return { code, output: error ?? message ?? output };
}
