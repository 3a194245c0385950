/** A contract route: one value from which router, client, OpenAPI, gateway routes and tests are derived (DESIGN §3). */
import * as z from 'zod';
import type { ErrorCode } from './errors.ts';

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What is answered as text and not as JSON, by its media type or a range of them. */
export type MediaType = `text/${string}`;

export interface Route {
  /** `<function>.<verb>`: the part before the dot names the Lambda function that serves it. */
  readonly id: string;
  readonly method: Method;
  /** Path template as API Gateway writes it, `/api/v1` included. */
  readonly path: string;
  readonly summary: string;
  /** `public` asks for nobody, `agent` for a cluster's token in X-Cluster-Token, `install` also takes an install token; the rest for a person. */
  readonly auth: 'public' | 'account' | 'agent' | 'install';
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  readonly body: z.ZodType | null;
  /** The body may also come as an HTML form (OAuth2 password clients). */
  readonly form: boolean;
  /** Success replies by status: a schema, `null` for no body, or a media type for text. */
  readonly reply: Readonly<Record<number, z.ZodType | null | MediaType>>;
  readonly errors: readonly ErrorCode[];
  /** Which answers show a secret once: all, or those with these statuses; an idempotency marker keeps them sealed for 10 minutes (DESIGN §7). */
  readonly secret: boolean | readonly number[];
}

/** Does this answer of the route show a secret? */
export const showsSecret = ({ secret }: Pick<Route, 'secret'>, status: number): boolean =>
  typeof secret === 'boolean' ? secret : secret.includes(status);

const nothing = z.strictObject({});

type Spec = Pick<Route, 'id' | 'method' | 'path' | 'summary' | 'auth' | 'reply'> & Partial<Route>;
type Filled<S extends Spec> = Omit<Route, keyof S> &
  S & {
    readonly params: S extends { params: infer P } ? P : typeof nothing;
    readonly query: S extends { query: infer Q } ? Q : typeof nothing;
    readonly body: S extends { body: infer B } ? B : null;
  };

/** Fills what a route leaves out: no parameters, no query, no body. */
export const route = <const S extends Spec>(spec: S): Filled<S> =>
  ({
    params: nothing,
    query: nothing,
    body: null,
    form: false,
    errors: [],
    secret: false,
    ...spec,
  }) as unknown as Filled<S>;

/** What a handler of the route is given, parsed. */
export interface Parsed<R extends Route> {
  readonly params: z.output<R['params']>;
  readonly query: z.output<R['query']>;
  readonly body: R['body'] extends z.ZodType ? z.output<R['body']> : null;
}
