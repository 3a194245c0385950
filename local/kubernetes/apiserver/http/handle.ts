/** One request from its first byte to its answer; every failure becomes a Status. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ANONYMOUS } from '../auth/user.ts';
import type { Call, Context } from '../call.ts';
import { badRequest, insufficientStorage, StatusError, tooLarge } from '../errors.ts';
import { send, sendError } from '../output/send.ts';
import { DecodeError } from '../schema/decode.ts';
import { isDiskFault } from '../storage/database.ts';
import { negotiate } from './negotiate.ts';
import { requestInfo } from './request.ts';
import { route } from './route.ts';

/** Bytes of a body; a real server takes as many (etcd's 1.5 MB limit, twice). */
const BODY_LIMIT = 3 * 1024 * 1024;

class BodyTooLarge extends Error {}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    // Read on, so that the client can send all and then read the answer, but keep nothing.
    if (size <= BODY_LIMIT && declared <= BODY_LIMIT) chunks.push(chunk as Buffer);
  }
  if (size > BODY_LIMIT) throw new BodyTooLarge();
  return Buffer.concat(chunks);
}

const asStatus = (error: unknown): StatusError => {
  if (error instanceof StatusError) return error;
  if (error instanceof DecodeError) return badRequest(error.message);
  if (error instanceof BodyTooLarge) return tooLarge(`limit is ${BODY_LIMIT}`);
  if (isDiskFault(error)) return insufficientStorage();
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
};

export function handler(
  context: Context,
): (request: IncomingMessage, response: ServerResponse, upgrade?: Call['upgrade']) => Promise<void> {
  return async (request, response, upgrade) => {
    const warnings: string[] = [];
    response.on('error', () => {});
    try {
      const info = requestInfo(request.method ?? 'GET', request.url ?? '/');
      const body = upgrade || ['GET', 'HEAD'].includes(info.method) ? Buffer.alloc(0) : await bodyOf(request);
      const form = info.resourceRequest
        ? negotiate(request.headers.accept, info.query)
        : { media: 'json' as const, pretty: false };
      const call: Call = {
        context,
        request,
        response,
        headers: request.headers,
        info,
        user: ANONYMOUS,
        form,
        body,
        warnings,
        ...(upgrade && { upgrade }),
      };
      const answer = await route(call);
      send(call, answer);
    } catch (error) {
      const status = asStatus(error);
      if (response.headersSent) response.destroy();
      else sendError(response, status, warnings);
    }
  };
}
