/** What a function behind an HTTP API answered, as an HTTP reply (format 2.0: a bare value is a 200 with JSON). */
import type { ServerResponse } from 'node:http';
import type { Invoked } from '#local/plugin.ts';

/** A reply ready to be written. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly body: Buffer;
}

/** An answer that the gateway makes itself. */
export const gatewayError = (status: number, message: string): HttpReply => ({
  status,
  headers: { 'content-type': 'application/json' },
  cookies: [],
  body: Buffer.from(JSON.stringify({ message })),
});

const broken = gatewayError(500, 'Internal Server Error');

export function httpReply({ payload, functionError }: Invoked): HttpReply {
  if (functionError) return broken;
  const formatted = payload !== null && typeof payload === 'object' && 'statusCode' in payload;
  if (!formatted) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    return { status: 200, headers: { 'content-type': 'application/json' }, cookies: [], body: Buffer.from(text) };
  }
  const { statusCode, headers = {}, cookies = [], body = '', isBase64Encoded = false } = payload;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599 || typeof (body ?? '') !== 'string') return broken;
  const named = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]);
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...Object.fromEntries(named) },
    cookies,
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** Writes a reply; headers of one hop are the server's own. */
export function writeHttpReply(response: ServerResponse, requestId: string, reply: HttpReply, head: boolean): void {
  const { connection: _c, 'transfer-encoding': _t, 'content-length': _l, ...headers } = reply.headers;
  const bodiless = reply.status === 204 || reply.status === 304;
  response.writeHead(reply.status, {
    ...headers,
    'apigw-requestid': requestId,
    ...(reply.cookies.length > 0 && { 'set-cookie': [...reply.cookies] }),
    ...(!bodiless && { 'content-length': reply.body.length }),
  });
  response.end(head || bodiless ? undefined : reply.body);
}
