/** The HTTP API: route, permission, function, reply, with the gateway's own limits and errors. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyTooLarge, joinHeaders, readBody, splitTarget } from '#local/http.ts';
import type { ServiceInvoke } from '#local/lambda/service-invoke.ts';
import { httpEvent } from './http-event.ts';
import { gatewayError, type HttpReply, httpReply, writeHttpReply } from './http-reply.ts';
import { type GatewayApi, type GatewayModel, routeArn } from './model.ts';
import { matchRoute } from './route-match.ts';

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const STAGE = '$default';

export interface HttpApiOptions {
  readonly model: GatewayModel;
  readonly invoke: ServiceInvoke;
  /** After so long the gateway gives up with 503; the function runs on. */
  readonly timeoutMs?: number;
}

/** A path decoded once, or nothing for a broken escape. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

export function createHttpApi({ model, invoke, timeoutMs = 30_000 }: HttpApiOptions) {
  async function answer(api: GatewayApi, request: IncomingMessage): Promise<HttpReply> {
    const { path, search } = splitTarget(request.url ?? '/');
    const method = request.method ?? 'GET';
    const decodedPath = decoded(path);
    if (decodedPath === undefined) return gatewayError(400, 'Bad Request');
    const match = matchRoute(api.routes, method, decodedPath);
    if (!match || !api.stages.includes(STAGE)) return gatewayError(404, 'Not Found');
    const body = await readBody(request, MAX_BODY_BYTES);
    const asked = {
      method,
      path,
      decodedPath,
      rawQuery: search,
      query: new URLSearchParams(search),
      headers: joinHeaders(request),
      body,
    };
    const event = httpEvent(api, match, asked, request.socket.remoteAddress ?? '127.0.0.1', Date.now());
    const [verb] = match.route.key.split(' ');
    const source = routeArn(api, STAGE, verb === 'ANY' ? match.route.key.replace('ANY', method) : match.route.key);
    const { promise: late, resolve: giveUp } = Promise.withResolvers<HttpReply>();
    const timer = setTimeout(giveUp, timeoutMs, gatewayError(503, 'Service Unavailable')).unref();
    const called = invoke('apigateway.amazonaws.com', source, api.integrations.get(match.route.integrationId)!, event);
    try {
      return await Promise.race([called.then(httpReply), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Answers one request. */
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const api = model.http();
    let reply: HttpReply;
    try {
      reply = api ? await answer(api, request) : gatewayError(404, 'Not Found');
    } catch (error) {
      if (response.destroyed) return;
      reply =
        error instanceof BodyTooLarge
          ? gatewayError(413, 'Request Entity Too Large')
          : gatewayError(500, 'Internal Server Error');
      if (error instanceof BodyTooLarge) response.setHeader('connection', 'close');
    }
    writeHttpReply(response, randomUUID(), reply, request.method === 'HEAD');
  };
}
