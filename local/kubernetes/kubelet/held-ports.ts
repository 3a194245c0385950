/** The ports that a dev image's entrypoint listens on, held by the kubelet while the container runs: open, and honest about what is behind. */
import { createServer } from 'node:net';

export interface HeldPorts {
  close(): void;
}

/** Listens on the pod's address; each visitor is told what to do instead, in a line that SSH clients show and then hangs up. */
export function holdPorts(
  podIP: string,
  ports: readonly number[],
  instead: string,
  failed: (message: string) => void,
): HeldPorts {
  const servers = ports.map((port) => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(`This cluster runs on one machine and has no SSH server in its dev pods: ${instead}\r\n`);
    });
    server.on('error', (error) => failed(`port ${port} of the image cannot be held: ${error.message}`));
    return server.listen(port, podIP);
  });
  return {
    close() {
      for (const server of servers) server.close();
    },
  };
}
