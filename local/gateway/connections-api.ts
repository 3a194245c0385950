/** The `@connections` API: post to, look at and end the connections of the WebSocket API. */
import { ACCOUNT, type ApiReply, type AwsApi, AwsError, REGION } from '#local/types.ts';
import type { Connection, Connections } from './connections.ts';
import { MAX_MESSAGE_BYTES } from './socket-api.ts';

const OPERATIONS: Readonly<Record<string, string>> = {
  POST: 'PostToConnection',
  GET: 'GetConnection',
  DELETE: 'DeleteConnection',
};

const gone = (): AwsError => new AwsError('GoneException', 'The connection is gone.', 410);

const send = (connection: Connection, body: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    connection.socket.send(body, { binary: false }, (error) => (error ? reject(gone()) : resolve()));
  });

export function connectionsApi(connections: Connections): AwsApi {
  /** Undefined for one that ended, never was, or belongs to another API. */
  const find = (input: Readonly<Record<string, unknown>>): Connection => {
    const found = connections.get(String(input.connectionId));
    if (!found || found.api.id !== input.apiId || found.socket.readyState !== found.socket.OPEN) throw gone();
    return found;
  };
  return {
    service: 'execute-api',
    denied: { code: 'AccessDeniedException', status: 403 },
    parse({ method, path }) {
      const [, apiId, stage, connectionId] =
        /^\/execute-api\/([^/]+)\/([^/]+)\/@connections\/([^/]+)$/.exec(path) ?? [];
      const operation = OPERATIONS[method];
      if (!operation || !connectionId)
        throw new AwsError('UnknownOperationException', `not an @connections call: ${method} ${path}`, 404);
      return { operation, input: { apiId, stage, method, connectionId: decodeURIComponent(connectionId) } };
    },
    checks: ({ input }) => [
      {
        action: 'execute-api:ManageConnections',
        resource: `arn:aws:execute-api:${REGION}:${ACCOUNT}:${input.apiId}/${input.stage}/${input.method}/@connections/${input.connectionId}`,
      },
    ],
    async run({ operation, input }, _caller, { body }): Promise<ApiReply> {
      const connection = find(input);
      if (operation === 'PostToConnection') {
        if (body.length > MAX_MESSAGE_BYTES)
          throw new AwsError('PayloadTooLargeException', `the message is larger than ${MAX_MESSAGE_BYTES} bytes`, 413);
        await send(connection, body);
        connections.touch(connection);
        return { status: 200 };
      }
      if (operation === 'DeleteConnection') {
        connection.socket.close(1000, 'Connection Closed Normally');
        return { status: 204 };
      }
      const { connectedAt, lastActiveAt, sourceIp, userAgent } = connection;
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          connectedAt: new Date(connectedAt).toISOString(),
          lastActiveAt: new Date(lastActiveAt).toISOString(),
          identity: { sourceIp, userAgent },
        }),
      };
    },
    fail: (error) => ({
      status: error.status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
      body: JSON.stringify({ message: error.message }),
    }),
  };
}
