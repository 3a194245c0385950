/** Middleware `contract`: what comes in is parsed strictly by the route's schemas; what goes out too, where that is asked for. */
import * as z from 'zod';
import { AppError, type FieldError } from '#core/contract/errors.ts';
import type { Route } from '#core/contract/route.ts';
import { bodyOf, fromPairs } from './body.ts';
import { type Answer, callOf, type HttpEvent, type Middleware } from './call.ts';

/** Routes without a body may be sent an empty object. */
const noBody = z.strictObject({});

const pathOf = (parts: readonly PropertyKey[]): string => parts.map(String).join('.');

/** Zod's issues as fields. Never the values: they may be secrets. */
const fieldErrors = (issues: readonly z.core.$ZodIssue[], within: readonly PropertyKey[] = []): FieldError[] =>
  issues.flatMap((issue): FieldError[] => {
    const path = [...within, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: pathOf([...path, key]), message: 'there is no such field' }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      // The alternative that fits best is the one that was meant.
      const closest = issue.errors.reduce((best, each) => (each.length < best.length ? each : best));
      return fieldErrors(closest, path);
    }
    return [{ path: pathOf(path), message: issue.message }];
  });

const parse = (schema: z.ZodType, value: unknown, within: string): unknown => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error.issues, within === 'body' ? [] : [within]);
  throw new AppError('request.invalid', {
    detail: `${errors.length === 1 ? 'one field' : `${errors.length} fields`} of the ${within} cannot be taken`,
    errors,
  });
};

const queryOf = (event: HttpEvent): Record<string, string | string[]> =>
  event.rawQueryString !== undefined && event.rawQueryString !== ''
    ? fromPairs(new URLSearchParams(event.rawQueryString))
    : (Object.fromEntries(
        Object.entries(event.queryStringParameters ?? {}).filter(([, value]) => value !== undefined),
      ) as Record<string, string>);

export const contract = (route: Route): Middleware => ({
  before: ({ event, context }) => {
    callOf(context).parsed = {
      params: parse(route.params, event.pathParameters ?? {}, 'path'),
      query: parse(route.query, queryOf(event), 'query'),
      body: route.method === 'GET' ? null : parse(route.body ?? noBody, bodyOf(event, route), 'body'),
    };
  },
});

/** Throws when a handler answers what its route does not promise: a bug of ours. */
export const checkReply = (route: Route, { status, body }: Answer): void => {
  const promised = route.reply[status];
  if (promised === undefined) throw new Error(`${route.id} answered ${status}, which its route does not name`);
  const schema = promised === null ? z.undefined() : typeof promised === 'string' ? z.string() : promised;
  const parsed = schema.safeParse(body);
  if (!parsed.success)
    throw new Error(
      `${route.id} answered what its schema refuses: ${JSON.stringify(fieldErrors(parsed.error.issues))}`,
    );
};
