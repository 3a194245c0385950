/** The open connections of the WebSocket API, with its limits on idleness and life. */
import { randomBytes } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { ConnectionFacts } from './socket-event.ts';

export interface Connection extends ConnectionFacts {
  readonly socket: WebSocket;
  lastActiveAt: number;
}

export interface Connections {
  add(connection: Connection): void;
  /** Something went over it, in either direction. */
  touch(connection: Connection): void;
  remove(id: string): void;
  get(id: string): Connection | undefined;
  all(): readonly Connection[];
}

export interface ConnectionLimits {
  readonly idleMs: number;
  readonly lifeMs: number;
}

/** As API Gateway's: base64 with a trailing `=`, which must be encoded in a path. */
export const newConnectionId = (): string => `${randomBytes(11).toString('base64url')}=`;

export function createConnections({ idleMs, lifeMs }: ConnectionLimits): Connections {
  const open = new Map<
    string,
    { readonly connection: Connection; readonly life: NodeJS.Timeout; idle: NodeJS.Timeout }
  >();
  const end = (socket: WebSocket) => (): void => socket.close(1001, 'Going away');
  return {
    all: () => [...open.values()].map(({ connection }) => connection),
    get: (id) => open.get(id)?.connection,
    add(connection) {
      const close = end(connection.socket);
      open.set(connection.id, {
        connection,
        life: setTimeout(close, lifeMs).unref(),
        idle: setTimeout(close, idleMs).unref(),
      });
    },
    touch(connection) {
      connection.lastActiveAt = Date.now();
      open.get(connection.id)?.idle.refresh();
    },
    remove(id) {
      const found = open.get(id);
      clearTimeout(found?.life);
      clearTimeout(found?.idle);
      open.delete(id);
    },
  };
}
