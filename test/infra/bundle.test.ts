import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '#scripts/build/bundle.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'roadstead-bundle-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const run = (...functions: string[]) => bundle({ root, functions, agent: 'agent/main.ts' });
const handlerOf = async (name: string): Promise<() => unknown> =>
  ((await import(join(root, 'dist/functions', name, 'index.mjs'))) as { handler: () => unknown }).handler;

describe('the build', () => {
  it('makes an ES module with a source map for each function, in a folder of its own, and for the agent', async () => {
    write('functions/http/hello.ts', `import { word } from '../lib/word.ts'; export const handler = () => word;`);
    write('functions/lib/word.ts', `export const word: string = 'hello';`);
    write('agent/main.ts', `console.log('agent');`);
    const { bundles } = await run('http/hello');
    expect(bundles.map(({ path }) => path).toSorted()).toEqual(['agent/main.mjs', 'functions/http/hello/index.mjs']);
    expect((await handlerOf('http/hello'))()).toBe('hello');
    expect(readFileSync(join(root, 'dist/functions/http/hello/index.mjs.map'), 'utf8')).toContain(
      'functions/lib/word.ts',
    );
  });

  it('lets a CommonJS package inside ask for modules of Node', async () => {
    write('node_modules/old/package.json', '{"name":"old","main":"index.js"}');
    write('node_modules/old/index.js', `const path = require('path'); exports.join = () => path.join('a', 'b');`);
    write('functions/a.ts', `import { join } from 'old'; export const handler = () => join();`);
    await run('a');
    expect((await handlerOf('a'))()).toBe('a/b');
  });

  it('takes of a module of Node what is used, and leaves asleep what it would only load', async () => {
    write(
      'functions/a.ts',
      `import { STATUS_CODES } from 'node:http'; import process from 'node:process'; import * as fs from 'fs';
       export const handler = async () => [STATUS_CODES[404], process.pid > 0, typeof fs.readFileSync, typeof (await import('node:http')).request];`,
    );
    await run('a');
    const file = join(root, 'dist/functions/a/index.mjs');
    const script = `const { handler } = await import(${JSON.stringify(file)}); console.log(JSON.stringify([await handler(), process.moduleLoadList.some((name) => name.includes('undici'))]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    expect(JSON.parse(stdout)).toEqual([['Not Found', true, 'function', 'function'], false]);
  });

  it('names every function that has no source', async () => {
    write('functions/here.ts', 'export const handler = () => 1;');
    await expect(run('here', 'http/gone', 'tasks/lost')).rejects.toThrow(
      'functions/http/gone.ts, functions/tasks/lost.ts',
    );
  });

  it('does nothing again until a source changes', async () => {
    write('functions/a.ts', 'export const handler = () => 1;');
    expect((await run('a')).fresh).toBe(true);
    expect((await run('a')).fresh).toBe(false);
    write('functions/a.ts', 'export const handler = () => 1234;');
    expect((await run('a')).fresh).toBe(true);
    expect(readFileSync(join(root, 'dist/functions/a/index.mjs'), 'utf8')).toContain('1234');
  });

  it('lays beside a bundle what is read at run time, and builds again when that has changed or is gone', async () => {
    write('functions/a.ts', 'export const handler = () => 1;');
    write('node_modules/page/page.css', 'a {}');
    const files = { 'functions/a/page/page.css': 'node_modules/page/page.css' };
    const build = () => bundle({ root, functions: ['a'], agent: 'agent/main.ts', files });
    await build();
    const laid = join(root, 'dist/functions/a/page/page.css');
    expect(readFileSync(laid, 'utf8')).toBe('a {}');
    expect((await build()).fresh).toBe(false);
    rmSync(laid);
    expect((await build()).fresh).toBe(true);
    write('node_modules/page/page.css', 'b { color: red }');
    expect((await build()).fresh).toBe(true);
    expect(readFileSync(laid, 'utf8')).toBe('b { color: red }');
  });

  it('builds again when a function is added or a bundle was taken away', async () => {
    write('functions/a.ts', 'export const handler = () => 1;');
    write('functions/b.ts', 'export const handler = () => 2;');
    await run('a');
    expect((await run('a', 'b')).fresh).toBe(true);
    rmSync(join(root, 'dist/functions/b'), { recursive: true });
    expect((await run('a', 'b')).fresh).toBe(true);
  });

  it('refuses a bundle over 640 KB, and one over 2 MB where the Kubernetes client is inside', async () => {
    write('node_modules/@kubernetes/client-node/package.json', '{"name":"@kubernetes/client-node","main":"index.js"}');
    write('node_modules/@kubernetes/client-node/index.js', 'exports.client = 1;');
    const big = (kilobytes: number) => `export const handler = () => '${'x'.repeat(kilobytes * 1024)}';`;
    write('functions/a.ts', big(641));
    await expect(run('a')).rejects.toThrow(/functions\/a\/index\.mjs has 64\d KB of 640/);
    write('functions/a.ts', `import { client } from '@kubernetes/client-node'; export const c = client; ${big(641)}`);
    expect((await run('a')).bundles).toMatchObject([{ limit: 2048 * 1024 }]);
    write('functions/a.ts', `import { client } from '@kubernetes/client-node'; export const c = client; ${big(2048)}`);
    await expect(run('a')).rejects.toThrow(/of 2048/);
  });

  it('tries again after a failure', async () => {
    write('functions/a.ts', 'export const handler = (');
    await expect(run('a')).rejects.toThrow();
    write('functions/a.ts', 'export const handler = () => 7;');
    await run('a');
    expect((await handlerOf('a'))()).toBe(7);
  });
});
