/** Whether this machine lets anyone make namespaces: containers then have a file system, processes and a host name of their own, without root. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { firstProcess } from './contained-process.ts';
import { enter, type Invocation, initCommand } from './namespace.ts';
import { makeRoot } from './rootfs.ts';

const run = promisify(execFile);
/** A busy machine takes its time; what it may do does not depend on that. */
const TRIAL_MS = 30_000;
const TRIALS = 2;
const TRIAL_USER = { name: 'node', uid: 1000, home: '/home/node' };

/** Tries the whole thing in `dir`; undefined means that it works, a text says why it does not. */
export async function isolationFault(dir: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return `namespaces are a thing of Linux, this is ${process.platform}`;
  let fault: string | undefined;
  for (let n = 0; n < TRIALS; n += 1) {
    fault = await tried(dir);
    if (fault === undefined) return undefined;
  }
  return fault;
}

async function tried(dir: string): Promise<string | undefined> {
  const trial = await mkdtemp(join(dir, 'trial-'));
  try {
    const place = await makeRoot({
      dir: trial,
      user: TRIAL_USER,
      hostname: 'trial',
      podIP: '127.0.0.1',
      folders: [],
      mounts: [],
    });
    const within = { uid: TRIAL_USER.uid, cwd: '/' };
    const start = ({ command: [file = '', ...args], env }: Invocation) =>
      run(file, args, { env, timeout: TRIAL_MS, cwd: '/' });
    // What an exec on a terminal needs is looked for at the same time.
    const wait = 'command -v script stty tar >/dev/null && while [ ! -e /tmp/entered ]; do sleep 0.02; done';
    const first = start(initCommand(place, { ...within, hostname: 'trial' }, ['sh', '-c', wait]));
    const entered = (async () => {
      const pid = await firstProcess(place);
      await start(enter(pid, within, ['touch', '/tmp/entered']));
    })();
    await Promise.all([first, entered]);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return (stderr?.trim() || message).split('\n')[0];
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}
