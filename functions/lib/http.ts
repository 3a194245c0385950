/** The HTTP adapter: a list of routes with their handlers becomes one Lambda handler (DESIGN §3). */
import middy from '@middy/core';
import httpRouter from '@middy/http-router';
import type * as z from 'zod';
import { AppError } from '#core/contract/errors.ts';
import type { MediaType, Parsed, Route } from '#core/contract/route.ts';
import { allRoutes } from '#core/contract/routes.ts';
import type { AgentPrincipal, Principal } from '#core/domain/access.ts';
import type { Decision } from '#core/domain/decision.ts';
import type { ClusterRead } from '#core/store/clusters.ts';
import type { Step } from '#core/store/table.ts';
import {
  type Answer,
  callOf,
  type HttpContext,
  type HttpDeps,
  type HttpEvent,
  type HttpResult,
  headerOf,
  toResult,
} from './http/call.ts';
import { context } from './http/context.ts';
import { checkReply, contract } from './http/contract.ts';
import { type Repeats, repeatsOf } from './http/idempotency.ts';
import { principal } from './http/principal.ts';
import { problem } from './http/problem.ts';

/** The answers that a route promises: a status with the body that belongs to it. */
export type Reply<R extends Route> = {
  [S in keyof R['reply'] & number]: {
    readonly status: S;
    readonly headers?: Readonly<Record<string, string>>;
  } & (R['reply'][S] extends z.ZodType
    ? { readonly body: z.input<R['reply'][S]> }
    : R['reply'][S] extends MediaType
      ? { readonly body: string }
      : { readonly body?: undefined });
}[keyof R['reply'] & number];

/** A request as its handler sees it: parsed, with the one way to commit. */
export type Request<R extends Route> = Parsed<R> & {
  readonly correlationId: string;
  /** The cluster that the path names by its id, read together with the session; only once: whoever looks again reads again. */
  readonly named: () => ClusterRead | undefined;
  /** Throws `precondition.failed` when `If-Match` names another revision. */
  readonly match: (revision: number) => void;
  /** Commits the decision together with the answer (for repeats of the request) and hands the answer back. */
  readonly commit: <T extends Reply<R>>(decision: Decision, reply: T, also?: readonly Step[]) => Promise<T>;
};

type Asking<R extends Route> = R['auth'] extends 'public'
  ? undefined
  : R['auth'] extends 'account'
    ? Principal
    : AgentPrincipal;

/** One route with its handler. */
export interface Served {
  readonly route: Route;
  readonly answer: (request: Request<Route>, principal: Principal | AgentPrincipal | undefined) => Promise<Answer>;
}

/** Joins a route of the contract and the handler that serves it. */
export const on = <const R extends Route>(
  route: R,
  answer: (request: Request<R>, principal: Asking<R>) => Promise<Reply<R>>,
): Served => ({ route, answer: answer as unknown as Served['answer'] });

/** What a function serves, and with what. */
export interface App {
  readonly deps: HttpDeps;
  readonly served: readonly Served[];
}

/** One answer: its status, its body if it has one, and headers of its own. */
export const reply = <const S extends number, B = undefined>(
  status: S,
  body?: B,
  headers: Readonly<Record<string, string>> = {},
): { readonly status: S; readonly body: B; readonly headers: Readonly<Record<string, string>> } => ({
  status,
  body: body as B,
  headers,
});

/** The headers of a resource: its ETag, and the operation that a 202 began. */
export const resource = (of: { readonly revision: number }, operation?: string): Record<string, string> => ({
  etag: `"${of.revision}"`,
  ...(operation === undefined ? {} : { location: `/api/v1/operations/${operation}` }),
});

const match = (event: HttpEvent, revision: number): void => {
  const header = headerOf(event, 'if-match');
  if (header === undefined || header.trim() === '*') return;
  if (!header.split(',').some((tag) => tag.trim() === `"${revision}"`))
    throw new AppError('precondition.failed', { detail: `If-Match does not name the present ETag "${revision}"` });
};

/** Answers a repeat with what was answered before, also when the first one was faster by a moment. */
const once = async (repeats: Repeats, answer: () => Promise<Answer>): Promise<Answer> => {
  const before = await repeats.earlier();
  if (before !== null) return before;
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const meanwhile = await repeats.earlier();
    if (meanwhile === null) throw error;
    return meanwhile;
  }
};

const handle =
  (deps: HttpDeps, { route, answer }: Served) =>
  async (event: HttpEvent, lambda: HttpContext): Promise<HttpResult> => {
    const call = callOf(lambda);
    const repeats = repeatsOf(deps, event, call, route);
    const request = {
      ...call.parsed,
      correlationId: call.correlationId,
      match: (revision: number) => match(event, revision),
      named: () => {
        const { named } = call;
        call.named = undefined;
        return named;
      },
      commit: async <T extends Answer>(decision: Decision, reply: T, also: readonly Step[] = []): Promise<T> => {
        if (deps.store === undefined) throw new Error(`${route.id} commits and has no store`);
        const kept = await repeats.keep(reply);
        await deps.store.commit(decision, { now: deps.now(), newId: deps.newId }, [...kept, ...also]);
        return reply;
      },
    } as Request<Route>;
    const reply = await once(repeats, () => answer(request, call.principal));
    if (deps.checkReplies) checkReply(route, reply);
    return toResult(reply);
  };

const template = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);

/** A path that is known with other methods is answered with them. */
const missing = ({ method, path }: { readonly method: string; readonly path: string }): never => {
  const allowed = allRoutes.filter((each) => template(each.path).test(path)).map((each) => each.method);
  if (allowed.length > 0 && !allowed.some((each) => each === method))
    throw new AppError('route.method_not_allowed', {
      detail: `${method} is not served here`,
      allowed: [...new Set(allowed)],
    });
  throw new AppError('route.not_found', { detail: `there is no route ${method} ${path.slice(0, 256)}` });
};

const assertComplete = ({ deps, served }: App): void => {
  for (const { route } of served) {
    if (route.auth !== 'public' && deps.store === undefined)
      throw new Error(`${route.id} asks for a principal: its function needs a store`);
    if (route.auth === 'account' && deps.verify === undefined)
      throw new Error(`${route.id} asks for a person: its function needs a verifier`);
    if (route.auth !== 'public' && route.secret !== false && route.method === 'POST' && deps.sealing === undefined)
      throw new Error(`${route.id} shows a secret: its function needs a sealing key`);
  }
};

/** The Lambda handler of an app. */
export const http = (app: App) => {
  assertComplete(app);
  const { deps, served } = app;
  const routes = served.map((each) => ({
    method: each.route.method,
    path: each.route.path,
    handler: middy<HttpEvent, HttpResult, Error, HttpContext>()
      .before(({ context: lambda }) => {
        callOf(lambda).route = each.route;
      })
      .use(principal(deps, each.route))
      .use(contract(each.route))
      .handler(handle(deps, each)),
  }));
  return middy<HttpEvent, HttpResult, Error, HttpContext>()
    .use(context(deps))
    .use(problem(deps))
    .handler(httpRouter<HttpEvent, HttpResult>({ routes: routes as never, notFoundResponse: missing }) as never);
};
