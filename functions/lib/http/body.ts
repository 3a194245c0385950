/** The body of a request as a value: size, media type, encoding and syntax are checked here, its shape by the contract. */
import { AppError } from '#core/contract/errors.ts';
import type { Route } from '#core/contract/route.ts';
import { type HttpEvent, headerOf } from './call.ts';

/** Bytes. */
const LIMIT = 65_536;

const JSON_TYPES = /^application\/([a-z0-9.+-]+\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Repeated names become lists, so that a schema can refuse or take them. */
export const fromPairs = (pairs: URLSearchParams): Record<string, string | string[]> =>
  Object.fromEntries(
    [...new Set(pairs.keys())].map((name) => {
      const values = pairs.getAll(name);
      return [name, values.length === 1 ? (values[0] as string) : values];
    }),
  );

const malformed = (detail: string): AppError => new AppError('request.malformed_json', { detail });

const textOf = (event: HttpEvent): string => {
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > LIMIT)
    throw new AppError('request.too_large', { detail: `the body has ${bytes.length} bytes; ${LIMIT} are allowed` });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('the body is not UTF-8');
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text, (_, value: unknown) => {
      // Half a character cannot be stored or sent on.
      if (typeof value === 'string' && !value.isWellFormed()) throw malformed('the body has half of a surrogate pair');
      return value;
    });
  } catch (error) {
    // V8's message quotes the body, which may hold a password.
    throw error instanceof AppError ? error : malformed('the body does not parse as JSON');
  }
};

/** The value that was sent; an empty body is an empty object, so that what is missing is named field by field. */
export const bodyOf = (event: HttpEvent, route: Route): unknown => {
  const text = textOf(event);
  if (text.trim() === '') return {};
  const [type, ...parameters] = (headerOf(event, 'content-type') ?? 'application/json')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charset = parameters.find((each) => each.startsWith('charset='))?.slice('charset='.length);
  if (charset !== undefined && charset.replaceAll('"', '') !== 'utf-8')
    throw new AppError('request.media_type', { detail: 'the charset must be utf-8' });
  if (type === FORM_TYPE && route.form) return fromPairs(new URLSearchParams(text));
  if (!JSON_TYPES.test(type ?? ''))
    throw new AppError('request.media_type', {
      detail: `${route.id} does not take this content type`,
      allowed: ['application/json', ...(route.form ? [FORM_TYPE] : [])],
    });
  return parseJson(text);
};
