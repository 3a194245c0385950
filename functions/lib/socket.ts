/** The socket adapter: API Gateway's three routes become connect, disconnect and one message with one answer (DESIGN §4 socket). */
import type { APIGatewayProxyStructuredResultV2, APIGatewayProxyWebsocketEventV2 } from 'aws-lambda';
import { AppError } from '#core/contract/errors.ts';
import type { Deps } from './deps.ts';

/** `$connect` alone carries headers and query. */
type SocketEvent = APIGatewayProxyWebsocketEventV2 & {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>> | null;
};

/** What the two ways in need of the handshake. */
export interface Handshake {
  readonly connectionId: string;
  readonly ticket: string | undefined;
  readonly agentToken: string | undefined;
}

export interface SocketApp {
  /** Throws AppError to refuse. */
  readonly connect: (handshake: Handshake) => Promise<void>;
  readonly disconnect: (connectionId: string) => Promise<void>;
  /** The one answer to a message. Never throws for what a client sent. */
  readonly message: (connectionId: string, text: string) => Promise<unknown>;
}

const headerOf = (event: SocketEvent, name: string): string | undefined =>
  Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];

export const socket =
  (deps: Pick<Deps, 'log'>, app: SocketApp) =>
  async (event: SocketEvent): Promise<APIGatewayProxyStructuredResultV2> => {
    const { connectionId, eventType } = event.requestContext;
    try {
      if (eventType === 'CONNECT') {
        await app.connect({
          connectionId,
          ticket: event.queryStringParameters?.ticket,
          agentToken: headerOf(event, 'x-cluster-token'),
        });
        return { statusCode: 200 };
      }
      if (eventType === 'DISCONNECT') {
        await app.disconnect(connectionId);
        return { statusCode: 200 };
      }
      return { statusCode: 200, body: JSON.stringify(await app.message(connectionId, event.body ?? '')) };
    } catch (error) {
      if (error instanceof AppError && error.status < 500) return { statusCode: error.status, body: error.code };
      deps.log.error('the socket failed', { connectionId, eventType, error: error as Error });
      return { statusCode: 500 };
    }
  };
