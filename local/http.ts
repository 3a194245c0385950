/** Reading requests and writing replies on Node's HTTP server. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiReply, ApiRequest } from './types.ts';

/** Thrown by `readBody` when a body is larger than allowed. */
export class BodyTooLarge extends Error {}

/** The whole body; throws BodyTooLarge over `limit` bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > limit) throw new BodyTooLarge(`the body is larger than ${limit} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Headers with repeated ones joined by a comma, as API Gateway and AWS's signatures see them. */
export const joinHeaders = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [
      name,
      values!.join(name === 'cookie' ? '; ' : ','),
    ]),
  );

/** Splits a request target without decoding it: a path may hold encoded slashes. */
export function splitTarget(target: string): { readonly path: string; readonly search: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, search: '' } : { path: target.slice(0, at), search: target.slice(at + 1) };
}

export async function readRequest(request: IncomingMessage, limit: number): Promise<ApiRequest> {
  const { path, search } = splitTarget(request.url ?? '/');
  return {
    method: request.method ?? 'GET',
    path,
    query: new URLSearchParams(search),
    headers: joinHeaders(request),
    body: await readBody(request, limit),
  };
}

export function writeReply(response: ServerResponse, { status, headers = {}, body = '' }: ApiReply): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}
