import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '#local/free-port.ts';

const ROOT = join(import.meta.dirname, '..', '..');

const run = async (script: string, ...args: string[]): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return { code: await new Promise((resolve) => child.once('exit', resolve)), output };
};

it('npm run demo -- --once shows the main job from sign-up to nothing left and ends with 0', async () => {
  const { code, output } = await run('demo.ts', '--once', '--port', String(await freePort()));
  expect(output).not.toContain('failed');
  for (const step of [
    'registered and signed in',
    'Pending',
    'Provisioning · EnsureCluster',
    'Ready',
    'nodes ready',
    'fetched and used by',
    'now expires',
    'Connected=False was pushed',
    'Connected=True was pushed',
    'Deleted was pushed',
    'Nothing left',
  ]) {
    expect(output).toContain(step);
  }
  expect(code).toBe(0);
});

it('an option that is not known is refused with the ones that are', async () => {
  const { code, output } = await run('demo.ts', '--twice');
  expect(code).toBe(2);
  expect(output).toContain('--once');
});
