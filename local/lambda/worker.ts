/** The inside of a function's worker thread: imports the handler once, then runs one event at a time. */
import { existsSync, readFileSync } from 'node:fs';
import { enableCompileCache, flushCompileCache, SourceMap } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/** What a worker is started with. */
export interface WorkerSetup {
  readonly folder: string;
  /** As in the template: `index.handler`. */
  readonly handler: string;
}

/** What a thread is given. */
export interface WorkerData extends WorkerSetup {
  /** Folder of what V8 compiled before: nobody else may write there. */
  readonly compiled: string;
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

const maps = new Map<string, SourceMap | undefined>();

const mapOf = (url: string): SourceMap | undefined => {
  if (!maps.has(url)) {
    const file = `${fileURLToPath(url)}.map`;
    maps.set(url, existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined);
  }
  return maps.get(url);
};

/** Where a place in a bundle comes from; what no map knows stays as it is. */
const original = (place: string, url: string, line: string, column: string): string => {
  const { fileName, lineNumber, columnNumber } = { ...mapOf(url)?.findOrigin(Number(line), Number(column)) };
  // Relative to where the bundle was made, which is not where it runs.
  return fileName === undefined ? place : `${fileName.replace(/^(\.\.\/)+/, '')}:${lineNumber}:${columnNumber}`;
};

// Node's own flag for it reads and measures each bundle and its map at the start, a fifth of a cold start; few functions ever show a stack.
Error.prepareStackTrace = (error, frames) =>
  [Error.prototype.toString.call(error), ...frames.map(String)]
    .join('\n    at ')
    .replace(/(file:[^\s()]+):(\d+):(\d+)/g, original);

async function load({ folder, handler, compiled }: WorkerData): Promise<Handler> {
  const dot = handler.lastIndexOf('.');
  const [file, name] = [handler.slice(0, dot), handler.slice(dot + 1)];
  const path = ['.mjs', '.js', '.cjs'].map((extension) => join(folder, file + extension)).find(existsSync);
  if (!path)
    throw Object.assign(new ImportError(`Cannot find module '${file}'`), { name: 'Runtime.ImportModuleError' });
  // What was compiled for one thread is there for the next, also of another start: a sixth of a cold start.
  enableCompileCache(compiled);
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  flushCompileCache();
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
  const loading = load(workerData as WorkerData);
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
