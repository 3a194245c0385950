/** Opens a loopback port, the same after a restart where that can be. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const LOOPBACK = '127.0.0.1';

const tryListen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });

const isBusy = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE';

/** Listens on `port`; throws in plain words when it is taken. */
export async function listenOn(server: Server, port: number): Promise<number> {
  try {
    return await tryListen(server, port);
  } catch (cause) {
    if (!isBusy(cause)) throw cause;
    throw new Error(
      `port ${port} of ${LOOPBACK} is in use by another program; end it or choose another: --port ${port + 1}`,
      {
        cause,
      },
    );
  }
}

/** Listens on the port that is remembered in `file`, or on a free one, and remembers it: URLs handed out stay good after a restart. */
export async function listenAgain(server: Server, file: string): Promise<number> {
  const remembered = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  const port = await tryListen(server, remembered).catch((error: unknown) => {
    if (!isBusy(error)) throw error;
    return tryListen(server, 0);
  });
  writeFileSync(file, `${port}\n`);
  return port;
}

/** Closes a server and every connection it has. */
export const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
