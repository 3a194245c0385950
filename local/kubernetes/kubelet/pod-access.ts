/** What clients may reach of a pod: its logs, its containers, its ports. */
import { readlink } from 'node:fs/promises';
import type { ContainerRun } from './container.ts';
import { listenersOf } from './listeners.ts';
import { logFile } from './logs.ts';
import type { Runnable } from './runnable.ts';
import type { StatsTarget } from './stats.ts';
import { followOutput } from './streams/attach.ts';
import type { Dialable } from './streams/dial.ts';
import type { RemoteStreams } from './streams/streams.ts';

/** Where the log of a run is, and whether that run is over. */
export interface LogPlace {
  path: string;
  done: () => boolean;
  begun: boolean;
}

export interface PodView {
  dir: string;
  podIP: string;
  runs(): ContainerRun[];
  /** The pod itself is over. */
  gone(): boolean;
}

export class PodAccess implements Dialable {
  readonly #view: PodView;

  constructor(view: PodView) {
    this.#view = view;
  }

  get podIP(): string {
    return this.#view.podIP;
  }

  /** Whether one of its containers runs (or is said to). */
  get isRunning(): boolean {
    return this.#view.runs().some((run) => run.isRunning);
  }

  #run(name: string): ContainerRun | undefined {
    return this.#view.runs().find(({ container }) => container.name === name);
  }

  /** The log of a container's present or previous run; undefined: no such container. */
  log(name: string, previous: boolean): LogPlace | undefined {
    const run = this.#run(name);
    if (run === undefined) return undefined;
    const restart = run.restarts - (previous ? 1 : 0);
    return {
      path: logFile(this.#view.dir, name, Math.max(0, restart)),
      done: () => previous || run.restarts !== restart || !run.isRunning || this.#view.gone(),
      begun: restart >= 0 && run.status.containerID !== undefined,
    };
  }

  /** The container as a client may enter it. Throws in the kubelet's words where there is nothing to enter. */
  entrance(name: string): Runnable {
    const run = this.#run(name);
    const entrance = run?.entrance;
    if (entrance) return entrance;
    if (run?.isRunning)
      throw new Error(
        `container ${JSON.stringify(name)} is simulated: its image ${run.container.image} is not run on this machine, so there is nothing to enter`,
      );
    throw new Error(`container not found (${JSON.stringify(name)})`);
  }

  /** Joins a client with the process of a container. Throws as `entrance`. */
  attachment(name: string): (client: RemoteStreams) => Promise<void> {
    this.entrance(name);
    const run = this.#run(name);
    const joined = run?.console;
    if (joined) return (client) => joined.attach(client, run.container.stdinOnce === true);
    const log = this.log(name, false);
    if (log === undefined) throw new Error(`container not found (${JSON.stringify(name)})`);
    return (client) => followOutput(log, client);
  }

  /** How the processes of its containers can be told from others, by the container's name. */
  async statsTargets(): Promise<(StatsTarget & { name: string })[]> {
    const running = this.#view.runs().filter(({ isRunning }) => isRunning);
    const targets = await Promise.all(
      running.map(async ({ container, entrance, pid, status }) => {
        const first = await entrance?.firstProcess?.().catch(() => undefined);
        const pidNamespace =
          first === undefined ? first : await readlink(`/proc/${first}/ns/pid`).catch(() => undefined);
        return { name: container.name, key: status.containerID ?? container.name, pidNamespace, ancestor: pid };
      }),
    );
    // Who looks into another container is counted with that: their processes are in one namespace.
    return targets.filter(
      ({ pidNamespace }, index) =>
        pidNamespace === undefined || targets.findIndex((one) => one.pidNamespace === pidNamespace) === index,
    );
  }

  /** Where processes of its containers listen on a port, as far as they can be told from others. */
  async listeners(port: number): Promise<string[]> {
    const found = this.#view.runs().map(async ({ entrance }) => {
      const first = await entrance?.firstProcess?.().catch(() => undefined);
      return first === undefined ? [] : listenersOf(first, port);
    });
    return (await Promise.all(found)).flat();
  }
}
