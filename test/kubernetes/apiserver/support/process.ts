/** An API server in a process of its own, for tests that kill or starve it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Agent, request } from 'node:https';
import type { Readable } from 'node:stream';
import { ADMIN } from './server.ts';

const WRITER = new URL('writer.ts', import.meta.url).pathname;

type Child = ChildProcessByStdio<null, Readable, null>;

export interface WriterAnswer {
  status: number;
  body: {
    metadata: { resourceVersion: string; name: string };
    items: { metadata: { name: string } }[];
    [field: string]: unknown;
  };
}

const plainly = (args: string[]): Child => spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });

/** Starts it on a folder; resolves when it answers. `run` starts a process of Node with these arguments in a way of its own. */
export async function startWriter(
  dir: string,
  run: (args: string[]) => Child = plainly,
): Promise<{ child: Child; call(method: string, path: string, body?: unknown): Promise<WriterAnswer> }> {
  const child = run([WRITER, dir]);
  const line = await new Promise<string>((done, fail) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) done(text);
    });
    child.on('exit', () => fail(new Error('the server ended before it was ready')));
  });
  const { url, caPem } = JSON.parse(line) as { url: string; caPem: string };
  const agent = new Agent({ keepAlive: true, ca: caPem });
  return {
    child,
    call: (method, path, body) =>
      new Promise((done, fail) => {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const sent = request(new URL(path, url), {
          method,
          agent,
          headers: {
            authorization: `Bearer ${ADMIN}`,
            ...(text && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        });
        sent.on('response', async (response) => {
          try {
            const answer = Buffer.concat(await response.toArray()).toString();
            done({ status: response.statusCode ?? 0, body: JSON.parse(answer) });
          } catch (error) {
            fail(error);
          }
        });
        sent.on('error', fail).end(text);
      }),
  };
}
