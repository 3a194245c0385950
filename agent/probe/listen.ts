/** The listening side of a probe: the agent's own program, in a pod of its own, with two ports on which it says nothing. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { ALLOWED_PORT, DENIED_PORT } from './objects.ts';

/** Listens on this address until the signal aborts. The denied port comes first: where the allowed one answers, the other is open too. */
export const listenForProbe = async (host: string, signal: AbortSignal): Promise<void> => {
  const servers = [];
  for (const port of [DENIED_PORT, ALLOWED_PORT]) {
    const server = createServer((socket) => socket.on('error', () => undefined).destroy());
    servers.push(server);
    server.listen(port, host);
    await once(server, 'listening');
  }
  if (!signal.aborted) await once(signal, 'abort');
  for (const server of servers) server.close();
};
