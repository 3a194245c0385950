import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { logFile, logOptions, readLog } from '#local/kubernetes/kubelet/logs.ts';
import { Tether } from '#local/kubernetes/kubelet/tether.ts';

const tethers: Tether[] = [];
const folders: string[] = [];
const start = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tether-'));
  folders.push(dir);
  const tether = new Tether(join(dir, 'pids'));
  tethers.push(tether);
  return { dir, tether };
};
afterEach(async () => {
  await Promise.all(tethers.splice(0).map((tether) => tether.stop()));
  await Promise.all(folders.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
});

const env = { PATH: process.env.PATH ?? '' };
/** A zombie that nobody has reaped yet is dead. */
const alive = (pid: number) => {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const text = async (...args: Parameters<typeof readLog>) => {
  let all = '';
  for await (const chunk of readLog(...args)) all += chunk;
  return all;
};

describe('a tethered process', () => {
  test('writes its log in order, with the stream of each line, and tells its exit code', async () => {
    const { dir, tether } = await start();
    const log = logFile(dir, 'main', 0);
    const { exited } = tether.run({
      command: ['sh', '-c', 'echo one; echo two >&2; printf three; exit 7'],
      env,
      cwd: dir,
      log,
    });
    expect(await exited).toMatchObject({ code: 7 });
    const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ').slice(1).join(' ')).sort()).toEqual([
      'stderr F two',
      'stdout F one',
      'stdout F three',
    ]);
  });

  test('has the environment that it was given and nothing of ours', async () => {
    const { dir, tether } = await start();
    process.env.ROADSTEAD_TEST_SECRET = 'x';
    const { exited } = tether.run({ command: ['env'], env: { ...env, MINE: '1' }, cwd: dir });
    const { output } = await exited;
    delete process.env.ROADSTEAD_TEST_SECRET;
    expect(output).toContain('MINE=1');
    expect(output).not.toContain('ROADSTEAD_TEST_SECRET');
  });

  test('that cannot be started says why', async () => {
    const { dir, tether } = await start();
    expect(await tether.run({ command: ['/no/such/program'], env, cwd: dir }).exited).toMatchObject({
      code: 127,
      error: 'exec: "/no/such/program": stat /no/such/program: no such file or directory',
    });
  });

  test('takes signals for its whole group, and its children end with it', async () => {
    const { dir, tether } = await start();
    const log = join(dir, 'log');
    const run = tether.run({ command: ['sh', '-c', 'sleep 100 & echo $!; wait'], env, cwd: dir, log });
    const pid = async () => Number((await readFile(log, 'utf8').catch(() => '')).split(' ').at(-1));
    await expect.poll(pid).toBeGreaterThan(1);
    run.signal('SIGTERM');
    expect(await run.exited).toMatchObject({ code: 143 });
    const child = await pid();
    await expect.poll(() => alive(child)).toBe(false);
  });

  test('ends when the process that started it is killed without warning', async () => {
    const { dir } = await start();
    const script = `
      const { Tether } = await import(${JSON.stringify(new URL('../../../local/kubernetes/kubelet/tether.ts', import.meta.url).href)});
      const tether = new Tether(${JSON.stringify(join(dir, 'other'))});
      tether.run({ command: ['sh', '-c', 'echo $$; exec sleep 100'], env: process.env, cwd: '/', log: ${JSON.stringify(join(dir, 'log'))} });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    const pid = async () => Number((await readFile(join(dir, 'log'), 'utf8').catch(() => '')).split(' ').at(-1));
    await expect.poll(pid, { timeout: 5_000 }).toBeGreaterThan(1);
    const child = await pid();
    parent.kill('SIGKILL');
    await expect.poll(() => alive(child), { timeout: 5_000 }).toBe(false);
  });
});

describe('logs', () => {
  const written = async () => {
    const { dir, tether } = await start();
    const log = join(dir, 'log');
    await tether.run({ command: ['sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; done'], env, cwd: dir, log }).exited;
    return log;
  };
  const options = (query: string) => logOptions(new URLSearchParams(query));
  const never = new AbortController().signal;

  test('the last lines, the first bytes, with times', async () => {
    const log = await written();
    const read = (query: string) => text(log, options(query), () => true, never);
    expect(await read('')).toBe('line 1\nline 2\nline 3\nline 4\nline 5\n');
    expect(await read('tailLines=2')).toBe('line 4\nline 5\n');
    expect(await read('tailLines=0')).toBe('');
    expect(await read('limitBytes=9')).toBe('line 1\nli');
    expect(await read('timestamps=true&tailLines=1')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z line 5\n$/);
    expect(await read('sinceSeconds=0')).toBe('');
  });

  test('following goes on until the container has ended', async () => {
    const { dir, tether } = await start();
    const log = join(dir, 'log');
    let ended = false;
    const run = tether.run({ command: ['sh', '-c', 'echo a; sleep 0.3; echo b'], env, cwd: dir, log });
    void run.exited.then(() => {
      ended = true;
    });
    expect(await text(log, options('follow=true'), () => ended, never)).toBe('a\nb\n');
  });

  test('a wrong number is refused', () => {
    expect(() => options('tailLines=-1')).toThrow('tailLines=-1 is no whole number');
  });
});
