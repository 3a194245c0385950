/** Bundles the functions and synthesizes the CDK app, unless nothing that they come from has changed since the last time. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** All that the template and the bundles are made of. */
const SOURCES = [
  'core',
  'functions',
  'infra',
  'agent',
  'state-machines',
  'scripts/build.ts',
  'scripts/build',
  'local/bundling',
  'package-lock.json',
  'cdk.json',
];

const files = (path: string): string[] => {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => files(join(path, name)));
};

const fingerprint = (root: string): string => {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((source) => files(join(root, source))))
    hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
};

/** Makes `<root>/cdk.out`. Answers its path and whether there was anything to do. Throws with the tool's own words when the app does not synthesize. */
export const synthesize = async (root: string): Promise<{ cdkOut: string; fresh: boolean }> => {
  const cdkOut = join(root, 'cdk.out');
  const mark = join(cdkOut, '.sources');
  const sources = fingerprint(root);
  if (existsSync(mark) && readFileSync(mark, 'utf8') === sources) return { cdkOut, fresh: false };
  for (const [script, env] of [
    ['scripts/build.ts', {}],
    ['infra/app.ts', { CDK_OUTDIR: cdkOut }],
  ] as const) {
    try {
      await run(process.execPath, [join(root, script)], {
        cwd: root,
        env: { ...process.env, ...env },
        maxBuffer: 64 * 1024 * 1024,
      });
    } catch (error) {
      const { stderr, stdout } = error as { stderr?: string; stdout?: string };
      throw new Error(`${script} failed:\n${stderr || stdout || String(error)}`);
    }
  }
  writeFileSync(mark, sources);
  return { cdkOut, fresh: true };
};
