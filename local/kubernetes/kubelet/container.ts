/** One container of a pod: starts it, restarts it with back-off, probes it, ends it, and knows its status. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { timestamp } from '../controllers/machinery/conditions.ts';
import type { Container, ContainerState, ContainerStatus } from '../controllers/machinery/types.ts';
import { runInside, runStopHook } from './health.ts';
import { imageId } from './images.ts';
import { type End, type LiveHost, startProcess, tend, terminatedState } from './live-process.ts';
import { logFile } from './logs.ts';
import { type PrepareHost, prepare } from './prepare.ts';
import type { ProbeTarget } from './probes.ts';
import { nextWait, type RestartPolicy, stateAfterCrash, waitText } from './restart.ts';
import type { Isolation, Runnable } from './runnable.ts';
import { saySimulated } from './simulated.ts';
import type { Console } from './streams/console.ts';
import type { Running } from './tether.ts';

export interface ContainerHost extends PrepareHost, LiveHost {
  podDir: string;
  podName: string;
  /** The pod's grace: between SIGTERM and SIGKILL. */
  graceMs: number;
  /** Something in `status` changed. */
  changed(): void;
}

export class ContainerRun {
  /** What its present run was made of. */
  container: Container;
  /** What the pod says now: the next run is made of it. */
  #wanted: Container;
  readonly #host: ContainerHost;
  readonly #restart: RestartPolicy;
  readonly #init: boolean;
  readonly #stopping = new AbortController();
  /** The present run is to make place for one of `wanted`. */
  #changing = new AbortController();
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
    this.#wanted = container;
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
      ready: this.#init ? this.terminated?.exitCode === 0 : this.#ready,
      restartCount: this.#restarts,
      started: this.#started,
    };
  }

  /** Until the present run is to end, or its wait. */
  get #turn(): AbortSignal {
    return AbortSignal.any([this.#stopping.signal, this.#changing.signal]);
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

  /** Another image takes the place of what runs, whatever the restart policy; an init container that runs goes on to its end. */
  change(wanted: Container): void {
    if (wanted.image === this.#wanted.image) return;
    this.#wanted = wanted;
    const runs = this.#process !== undefined || this.isRunning;
    if (this.#stopping.signal.aborted || (runs && this.#init)) return;
    this.#changing.abort();
    if (!runs) return;
    this.#host.event('Normal', 'Killing', `Container ${wanted.name} definition changed, will be restarted`);
    void this.#leave(this.#host.graceMs);
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    /** Before this run; undefined: there was none before it, or only of another image. */
    let wait: number | undefined;
    let counted: ContainerState['terminated'];
    // A container that was there under an earlier kubelet is restarted at once.
    if (this.terminated && !this.#again()) return;
    while (!signal.aborted) {
      const last = this.terminated;
      if (last && last !== counted) {
        if (wait) await this.#backOff(wait);
        if (signal.aborted) return;
        this.#lastState = { terminated: last };
        this.#restarts += 1;
        counted = last;
      }
      const before = last === undefined || this.#changing.signal.aborted ? undefined : (wait ?? 0);
      this.#changing = new AbortController();
      this.container = this.#wanted;
      const changed = this.#changing.signal;
      const waiting = (reason: string, message: string) => this.#set({ waiting: { reason, message } });
      this.#runnable = await prepare(this.#host, this.container, this.#turn, waiting);
      if (signal.aborted) return;
      if (changed.aborted) continue;
      const began = Date.now();
      await (this.#runnable === undefined ? this.#simulate() : this.#execute(this.#runnable));
      if (signal.aborted || !(changed.aborted || this.#again())) return;
      wait = changed.aborted ? undefined : nextWait(this.#host.backoff, before, Date.now() - began);
    }
  }

  async #backOff(ms: number): Promise<void> {
    const { name } = this.container;
    const { terminated } = this.#state;
    const text = `back-off ${waitText(ms)} restarting failed container=${name} pod=${this.#host.podName}`;
    this.#lastState = terminated ? { terminated } : undefined;
    this.#set({ waiting: { reason: 'CrashLoopBackOff', message: text } });
    this.#host.event('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${this.#host.podName}`);
    await sleep(ms, undefined, { signal: this.#turn }).catch(() => undefined);
    if (this.#stopping.signal.aborted && terminated) this.#set({ terminated });
  }

  get #log(): string {
    return logFile(this.#host.podDir, this.container.name, this.#restarts);
  }

  #begin(): string {
    const { name } = this.container;
    this.#id = `containerd://${randomBytes(32).toString('hex')}`;
    // The log of the run before stays for `--previous`, older ones go.
    rmSync(logFile(this.#host.podDir, name, this.#restarts - 2), { force: true });
    for (const what of ['Created', 'Started']) this.#host.event('Normal', what, `Container ${what.toLowerCase()}`);
    return timestamp();
  }

  #finish(startedAt: string, end: End): void {
    this.#started = false;
    this.#ready = false;
    if (end.unstarted) this.#host.event('Warning', 'Failed', `Error: ${end.message}`);
    this.#set({ terminated: terminatedState(end, startedAt, this.#id) });
  }

  /** Images that are not run here: Running for ever (an init container: done at once), and said so. */
  async #simulate(): Promise<void> {
    const startedAt = this.#begin();
    saySimulated(this.#host, this.container, this.#log);
    if (this.#init) return this.#finish(startedAt, { exitCode: 0 });
    this.#started = true;
    this.#ready = true;
    this.#set({ running: { startedAt } });
    this.started.resolve();
    const signal = this.#turn;
    if (!signal.aborted) await once(signal, 'abort');
    this.#finish(startedAt, { exitCode: 0 });
  }

  async #execute(runnable: Runnable): Promise<void> {
    const [container, log] = [this.container, this.#log];
    const process = startProcess(this.#host, container, runnable, log);
    const startedAt = this.#begin();
    this.#process = process;
    this.#started = container.startupProbe === undefined;
    this.#ready = this.#started && container.readinessProbe === undefined;
    this.#set({ running: { startedAt } });
    if (this.#started) this.started.resolve();
    const end = await tend(
      this.#host,
      this.#target,
      { process, runnable, log },
      {
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
      },
    );
    this.#process = undefined;
    this.#finish(startedAt, end);
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

  /** Its stop hook, then the end, within the grace. */
  async #leave(graceMs: number): Promise<void> {
    const deadline = Date.now() + graceMs;
    if (this.#process) await runStopHook(this.#target, graceMs, this.#host.event);
    await this.#end(Math.max(0, deadline - Date.now()));
  }

  /** Ends the container for good; a shorter grace may follow a longer one. */
  async stop(graceMs: number): Promise<void> {
    const isFirst = !this.#stopping.signal.aborted;
    this.#stopping.abort();
    if (isFirst && (this.#process || this.isRunning))
      this.#host.event('Normal', 'Killing', `Stopping container ${this.container.name}`);
    if (graceMs <= 0) this.#process?.signal('SIGKILL');
    await (isFirst ? this.#leave(graceMs) : this.#end(graceMs));
    await this.#ended;
  }
}
