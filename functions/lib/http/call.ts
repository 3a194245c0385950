/** One request on its way through the middlewares: what each of them has found out about it. */

import type { Request as MiddyRequest } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Route } from '#core/contract/route.ts';
import type { AgentPrincipal, Principal } from '#core/domain/access.ts';
import type { ClusterRead } from '#core/store/clusters.ts';
import type { Store } from '#core/store/store.ts';
import type { Deps } from '../deps.ts';
import type { Sealing } from '../sealing.ts';

export interface HttpDeps extends Pick<Deps, 'log' | 'now' | 'newId'> {
  /** Needed where a route asks who is there. */
  readonly store?: Store;
  readonly verify?: Verify;
  /** Needed where an answer shows a secret: it is kept sealed for repeats. */
  readonly sealing?: Sealing;
  /** Parse every answer by its route's schema: in tests and locally. */
  readonly checkReplies: boolean;
}

/** What a valid access token says. Throws for any other. */
export type Verify = (accessToken: string) => Promise<{
  readonly account: string;
  readonly session: string | undefined;
  /** When the session began, seconds since 1970. */
  readonly began?: number | undefined;
}>;

/** An answer before it is written as HTTP. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Grows from middleware to middleware; lives in Lambda's context object. */
export interface Call {
  correlationId: string;
  startedAt: number;
  route?: Route;
  principal?: Principal | AgentPrincipal;
  /** The cluster that the path names by its id, read together with the session. */
  named?: ClusterRead | undefined;
  parsed?: { readonly params: unknown; readonly query: unknown; readonly body: unknown };
}

export type HttpEvent = APIGatewayProxyEventV2;
export type HttpResult = APIGatewayProxyStructuredResultV2;
export type HttpContext = Context & { call?: Call };
export type Middleware = {
  readonly before?: (request: MiddyRequest<HttpEvent, HttpResult, Error, HttpContext>) => void | Promise<void>;
  readonly after?: (request: MiddyRequest<HttpEvent, HttpResult, Error, HttpContext>) => void | Promise<void>;
  readonly onError?: (request: MiddyRequest<HttpEvent, HttpResult, Error, HttpContext>) => void | Promise<void>;
};

/** The call of a request; the middleware `context` has put it there before any other runs. */
export const callOf = (context: HttpContext): Call => {
  if (context.call === undefined) throw new Error('the middleware "context" has not run');
  return context.call;
};

/** A header, whatever its case. */
export const headerOf = (event: Pick<HttpEvent, 'headers'>, name: string): string | undefined =>
  event.headers?.[name] ?? Object.entries(event.headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1];

/** An answer as API Gateway takes it: text as it is, anything else as JSON. */
export const toResult = ({ status, body, headers }: Answer): HttpResult => ({
  statusCode: status,
  headers: {
    ...(body === undefined
      ? {}
      : { 'content-type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8' }),
    ...headers,
  },
  ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
});
