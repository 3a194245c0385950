/** The inside of a function's worker thread: imports the handler once, then runs one event at a time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/** What a worker is started with. */
export interface WorkerSetup {
  readonly folder: string;
  /** As in the template: `index.handler`. */
  readonly handler: string;
}

/** One event for a worker. */
export interface WorkerTask {
  readonly requestId: string;
  /** JSON. */
  readonly event: string;
  readonly deadline: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memory: number;
}

/** A worker's answer: JSON of the handler's answer or of its error. */
export interface WorkerAnswer {
  readonly requestId: string;
  readonly payload: string;
  readonly failed: boolean;
}

type Handler = (event: unknown, context: unknown) => unknown;

class ImportError extends Error {}

async function load({ folder, handler }: WorkerSetup): Promise<Handler> {
  const dot = handler.lastIndexOf('.');
  const [file, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const path = ['.mjs', '.js', '.cjs'].map((extension) => join(folder, file + extension)).find(existsSync);
  if (!path)
    throw Object.assign(new ImportError(`Cannot find module '${file}'`), { name: 'Runtime.ImportModuleError' });
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const found = module[name] ?? (module.default as Record<string, unknown> | undefined)?.[name];
  if (typeof found !== 'function')
    throw Object.assign(new ImportError(`${handler} is undefined or not exported`), {
      name: 'Runtime.HandlerNotFound',
    });
  return found as Handler;
}

const failure = (error: unknown): string =>
  error instanceof Error
    ? JSON.stringify({ errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') })
    : JSON.stringify({ errorType: typeof error, errorMessage: String(error), trace: [] });

const context = ({ requestId, deadline, functionName, functionArn, memory }: WorkerTask): unknown => ({
  awsRequestId: requestId,
  functionName,
  functionVersion: '$LATEST',
  invokedFunctionArn: functionArn,
  memoryLimitInMB: String(memory),
  logGroupName: `/aws/lambda/${functionName}`,
  logStreamName: 'local',
  callbackWaitsForEmptyEventLoop: true,
  getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
});

if (parentPort) {
  const port = parentPort;
  const loading = load(workerData as WorkerSetup);
  // Reported by the first event; without this the thread would end before one comes.
  loading.catch(() => {});
  port.on('message', async (task: WorkerTask) => {
    let answer: WorkerAnswer;
    try {
      const handler = await loading;
      const payload = JSON.stringify((await handler(JSON.parse(task.event), context(task))) ?? null);
      answer = { requestId: task.requestId, payload, failed: false };
    } catch (error) {
      console.error(error);
      answer = { requestId: task.requestId, payload: failure(error), failed: true };
    }
    port.postMessage(answer);
  });
}
