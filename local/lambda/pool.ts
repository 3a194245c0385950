/** The worker threads of one function: one event at a time each, made on demand, ended when idle, killed at the timeout. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { transformSync } from 'esbuild';
import type { Invoked } from '#local/plugin.ts';
import type { WorkerAnswer, WorkerData, WorkerSetup, WorkerTask } from './worker.ts';

/** What a pool needs to know of its function. */
export interface PoolOptions extends WorkerSetup {
  readonly functionName: string;
  readonly functionArn: string;
  readonly timeoutSeconds: number;
  readonly memory: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Events that may run at once. */
  readonly concurrency: number;
  /** A worker that had nothing to do for so long is ended, but for the last one. */
  readonly idleMs: number;
  log(text: string): void;
}

export interface Pool {
  run(event: unknown, requestId?: string): Promise<Invoked>;
  /** Ends every worker now, as a crash would: what runs in them fails with Runtime.ExitError. */
  kill(): Promise<void>;
  readonly size: number;
  stop(): Promise<void>;
}

/** The inside of a worker as plain JavaScript: each thread that is given TypeScript loads Node's compiler for it, which takes half of its start. */
const inside = (): URL => {
  const { code } = transformSync(readFileSync(new URL('./worker.ts', import.meta.url), 'utf8'), { loader: 'ts' });
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
};
const INSIDE = inside();

/** Not Node's own choice, the temporary folder: on a shared machine somebody else may have made it. */
const COMPILED = join(import.meta.dirname, '../../node_modules/.cache/roadstead');

/** Lambda's limit for an event and an answer of a synchronous call. */
const MAX_BYTES = 6 * 1024 * 1024;

interface Thread {
  readonly worker: Worker;
  finish: ((answer: Invoked) => void) | undefined;
  requestId: string;
  idleTimer: NodeJS.Timeout | undefined;
}

const failed = (errorType: string, errorMessage: string): Invoked => ({
  payload: { errorType, errorMessage },
  functionError: 'Unhandled',
});

export function createPool(options: PoolOptions): Pool {
  const threads = new Set<Thread>();
  const idle: Thread[] = [];
  const waiting: ((thread: Thread | undefined) => void)[] = [];
  let stopped = false;

  const drop = (thread: Thread): void => {
    threads.delete(thread);
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
    clearTimeout(thread.idleTimer);
  };

  const make = (): Thread => {
    const worker = new Worker(INSIDE, {
      workerData: { folder: options.folder, handler: options.handler, compiled: COMPILED } satisfies WorkerData,
      env: { ...options.environment },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: options.memory },
      stdout: true,
      stderr: true,
      name: options.functionName,
    });
    const thread: Thread = { worker, finish: undefined, requestId: '', idleTimer: undefined };
    for (const stream of [worker.stdout, worker.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => options.log(text));
    const end = (why: string): void => {
      drop(thread);
      const { finish, requestId } = thread;
      thread.finish = undefined;
      finish?.(failed('Runtime.ExitError', `RequestId: ${requestId} Error: Runtime exited ${why}`));
      if (!stopped) hand();
    };
    worker.on('message', ({ payload, failed: bad }: WorkerAnswer) => {
      const { finish } = thread;
      thread.finish = undefined;
      rest(thread);
      const size = Buffer.byteLength(payload);
      if (size > MAX_BYTES)
        return finish?.(
          failed(
            'Function.ResponseSizeTooLarge',
            `Response payload size (${size} bytes) exceeded maximum allowed payload size (${MAX_BYTES} bytes).`,
          ),
        );
      finish?.({ payload: JSON.parse(payload), ...(bad && { functionError: 'Unhandled' }) });
    });
    worker.on('error', (error) => {
      options.log(`${error.stack ?? error}\n`);
      end(`with error: ${error.message}`);
    });
    worker.on('exit', () => end('without providing a reason'));
    threads.add(thread);
    return thread;
  };

  /** Gives a free or new thread to who waits longest. */
  const hand = (): void => {
    while (waiting.length > 0) {
      const thread = idle.pop() ?? (threads.size < options.concurrency ? make() : undefined);
      if (!thread) return;
      clearTimeout(thread.idleTimer);
      waiting.shift()!(thread);
    }
  };

  const rest = (thread: Thread): void => {
    idle.push(thread);
    thread.idleTimer = setTimeout(() => {
      if (threads.size > 1) void thread.worker.terminate();
    }, options.idleMs).unref();
    hand();
  };

  return {
    get size() {
      return threads.size;
    },
    async run(event, requestId = randomUUID()) {
      const text = JSON.stringify(event ?? null);
      if (Buffer.byteLength(text) > MAX_BYTES)
        return failed('RequestEntityTooLargeException', `The event is larger than ${MAX_BYTES} bytes.`);
      const thread = await new Promise<Thread | undefined>((resolve) => {
        if (stopped) return resolve(undefined);
        waiting.push(resolve);
        hand();
      });
      if (!thread) return failed('Runtime.ExitError', `RequestId: ${requestId} Error: the runtime stops`);
      const { functionName, functionArn, memory, timeoutSeconds } = options;
      const timeoutMs = timeoutSeconds * 1000;
      return new Promise<Invoked>((resolve) => {
        const timer = setTimeout(() => {
          const message = `${new Date().toISOString()} ${requestId} Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
          thread.finish = undefined;
          drop(thread);
          options.log(`${message}\n`);
          void thread.worker.terminate();
          resolve(failed('Sandbox.Timedout', message));
        }, timeoutMs);
        thread.requestId = requestId;
        thread.finish = (answer) => {
          clearTimeout(timer);
          resolve(answer);
        };
        thread.worker.postMessage({
          requestId,
          event: text,
          deadline: Date.now() + timeoutMs,
          functionName,
          functionArn,
          memory,
        } satisfies WorkerTask);
      });
    },
    async kill() {
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
    async stop() {
      stopped = true;
      for (const give of waiting.splice(0)) give(undefined);
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}
