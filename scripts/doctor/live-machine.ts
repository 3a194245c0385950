/** The machine that this runs on. */
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Machine } from './machine.ts';

export const liveMachine: Machine = {
  nodeVersion: process.version,
  run: (command, ...args) =>
    new Promise((resolve) => {
      execFile(command, args, { timeout: 10_000 }, (error, stdout, stderr) =>
        // `java -version` prints to the error stream.
        resolve(error === null ? `${stdout}${stderr}` : undefined),
      );
    }),
  isPortFree: (port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    }),
  freeBytes: async () => {
    const { bavail, bsize } = await statfs('.');
    return bavail * bsize;
  },
};
