/** Processes that cannot outlive the kubelet: they are children of a small process which kills them when its channel to us closes. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What to run. The environment is complete: nothing of ours is inherited. */
export interface ProcessSpec {
  command: string[];
  env: Record<string, string>;
  cwd: string;
  /** Where both outputs go, in the CRI log format; absent: the output is only kept for `output` (exec). */
  log?: string;
}

export interface Exit {
  /** 128 + signal number for a killed process, as a container runtime says it; 127/126 when it could not be started. */
  code: number;
  /** The end of what it wrote, only without a log. */
  output: string;
  /** Why it could not be started (launch.ts). */
  error?: string;
  /** What else is known of its end. */
  message?: string;
}

export interface Running {
  exited: Promise<Exit>;
  /** Of its first process; undefined until it is started. */
  pid(): number | undefined;
  /** To the whole process group. */
  signal(name: NodeJS.Signals): void;
}

export type ToTether =
  | { op: 'spawn'; id: number; spec: ProcessSpec }
  | { op: 'signal'; id: number; signal: NodeJS.Signals }
  | { op: 'hold'; pid: number }
  | { op: 'release'; pid: number };
export type FromTether = { id: number; exit: Exit } | { id: number; pid: number };

/** The kubelet's end. If the tether itself dies, all its processes count as killed and a new one is made for the next. */
export class Tether {
  readonly #pids: string;
  readonly #running = new Map<number, (exit: Exit) => void>();
  readonly #started = new Map<number, number>();
  #child: ChildProcess | undefined;
  #next = 0;

  /** `pids`: a folder in which the tether notes what it started, so that a later one can clean up if both of us are killed. */
  constructor(pids: string) {
    this.#pids = pids;
    mkdirSync(pids, { recursive: true, mode: 0o700 });
    this.#connect();
  }

  #connect(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    const child = fork(fileURLToPath(new URL('./tether-main.ts', import.meta.url)), [this.#pids], {
      // A group of its own: Ctrl-C in our terminal is for us, who then stop the pods in order.
      detached: true,
      execArgv: [],
      env: {
        PATH: process.env.PATH ?? '',
        ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      const told = message as FromTether;
      if ('pid' in told) return void this.#started.set(told.id, told.pid);
      this.#running.get(told.id)?.(told.exit);
      this.#running.delete(told.id);
      this.#started.delete(told.id);
    });
    child.on('exit', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      for (const end of this.#running.values())
        end({ code: 137, output: '', message: 'the process that held it was killed' });
      this.#running.clear();
      this.#started.clear();
    });
    this.#child = child;
    return child;
  }

  run(spec: ProcessSpec): Running {
    this.#next += 1;
    const id = this.#next;
    const { promise, resolve } = Promise.withResolvers<Exit>();
    const child = this.#connect();
    this.#running.set(id, resolve);
    child.send({ op: 'spawn', id, spec } satisfies ToTether);
    return {
      exited: promise,
      pid: () => this.#started.get(id),
      signal: (signal) => {
        if (this.#running.has(id) && child.connected) child.send({ op: 'signal', id, signal } satisfies ToTether);
      },
    };
  }

  /** Lets a process that we started ourselves, with a group of its own, end with the others. Answers how to forget it. */
  hold(pid: number): () => void {
    const child = this.#connect();
    child.send({ op: 'hold', pid } satisfies ToTether);
    return () => {
      if (child.connected) child.send({ op: 'release', pid } satisfies ToTether);
    };
  }

  /** Kills what is left and ends the tether. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    if (child.connected) child.disconnect();
    await exited;
  }
}
