/** Reading requests and writing replies on Node's HTTP server. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ApiReply, ApiRequest } from './types.ts';

/** Thrown by `readBody` when a body is larger than allowed. */
export class BodyTooLarge extends Error {}

/** The whole body; throws BodyTooLarge over `limit` bytes. */
export const readBody = (request: IncomingMessage, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // What comes after the limit is read and dropped, so that the refusal can be.
      if (size <= limit) chunks.push(chunk);
      else reject(new BodyTooLarge(`the body is larger than ${limit} bytes`));
    });
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the request ended in the middle of its body')));
  });

/** Headers with repeated ones joined by a comma, as API Gateway and AWS's signatures see them. */
export function joinHeaders({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): Record<string, string> {
  const joined: Record<string, string> = {};
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name, value] = [(rawHeaders[at] as string).toLowerCase(), rawHeaders[at + 1] as string];
    joined[name] = Object.hasOwn(joined, name) ? `${joined[name]}${name === 'cookie' ? '; ' : ','}${value}` : value;
  }
  return joined;
}

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
