/** Cold start of every function that people wait for: import of its bundle in a new process, and the bundle's size. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { environments } from '#functions/lib/env.ts';
import { synthesize } from '../local/synthesize.ts';
import { ROOT } from '../local/up.ts';
import type { Bench } from './bench.ts';
import { figureRow, median, type Row } from './row.ts';

const run = promisify(execFile);
const KB = 1024;

/** Any value that a schema of ours takes; nothing is called at import. */
const placeholder = (name: string): string => {
  if (name === 'LOG_LEVEL') return 'ERROR';
  if (name === 'REGISTRATION') return 'closed';
  if (name === 'FIPS') return 'false';
  if (/(_SECONDS|_LIMIT)$/.test(name)) return '1';
  return /(_URL|_URI|ISSUER)$/.test(name) ? 'https://bench.invalid' : 'bench';
};

/** Milliseconds on the clock, and of CPU, which a busy machine changes less. */
const importOnce = async (file: string, variables: readonly string[]): Promise<{ wall: number; cpu: number }> => {
  const script = `const t = performance.now(), c = process.cpuUsage(); await import(${JSON.stringify(pathToFileURL(file).href)}); const { user, system } = process.cpuUsage(c); console.log(JSON.stringify({ wall: performance.now() - t, cpu: (user + system) / 1000 })); process.exit(0);`;
  const env = Object.fromEntries(variables.map((name) => [name, placeholder(name)]));
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...env, AWS_REGION: 'us-east-1', PATH: process.env.PATH },
    timeout: 20_000,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { wall: number; cpu: number };
};

export const coldStart: Bench = {
  name: 'cold-start',
  async run({ quick }) {
    await synthesize(ROOT);
    const functions = Object.entries(environments).filter(([name]) => /^(http|socket)\//.test(name));
    const rows: Row[] = [];
    for (const [name, { shape }] of functions) {
      const file = join(ROOT, 'dist/functions', name, 'index.mjs');
      const samples: { wall: number; cpu: number }[] = [];
      for (let i = 0; i < (quick ? 1 : 5); i++) samples.push(await importOnce(file, Object.keys(shape)));
      const size = statSync(file).size / KB;
      rows.push(
        figureRow(`import of ${name}`, median(samples.map(({ wall }) => wall)), 'ms', {
          most: 150,
          sound: size <= 640,
          note: `bundle ${size.toFixed(0)} KB (≤ 640); CPU ${median(samples.map(({ cpu }) => cpu)).toFixed(0)} ms; median of ${samples.length}, slowest ${Math.max(...samples.map(({ wall }) => wall)).toFixed(0)} ms`,
        }),
      );
    }
    return rows;
  },
};
