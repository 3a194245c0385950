/** The ports that a dev image's entrypoint listens on, held by the kubelet while the container runs: open, and honest about what is behind. */
import { access } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Held } from './runnable.ts';

export interface HeldPorts {
  close(): void;
}

/** How often it is asked whether the entrypoint has come to listen. */
const LOOK_MS = 50;

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Listens on the pod's address once the entrypoint would: one that hangs before that fails its startup probe here as everywhere. Each visitor is
 * told what to do instead, in a line that SSH clients show and then hangs up.
 */
export function holdPorts(
  podIP: string,
  held: Held | undefined,
  instead: string,
  failed: (message: string) => void,
): HeldPorts {
  const closing = new AbortController();
  const servers: Server[] = [];
  const open = async ({ ports, once }: Held): Promise<void> => {
    while (!(await isThere(once))) await sleep(LOOK_MS, undefined, { signal: closing.signal });
    if (closing.signal.aborted) return;
    for (const port of ports) {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.end(`This cluster runs on one machine and has no SSH server in its dev pods: ${instead}\r\n`);
      });
      server.on('error', (error) => failed(`port ${port} of the image cannot be held: ${error.message}`));
      servers.push(server.listen(port, podIP));
    }
  };
  if (held) void open(held).catch(() => undefined);
  return {
    close() {
      closing.abort();
      for (const server of servers) server.close();
    },
  };
}
