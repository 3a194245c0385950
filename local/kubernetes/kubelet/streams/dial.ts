/** Connects to a port of a pod. */
import { connect, type Socket } from 'node:net';

/** What answers for a pod's ports. */
export interface Dialable {
  podIP: string;
  /** Where its own processes listen on the port; empty where that cannot be known. */
  listeners(port: number): Promise<string[]>;
}

const WILDCARDS = new Set(['0.0.0.0', '0:0:0:0:0:0:0:0']);

const open = (host: string, port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });

/** A process that listens on every address or on localhost is found, too, as in a network namespace of the pod's own. Rejects in containerd's words. */
export async function dial(pod: Dialable, port: number): Promise<Socket> {
  const own = await pod.listeners(port);
  const hosts = own.length > 0 ? own.map((address) => (WILDCARDS.has(address) ? pod.podIP : address)) : [pod.podIP];
  let last: Error | undefined;
  for (const host of hosts) {
    try {
      return await open(host, port);
    } catch (error) {
      last = error as Error;
    }
  }
  const refused = (last as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
  const why = refused ? 'connect: connection refused' : last?.message;
  throw new Error(`failed to connect to localhost:${port} inside the pod, IPv4: dial tcp4 127.0.0.1:${port}: ${why}`);
}
