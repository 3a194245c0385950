/** What a function behind a WebSocket API gets: connect, message and disconnect events. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { splitTarget } from '#local/http.ts';
import { REGION } from '#local/types.ts';
import type { GatewayApi } from './model.ts';
import { gatewayTime } from './time.ts';

/** What all events of one connection share. */
export interface ConnectionFacts {
  readonly id: string;
  readonly api: GatewayApi;
  readonly stage: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string;
}

const requestContext = (it: ConnectionFacts, routeKey: string, eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT') => {
  const now = Date.now();
  const requestId = randomUUID();
  return {
    routeKey,
    eventType,
    extendedRequestId: requestId,
    requestTime: gatewayTime(now),
    messageDirection: 'IN',
    stage: it.stage,
    connectedAt: it.connectedAt,
    requestTimeEpoch: now,
    identity: { userAgent: it.userAgent, sourceIp: it.sourceIp },
    requestId,
    domainName: `${it.api.id}.execute-api.${REGION}.amazonaws.com`,
    connectionId: it.id,
    apiId: it.api.id,
  };
};

const append = (all: Record<string, string[]>, name: string, value: string): void => {
  all[name] = [...(all[name] ?? []), value];
};

/** Header names as the client sent them, each with all its values. */
function headersOf(request: IncomingMessage): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    append(all, request.rawHeaders[at]!, request.rawHeaders[at + 1]!);
  return all;
}

const lastOf = (all: Readonly<Record<string, readonly string[]>>): Record<string, string> =>
  Object.fromEntries(Object.entries(all).map(([name, values]) => [name, values.at(-1)!]));

export function connectEvent(it: ConnectionFacts, request: IncomingMessage): Record<string, unknown> {
  const headers = headersOf(request);
  const query: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(splitTarget(request.url ?? '').search)) append(query, name, value);
  return {
    headers: lastOf(headers),
    multiValueHeaders: headers,
    ...(Object.keys(query).length > 0 && {
      queryStringParameters: lastOf(query),
      multiValueQueryStringParameters: query,
    }),
    requestContext: requestContext(it, '$connect', 'CONNECT'),
    isBase64Encoded: false,
  };
}

export const messageEvent = (it: ConnectionFacts, routeKey: string, body: string) => ({
  requestContext: {
    ...requestContext(it, routeKey, 'MESSAGE'),
    messageId: randomUUID().replaceAll('-', '').slice(0, 16),
  },
  body,
  isBase64Encoded: false,
});

export const disconnectEvent = (it: ConnectionFacts, code: number, reason: string) => ({
  headers: {
    Host: `${it.api.id}.execute-api.${REGION}.amazonaws.com`,
    'x-api-key': '',
    'X-Forwarded-For': '',
    'x-restapi': '',
  },
  multiValueHeaders: {},
  requestContext: {
    ...requestContext(it, '$disconnect', 'DISCONNECT'),
    disconnectStatusCode: code,
    disconnectReason: reason,
  },
  isBase64Encoded: false,
});

/** The route key that a selection such as `$request.body.type` picks for a message; nothing where the message has none. */
export function selectRoute(selection: string, body: string): string | undefined {
  const path = /^\$\{?request\.body\.([\w.]+)\}?$/.exec(selection)?.[1];
  if (!path) return undefined;
  try {
    const value = path
      .split('.')
      .reduce<unknown>((it, name) => (it as Record<string, unknown> | null)?.[name], JSON.parse(body));
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
