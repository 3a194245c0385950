/** `npm start` as a person runs it, in a process of its own with a state folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '#local/free-port.ts';
import { processesUnder } from '#scripts/local/processes.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

export interface Server {
  readonly url: string;
  readonly port: number;
  readonly state: string;
  readonly output: () => string;
  readonly process: ChildProcess;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
}

/** Starts it and waits until it answers; throws with its output when it ends before. */
export const startServer = async (
  options: {
    port?: number;
    state?: string;
    args?: readonly string[];
    env?: Readonly<Record<string, string>>;
    waitSeconds?: number;
  } = {},
): Promise<Server> => {
  const port = options.port ?? (await freePort());
  const state = options.state ?? mkdtempSync(join(tmpdir(), 'roadstead-e2e-'));
  const child = spawn(
    process.execPath,
    [join(ROOT, 'scripts/start.ts'), '--port', String(port), '--state', state, ...(options.args ?? [])],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = `http://localhost:${port}`;
  let ended = false;
  void exited.then(() => {
    ended = true;
  });
  for (const end = Date.now() + (options.waitSeconds ?? 60) * 1000; ; await sleep(100)) {
    if (ended) throw new Error(`the server ended:\n${output}`);
    if (Date.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`the server did not answer:\n${output}`);
    }
    try {
      if ((await fetch(`${url}/api/v1/healthz`)).ok) break;
    } catch {
      // Not yet.
    }
  }
  return { url, port, state, output: () => output, process: child, exited };
};

/** Ends it as Ctrl-C does; answers the exit code. */
export const stopServer = async (server: Server): Promise<number | null> => {
  server.process.kill('SIGINT');
  const late = setTimeout(() => server.process.kill('SIGKILL'), 30_000);
  const code = await server.exited;
  clearTimeout(late);
  return code;
};

/** Ends it as a power cut would. */
export const killServer = async (server: Server): Promise<void> => {
  server.process.kill('SIGKILL');
  await server.exited;
};

export const forget = (state: string): void =>
  rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

/** What a stopped product must not leave behind; looked at for three seconds, since a process takes a moment to end. */
export const processesOf = async (state: string): Promise<string[]> => {
  for (const end = Date.now() + 3000; ; await sleep(100)) {
    const found = processesUnder(state).map(({ pid, args }) => `${pid} ${args}`);
    if (found.length === 0 || Date.now() > end) return found;
  }
};

/** Ends what a killed product left behind (DynamoDB Local outlives it until the next start), then forgets its state: for the end of a test that may have failed. */
export const clear = async (state: string): Promise<void> => {
  for (const { pid } of processesUnder(state)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  await processesOf(state);
  forget(state);
};
