/** A typed client of the API, derived from the routes: for scripts, tests and the command line. Needs nothing but `fetch`. */
import type * as z from 'zod';
import { Problem } from './problem.ts';
import type { MediaType, Route } from './route.ts';

type Sent<S> = S extends z.ZodType ? z.input<S> : never;
type NeedsNothing<T> = Record<never, never> extends T ? true : false;
type Part<K extends string, T> = NeedsNothing<T> extends true ? { readonly [N in K]?: T } : { readonly [N in K]: T };

/** What a call of the route is given; parts that may be empty may be left out. */
export type CallOf<R extends Route> = Part<'params', Sent<R['params']>> &
  Part<'query', Sent<R['query']>> &
  (R['body'] extends z.ZodType
    ? undefined extends Sent<R['body']>
      ? { readonly body?: Sent<R['body']> }
      : Part<'body', Sent<R['body']>>
    : unknown) & { readonly headers?: Readonly<Record<string, string>> };

type BodyOf<S> = S extends z.ZodType ? z.output<S> : S extends MediaType ? string : undefined;

/** What the route answers: its status tells which body. */
export type AnswerOf<R extends Route> = {
  [S in keyof R['reply'] & number]: {
    readonly status: S;
    readonly body: BodyOf<R['reply'][S]>;
    readonly headers: Headers;
  };
}[keyof R['reply'] & number];

/** A refusal, in the API's own words. */
export class ApiError extends Error {
  readonly status: number;
  /** Null where something on the way answered, not the API. */
  readonly problem: Problem | null;
  readonly headers: Headers;

  constructor(what: string, response: Response, problem: Problem | null) {
    const words =
      problem === null
        ? 'what is no problem document'
        : `${problem.code}: ${problem.detail ?? problem.title}. ${problem.help}`;
    const fields = (problem?.errors ?? []).map(({ path, message }) => `\n  ${path}: ${message}`).join('');
    super(`${what} answered ${response.status}, ${words}${fields}`);
    this.name = 'ApiError';
    this.status = response.status;
    this.problem = problem;
    this.headers = response.headers;
  }
}

export interface ClientOptions {
  /** Where the API is, without `/api/v1` and without a slash at the end. */
  readonly baseUrl: string;
  /** The access token of the moment; asked for at every call that needs one. */
  readonly token?: () => string | undefined | Promise<string | undefined>;
  readonly fetch?: typeof globalThis.fetch;
}

export interface Client {
  /** Calls a route. Throws ApiError for a refusal, and Error for an answer that the contract does not know. */
  readonly call: <const R extends Route>(
    route: R,
    ...given: NeedsNothing<CallOf<R>> extends true ? [CallOf<R>?] : [CallOf<R>]
  ) => Promise<AnswerOf<R>>;
}

type Given = {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const urlOf = (route: Route, baseUrl: string, { params = {}, query = {} }: Given): string => {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, String(each)]),
  );
  return `${baseUrl}${path}${pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`}`;
};

/** The body, not parsed by the schema: a newer server may answer fields that this client does not know yet. */
const read = async (route: Route, response: Response): Promise<unknown> => {
  const promised = route.reply[response.status];
  if (promised === undefined)
    throw new Error(`${route.id} answered ${response.status}, which the contract does not name`);
  if (promised === null) return undefined;
  return typeof promised === 'string' ? response.text() : response.json();
};

const problemOf = async (response: Response): Promise<Problem | null> => {
  try {
    return Problem.parse(await response.json());
  } catch {
    return null;
  }
};

export const createClient = ({ baseUrl, token, fetch = globalThis.fetch }: ClientOptions): Client => ({
  call: async (route, ...[given]) => {
    const { body, headers, ...rest } = (given ?? {}) as Given;
    const bearer = route.auth === 'public' ? undefined : await token?.();
    const response = await fetch(urlOf(route, baseUrl, rest), {
      method: route.method,
      headers: {
        accept: 'application/json, application/problem+json, text/plain',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new ApiError(`${route.method} ${route.path}`, response, await problemOf(response));
    return { status: response.status, body: await read(route, response), headers: response.headers } as never;
  },
});
