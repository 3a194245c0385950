/** `npm start`: from the start of the process to the first answer of the API, on a new state and on a kept one; and the synthesis alone. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '#local/free-port.ts';
import { synthesize } from '../local/synthesize.ts';
import { ROOT } from '../local/up.ts';
import type { Bench } from './bench.ts';
import { figureRow } from './row.ts';

const PATIENCE_MS = 60_000;

/** Starts it, waits until it is healthy, ends it; answers seconds of the first two. */
const startOnce = async (port: number, state: string): Promise<number> => {
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [join(ROOT, 'scripts/start.ts'), '--port', String(port), '--state', state, '--quiet'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    for (;;) {
      const healthy = await fetch(`http://localhost:${port}/api/v1/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
      const took = performance.now() - begun;
      if (healthy) return took / 1000;
      if (child.exitCode !== null || took > PATIENCE_MS) throw new Error('npm start did not become healthy');
      await sleep(25);
    }
  } finally {
    child.kill('SIGINT');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  }
};

export const start: Bench = {
  name: 'start',
  async run({ defer }) {
    await synthesize(ROOT);
    const [state, cdkOut] = ['state', 'synth'].map((name) => mkdtempSync(join(tmpdir(), `roadstead-bench-${name}-`)));
    if (state === undefined || cdkOut === undefined) throw new Error('no folder could be made');
    defer(() => {
      for (const folder of [state, cdkOut]) rmSync(folder, { recursive: true, force: true });
    });
    const port = await freePort();
    const first = await startOnce(port, state);
    const again = await startOnce(port, state);
    const begun = performance.now();
    await promisify(execFile)(process.execPath, [join(ROOT, 'infra/app.ts')], {
      cwd: ROOT,
      env: { ...process.env, CDK_OUTDIR: cdkOut },
    });
    const synthesis = (performance.now() - begun) / 1000;
    return [
      figureRow('npm start → healthz, new state', first, 's', { note: 'cdk.out was up to date' }),
      figureRow('npm start → healthz, kept state', again, 's', { note: `×${(again / first).toFixed(2)} of the first` }),
      figureRow('synthesis of the CDK app', synthesis, 's', { note: 'with cdk-nag; only when a source has changed' }),
    ];
  },
};
