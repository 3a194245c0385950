/** One container of a pod: starts it, restarts it with back-off, probes it, ends it, and knows its status. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { timestamp } from '../controllers/machinery/conditions.ts';
import type { Container, ContainerState, ContainerStatus } from '../controllers/machinery/types.ts';
import { runHook, runInside, watchHealth } from './health.ts';
import { holdPorts } from './held-ports.ts';
import { imageId } from './images.ts';
import { openLog } from './log-writer.ts';
import { logFile } from './logs.ts';
import { killMarked } from './marked.ts';
import { type PrepareHost, prepare } from './prepare.ts';
import type { ProbeTarget } from './probes.ts';
import { nextWait, type RestartPolicy, stateAfterCrash, waitText } from './restart.ts';
import type { Isolation, Runnable } from './runnable.ts';
import { type Console, openConsole } from './streams/console.ts';
import type { Running, Tether } from './tether.ts';

export interface ContainerHost extends PrepareHost {
  podDir: string;
  podName: string;
  podIP: string;
  /** `-n NAMESPACE POD -- sh`: how a person gets in. */
  shell: string;
  /** The pod's grace: between SIGTERM and SIGKILL. */
  graceMs: number;
  tether: Tether;
  /** Something in `status` changed. */
  changed(): void;
}

export class ContainerRun {
  readonly container: Container;
  readonly #host: ContainerHost;
  readonly #restart: RestartPolicy;
  readonly #init: boolean;
  readonly #stopping = new AbortController();
  #state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
  #lastState: ContainerState | undefined;
  #restarts = 0;
  #id = '';
  #started = false;
  #ready = false;
  #process: Running | Console | undefined;
  #runnable: Runnable | undefined;
  #ended: Promise<void> | undefined;
  /** Resolved when the container first counts as started (its startup probe succeeded). */
  readonly started = Promise.withResolvers<void>();

  /** `init`: it must end before others start. `before`: the status that an earlier kubelet reported; what ran then is dead now. */
  constructor(
    host: ContainerHost,
    container: Container,
    options: { restart: RestartPolicy; init: boolean; before?: ContainerStatus | undefined },
  ) {
    const { before } = options;
    this.#host = host;
    this.container = container;
    this.#restart = options.restart;
    this.#init = options.init;
    const state = stateAfterCrash(before);
    if (before === undefined || state === undefined) return;
    this.#state = state;
    this.#restarts = before.restartCount;
    this.#lastState = before.lastState;
    this.#id = before.containerID ?? '';
  }

  /** How its present run is kept apart; undefined: not known yet. */
  get isolation(): Isolation | 'simulated' | undefined {
    return this.#id === '' ? undefined : (this.#runnable?.isolation ?? 'simulated');
  }

  get terminated() {
    return this.#state.terminated;
  }
  get isRunning(): boolean {
    return this.#state.running !== undefined;
  }
  get restarts(): number {
    return this.#restarts;
  }

  get status(): ContainerStatus {
    const { name, image = '' } = this.container;
    return {
      name,
      image,
      imageID: this.#id === '' ? '' : imageId(image),
      ...(this.#id !== '' && { containerID: this.#id }),
      state: this.#state,
      lastState: this.#lastState ?? {},
      ready: this.#ready,
      restartCount: this.#restarts,
      started: this.#started,
    };
  }

  #set(state: ContainerState): void {
    this.#state = state;
    this.#host.changed();
  }

  /** Runs until nothing is left to restart, or `stop`. */
  run(): Promise<void> {
    this.#ended ??= this.#loop();
    return this.#ended;
  }

