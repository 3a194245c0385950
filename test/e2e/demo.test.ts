import { expect, it } from 'vitest';
import { freePort } from '#local/free-port.ts';
import { runScript } from './support/script.ts';

it('npm run demo -- --once shows the main job from sign-up to nothing left and ends with 0', async () => {
  const { code, output } = await runScript('demo.ts', ['--once', '--port', String(await freePort())]);
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
  const { code, output } = await runScript('demo.ts', ['--twice']);
  expect(code).toBe(2);
  expect(output).toContain('--once');
});
