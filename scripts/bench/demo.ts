/** `npm run demo -- --once`: the main job from the start of the process to nothing left. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { synthesize } from '../local/synthesize.ts';
import { ROOT } from '../local/up.ts';
import type { Bench } from './bench.ts';
import { figureRow } from './row.ts';

export const demo: Bench = {
  name: 'demo',
  async run() {
    await synthesize(ROOT);
    const begun = performance.now();
    const child = spawn(process.execPath, [join(ROOT, 'scripts/demo.ts'), '--once'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 120_000,
      env: { ...process.env, NO_COLOR: '1' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    const seconds = (performance.now() - begun) / 1000;
    if (code !== 0) throw new Error(`the demo ended with ${code}:\n${output.slice(-2000)}`);
    const at = (step: string): number => Number(new RegExp(`^\\s*([\\d.]+) s\\s+${step}\\b`, 'm').exec(output)?.[1]);
    const between = (from: string, to: string): string => (at(to) - at(from)).toFixed(1);
    return [
      figureRow('npm run demo -- --once', seconds, 's', {
        note: `create to Ready ${between('Create', 'Ready')} s, delete ${between('Agent on', 'Delete')} s`,
      }),
    ];
  },
};
