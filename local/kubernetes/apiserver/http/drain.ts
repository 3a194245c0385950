/** A stop in order: first no request is taken any more, then writes that run end, and only then watches, so that none ends before it told of them. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from '../call.ts';
import { StatusError } from '../errors.ts';
import { sendError } from '../output/send.ts';

type Handle = (request: IncomingMessage, response: ServerResponse, upgrade?: Call['upgrade']) => Promise<void>;

/** A body that somebody sends slowly is not waited for. */
const DRAIN_MS = 300;

export function draining(handle: Handle): { handle: Handle; drain(): Promise<void> } {
  const writes = new Set<Promise<void>>();
  let closed = false;
  return {
    async handle(request, response, upgrade) {
      if (closed) {
        response.setHeader('Retry-After', '1');
        return sendError(response, new StatusError(503, 'ServiceUnavailable', 'apiserver is shutting down'), []);
      }
      const done = handle(request, response, upgrade);
      if (upgrade || request.method === 'GET') return done;
      writes.add(done);
      await done.finally(() => writes.delete(done));
    },
    async drain() {
      closed = true;
      const late = new AbortController();
      await Promise.race([
        Promise.allSettled(writes),
        sleep(DRAIN_MS, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
      late.abort();
    },
  };
}
