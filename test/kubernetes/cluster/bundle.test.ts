import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundled, type Programs } from '#local/kubernetes/bundle.ts';
import { temporary } from './harness.ts';

let programs: Programs;
/** Long ago, and each time later: what is made now is newer than all sources. */
let changedAt = 1_700_000_000;
const write = (path: string, text: string) => {
  const file = join(programs.root, path);
  writeFileSync(file, text);
  changedAt += 1;
  utimesSync(file, changedAt, changedAt);
};

beforeEach(async () => {
  const root = await temporary();
  programs = { root, sources: ['main.ts', 'inner/other.ts'], dir: join(root, 'made') };
  mkdirSync(join(root, 'inner'));
  write('word.txt', 'a word');
  write('part.ts', `export const part: string = 'first';`);
  write('inner/other.ts', `console.log('the other');`);
  write(
    'main.ts',
    `import { execFileSync } from 'node:child_process';
     import { readFileSync } from 'node:fs';
     import { fileURLToPath } from 'node:url';
     import { part } from './part.ts';
     const other = fileURLToPath(new URL('./inner/other.ts', import.meta.url));
     console.log(part, readFileSync(new URL('word.txt', import.meta.url), 'utf8'), other, String(execFileSync(process.execPath, [other])).trim());`,
  );
});
afterEach(() => rm(programs.root, { recursive: true, force: true }));

const said = async (): Promise<string> =>
  execFileSync(process.execPath, [await bundled(programs)])
    .toString()
    .trim();

describe('programs as one file each', () => {
  test('find the files beside their sources, and each other', async () => {
    expect(await said()).toBe(`first a word ${join(programs.dir, 'other.mjs')} the other`);
  });

  test('are made once, and again when a source has changed', async () => {
    const path = await bundled(programs);
    const { ino } = statSync(path);
    await bundled(programs);
    expect(statSync(path).ino).toBe(ino);

    write('part.ts', `export const part: string = 'second';`);

    expect(await said()).toContain('second a word');
  });

  test('that several want at once are whole for each', async () => {
    const paths = await Promise.all([bundled(programs), bundled(programs)]);

    for (const path of paths) expect(readFileSync(path, 'utf8')).toContain('first');
  });

  test('run from their sources where nothing can be kept', async () => {
    write('made', 'a file where the folder would be');

    expect(await said()).toBe(`first a word ${join(programs.root, 'inner/other.ts')} the other`);
  });

  test('with a broken source are refused with its place', async () => {
    write('part.ts', 'export const part = ;');

    await expect(bundled(programs)).rejects.toThrow(/part\.ts:1:20.*Unexpected/s);
  });
});
