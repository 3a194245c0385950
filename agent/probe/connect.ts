/** Whether a TCP port lets itself be reached. */
import { connect } from 'node:net';

/** Milliseconds: a packet that a policy drops is never answered. */
const TIMEOUT_MS = 2_000;

/** How the prober finds out whether a connection is made. Never throws. */
export type Reach = (host: string, port: number) => Promise<boolean>;

/** Opens a connection and closes it at once; false where it is refused or not answered within 2 s. */
export const canConnect: Reach = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: TIMEOUT_MS });
    const end = (reached: boolean) => {
      socket.destroy();
      resolve(reached);
    };
    socket
      .on('connect', () => end(true))
      .on('timeout', () => end(false))
      .on('error', () => end(false));
  });
