/** Posts to open sockets and ends them: the only user of `@connections`; imported by the stream's consumers and the sweeper alone (DESIGN §3). */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GoneException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { AppError } from '#core/contract/errors.ts';
import { MESSAGE_LIMIT } from '#core/contract/socket.ts';
import { Sha256 } from './sha256.ts';

export interface Connections {
  /** False when the socket has ended (410): never an error. */
  readonly post: (connectionId: string, message: unknown) => Promise<boolean>;
  /** Ends a socket; one that has ended already is fine. */
  readonly disconnect: (connectionId: string) => Promise<void>;
}

/** `callbackUrl` is the stage's management endpoint. */
export const liveConnections = (callbackUrl: string): Connections => {
  // Thousands of the same call: its chain of middlewares is put together once, and signed without making the key anew.
  const client = new ApiGatewayManagementApiClient({ endpoint: callbackUrl, cacheMiddleware: true, sha256: Sha256 });
  return {
    post: async (connectionId, message) => {
      const data = Buffer.from(JSON.stringify(message));
      if (data.length > MESSAGE_LIMIT)
        throw new AppError('internal', { detail: `a message of ${data.length} bytes is over ${MESSAGE_LIMIT}` });
      return unlessGone(client.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data })));
    },
    disconnect: async (connectionId) => {
      await unlessGone(client.send(new DeleteConnectionCommand({ ConnectionId: connectionId })));
    },
  };
};

const unlessGone = async (call: Promise<unknown>): Promise<boolean> => {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof GoneException || (error instanceof Error && error.name === 'GoneException')) return false;
    throw error;
  }
};
