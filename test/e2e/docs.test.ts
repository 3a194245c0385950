import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forget, type Server, startServer, stopServer } from './support/server.ts';

const ROOT = join(import.meta.dirname, '..', '..');
let server: Server;
let folder: string;

beforeAll(async () => {
  server = await startServer({ args: ['--fresh', '--quiet'] });
  folder = mkdtempSync(join(tmpdir(), 'roadstead-docs-'));
});
afterAll(async () => {
  expect(await stopServer(server)).toBe(0);
  forget(server.state);
  forget(folder);
});

const shellBlocks = (file: string): string[] =>
  [...readFileSync(join(ROOT, file), 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] as string);

const bash = async (script: string): Promise<{ code: number | null; output: string }> => {
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, HOME: folder, ROADSTEAD_URL: server.url },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return { code: await new Promise((resolve) => child.once('exit', resolve)), output };
};

it('the shell blocks of docs/socket.md do what they say, with curl alone', async () => {
  const blocks = shellBlocks('docs/socket.md');
  expect(blocks.length).toBeGreaterThanOrEqual(2);
  // The last block signs in; what stands before it needs the token that it gets.
  const [first, ...rest] = [blocks.at(-1) as string, ...blocks.slice(0, -1)];
  const { code, output } = await bash([first, ...rest].join('\n'));
  expect(output).toContain('"phase":"Pending"');
  expect(output).toContain('"ticket":"');
  expect(code, output).toBe(0);
  expect(readFileSync(join(folder, 'kubeconfig'), 'utf8')).toContain('kind: Config');
});

it('the page at /docs shows the document, and / leads to it', async () => {
  const root = await fetch(server.url, { redirect: 'manual' });
  expect([root.status, root.headers.get('location')]).toEqual([302, '/docs']);
  for (const path of ['/docs', '/docs/']) {
    const page = await fetch(`${server.url}${path}`);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const parts = [...(await page.text()).matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] as string);
    expect(parts.length).toBeGreaterThan(2);
    for (const part of parts) {
      const file = await fetch(`${server.url}${part}`);
      expect([part, file.status]).toEqual([part, 200]);
      expect((await file.text()).length).toBeGreaterThan(100);
    }
  }
  const document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, unknown>;
  };
  expect(document.openapi).toMatch(/^3\.1/);
  expect(Object.keys(document.paths)).toContain('/api/v1/clusters');
});