  #again(): boolean {
    const code = this.terminated?.exitCode;
    return code === undefined || this.#restart === 'Always' || (this.#restart === 'OnFailure' && code !== 0);
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    let wait: number | undefined;
    // A container that was there under an earlier kubelet is restarted at once.
    if (this.terminated && !this.#again()) return;
    while (!signal.aborted) {
      const last = this.terminated;
      if (last) {
        if (wait) await this.#backOff(wait);
        if (signal.aborted) return;
        this.#lastState = { terminated: last };
        this.#restarts += 1;
      }
      const waiting = (reason: string, message: string) => this.#set({ waiting: { reason, message } });
      this.#runnable = await prepare(this.#host, this.container, signal, waiting);
      if (signal.aborted) return;
      const runnable = this.#runnable;
      const began = Date.now();
      await (runnable === undefined ? this.#simulate() : this.#execute(runnable));
      if (signal.aborted || !this.#again()) return;
      wait = nextWait(this.#host.backoff, last === undefined ? undefined : (wait ?? 0), Date.now() - began);
    }
  }

  async #backOff(ms: number): Promise<void> {
    const { name } = this.container;
    const text = `back-off ${waitText(ms)} restarting failed container=${name} pod=${this.#host.podName}`;
    const { terminated } = this.#state;
    this.#lastState = terminated ? { terminated } : undefined;
    this.#set({ waiting: { reason: 'CrashLoopBackOff', message: text } });
    this.#host.event('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${this.#host.podName}`);
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    if (this.#stopping.signal.aborted && terminated) this.#set({ terminated });
  }

  #begin(): string {
    const { name } = this.container;
    this.#id = `containerd://${randomBytes(32).toString('hex')}`;
    // The log of the run before stays for `--previous`, older ones go.
    rmSync(logFile(this.#host.podDir, name, this.#restarts - 2), { force: true });
    this.#host.event('Normal', 'Created', 'Container created');
    this.#host.event('Normal', 'Started', 'Container started');
    return timestamp();
  }

  #finish(startedAt: string, exitCode: number, message?: string): void {
    this.#started = false;
    this.#ready = false;
    const reason = exitCode === 0 ? 'Completed' : message === undefined ? 'Error' : 'StartError';
    const detail = {
      startedAt,
      finishedAt: timestamp(),
      containerID: this.#id,
      ...(message !== undefined && { message }),
    };
    this.#set({ terminated: { exitCode, reason, ...detail } });
  }

  /** Images that are not run here: Running for ever (an init container: done at once), and said so. */
  async #simulate(): Promise<void> {
    const { name, image } = this.container;
    const startedAt = this.#begin();
    const log = openLog(logFile(this.#host.podDir, name, this.#restarts));
    const text = `image ${image} is not run on this machine: this container is simulated and has no process`;
    log.write('stdout', Buffer.from(text));
    log.end();
    this.#host.event(
      'Normal',
      'Simulated',
      `Container ${name}: image "${image}" is not run on this machine, its status is simulated`,
    );
    if (this.#init) return this.#finish(startedAt, 0);
    this.#started = true;
    this.#ready = true;
    this.#set({ running: { startedAt } });
    this.started.resolve();
    const { signal } = this.#stopping;
    await new Promise((resolve) =>
      signal.aborted ? resolve(undefined) : signal.addEventListener('abort', resolve, { once: true }),
    );
    this.#finish(startedAt, 0);
  }

  async #execute(runnable: Runnable): Promise<void> {
    const { container } = this;
    const { tether, podDir } = this.#host;
    const log = logFile(podDir, container.name, this.#restarts);
    const interactive = container.stdin === true || container.tty === true;
    const running = interactive
      ? openConsole(runnable.main, container.tty === true, log, (pid) => tether.hold(pid))
      : tether.run({ ...runnable.main, log });
    this.#process = running;
    const held = holdPorts(this.#host.podIP, runnable.held, `use kubectl exec -it ${this.#host.shell}`, (message) =>
      this.#host.event('Warning', 'PortNotHeld', message),
    );
    const startedAt = this.#begin();
    const life = new AbortController();
    this.#started = container.startupProbe === undefined;
    this.#ready = this.#started && container.readinessProbe === undefined;
    this.#set({ running: { startedAt } });
    if (this.#started) this.started.resolve();
    void watchHealth(this.#target, life.signal, {
      event: this.#host.event,
      started: () => {
        this.#started = true;
        this.#ready = container.readinessProbe === undefined;
        this.started.resolve();
        this.#host.changed();
      },
      ready: (ok) => {
        this.#ready = ok;
        this.#host.changed();
      },
      kill: (graceSeconds) => void this.#end(graceSeconds === undefined ? this.#host.graceMs : graceSeconds * 1000),
    });
    void runHook(this.#target, container.lifecycle?.postStart, 'PostStart', 30_000, this.#host.event).then((ok) => {
      // A container whose start hook fails is no container: it goes, and comes again by its policy.
      if (!ok && !life.signal.aborted) void this.#end(this.#host.graceMs);
    });
    const exit = await running.exited;
    held.close();
    if (runnable.mark) killMarked(runnable.mark);
    life.abort();
    this.#process = undefined;
    this.#finish(startedAt, exit.code, exit.error);
  }

  get #target(): ProbeTarget {
    return {
      podIP: this.#host.podIP,
      container: this.container,
      exec: (command, timeoutMs) => this.exec(command, timeoutMs),
    };
  }

  /** What a client may enter; undefined: the container has no process now. */
  get entrance(): Runnable | undefined {
    return this.#process && this.#runnable;
  }

  /** Its first process on this machine, if it has one. */
  get pid(): number | undefined {
    return this.#process?.pid();
  }

  /** The console of a container that was made for one. */
  get console(): Console | undefined {
    return this.#process && 'attach' in this.#process ? this.#process : undefined;
  }

  /** Runs a command beside the container's process, with its environment. */
  exec(command: string[], timeoutMs: number): Promise<{ code: number; output: string }> {
    return runInside(this.#host.tether, this.entrance, command, timeoutMs);
  }

  /** SIGTERM, the grace, SIGKILL. */
  async #end(graceMs: number): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    running.signal('SIGTERM');
    const late = setTimeout(() => running.signal('SIGKILL'), graceMs);
    await running.exited;
    clearTimeout(late);
  }

  /** Ends the container for good; a shorter grace may follow a longer one. */
  async stop(graceMs: number): Promise<void> {
    const deadline = Date.now() + graceMs;
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      if (this.#process || this.isRunning)
        this.#host.event('Normal', 'Killing', `Stopping container ${this.container.name}`);
      const { preStop } = this.container.lifecycle ?? {};
      if (this.#process && graceMs > 0 && preStop?.sleep) await sleep(Math.min(graceMs, preStop.sleep.seconds * 1000));
      else if (this.#process && graceMs > 0) await runHook(this.#target, preStop, 'PreStop', graceMs, this.#host.event);
    }
    if (graceMs <= 0) this.#process?.signal('SIGKILL');
    await this.#end(Math.max(0, deadline - Date.now()));
    await this.#ended;
  }
}
