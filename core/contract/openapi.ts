/** The OpenAPI 3.1 document, derived from the routes: nothing in it is written by hand twice. */
import * as z from 'zod';
import { TOKEN_HEADER } from './agent.ts';
import { catalogue, type ErrorCode } from './errors.ts';
import { Problem } from './problem.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

/** Refusals that any route of the kind may answer, besides those it names. */
const COMMON = {
  all: ['request.invalid', 'rate.limited', 'internal', 'retry'],
  account: ['auth.required', 'auth.invalid_token'],
  body: ['request.malformed_json', 'request.media_type', 'request.too_large'],
  idempotent: ['idempotency.mismatch'],
  secret: ['secret.already_shown'],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** What a caller sends, by who may ask. */
const SECURITY: Readonly<Record<Route['auth'], readonly object[]>> = {
  public: [],
  account: [{ bearer: [] }, { password: [] }],
  agent: [{ clusterToken: [] }],
  install: [{ clusterToken: [] }],
};

const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No content',
  302: 'Found',
};

/** True where a repeat of the request with the same `Idempotency-Key` is answered as the first was. */
export const takesIdempotencyKey = (route: Route): boolean => route.method === 'POST' && route.auth !== 'public';

const errorsOf = (route: Route): ErrorCode[] => [
  ...new Set<ErrorCode>([
    ...route.errors,
    ...COMMON.all,
    ...(route.auth === 'public' ? [] : COMMON.account),
    ...(route.body === null ? [] : COMMON.body),
    ...(takesIdempotencyKey(route) ? COMMON.idempotent : []),
    ...(takesIdempotencyKey(route) && route.secret ? COMMON.secret : []),
  ]),
];

/** Stands before the name of a shared schema as it is sent in, until it is known whether what is answered looks otherwise. */
const IN = 'in:';

/** Converts schemas; what has an id is collected in `components` and referred to. */
const schemaBook = () => {
  const components: Json = {};
  const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
    const mark = io === 'input' ? IN : '';
    const made = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
    const {
      $schema: _,
      $defs,
      ...own
    } = JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', `"#/components/schemas/${mark}`)) as Json;
    for (const [name, part] of Object.entries(($defs ?? {}) as Json)) components[mark + name] = part;
    return own;
  };
  return { components, schemaOf };
};

/** A shared schema that is answered as it is sent in has one entry; where they differ, what is sent in gets `Input` behind its name. */
const named = (document: string, components: Json): string => {
  const marked = new RegExp(`${IN}(\\w+)`, 'g');
  const differs = (name: string): boolean => {
    if (components[name] === undefined) return false;
    const sent = JSON.stringify(components[IN + name]);
    return (
      sent.replaceAll(IN, '') !== JSON.stringify(components[name]) ||
      [...sent.matchAll(marked)].some((each) => differs(each[1] as string))
    );
  };
  return document.replaceAll(marked, (_, name: string) => (differs(name) ? `${name}Input` : name));
};

type SchemaOf = ReturnType<typeof schemaBook>['schemaOf'];

const parametersOf = (schemaOf: SchemaOf, schema: z.ZodType, where: 'path' | 'query'): Json[] => {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as Json;
    return {
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
};

const header = (name: string): Json => ({ $ref: `#/components/headers/${name}` });
const parameter = (name: string): Json => ({ $ref: `#/components/parameters/${name}` });

const successOf = (schemaOf: SchemaOf, route: Route, status: number): Json => {
  const body = route.reply[status];
  const content =
    body === null || body === undefined
      ? {}
      : typeof body === 'string'
        ? { [body]: { schema: { type: 'string' } } }
        : { 'application/json': { schema: schemaOf(body, 'output') } };
  return {
    description: PHRASES[status] ?? 'Success',
    headers: {
      'X-Correlation-Id': header('CorrelationId'),
      ...(route.id.startsWith('clusters.') && route.id !== 'clusters.list' ? { ETag: header('ETag') } : {}),
      ...(status === 202 && route.auth !== 'public' ? { Location: header('Location') } : {}),
      ...(takesIdempotencyKey(route) ? { 'Idempotent-Replay': header('IdempotentReplay') } : {}),
      ...(route.id.startsWith('access.') ? { 'X-Credential-Expires-At': header('CredentialExpiresAt') } : {}),
    },
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
};

/** On the ways into a cluster an expired one is gone (seed-systems §4.1 H3). */
const statusOf = (route: Route, code: ErrorCode): number =>
  code === 'cluster.expired' && route.id.startsWith('access.') ? 410 : catalogue[code].status;

const refusalsOf = (route: Route): Json => {
  const byStatus = Map.groupBy(errorsOf(route), (code) => statusOf(route, code));
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${catalogue[code].title}.`).join(' '),
        headers: {
          'X-Correlation-Id': header('CorrelationId'),
          ...(status === 429 || status === 503 ? { 'Retry-After': header('RetryAfter') } : {}),
        },
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
};

const operationOf = (schemaOf: SchemaOf, route: Route): Json => {
  const parameters = [
    ...parametersOf(schemaOf, route.params, 'path'),
    ...parametersOf(schemaOf, route.query, 'query'),
    ...(takesIdempotencyKey(route) ? [parameter('IdempotencyKey')] : []),
    ...(route.errors.includes('precondition.failed') ? [parameter('IfMatch')] : []),
    parameter('CorrelationId'),
  ];
  const schema = route.body === null ? undefined : schemaOf(route.body, 'input');
  return {
    operationId: route.id.replaceAll(/\.([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    summary: route.summary,
    tags: [route.id.slice(0, route.id.indexOf('.'))],
    security: SECURITY[route.auth],
    parameters,
    ...(schema === undefined
      ? {}
      : {
          requestBody: {
            required: route.body?.safeParse({}).success !== true,
            content: {
              'application/json': { schema },
              ...(route.form ? { 'application/x-www-form-urlencoded': { schema } } : {}),
            },
          },
        }),
    responses: {
      ...Object.fromEntries(
        Object.keys(route.reply).map((status) => [status, successOf(schemaOf, route, Number(status))]),
      ),
      ...refusalsOf(route),
    },
  };
};

const text = (description: string, schema: Json = { type: 'string' }): Json => ({ description, schema });

/** The document. `version` is the release of the API. */
export const toOpenApi = (routes: readonly Route[], version: string): { openapi: string; [part: string]: unknown } => {
  const { components, schemaOf } = schemaBook();
  schemaOf(Problem, 'output');
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    (paths[route.path] as Json)[route.method.toLowerCase()] = operationOf(schemaOf, route);
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'Roadstead',
      version,
      description:
        'Kubernetes clusters on demand. Errors are RFC 9457 problems with a stable `code`. A change of state is pushed over the WebSocket that `POST /api/v1/socket-tickets` opens.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map((route) => route.id.slice(0, route.id.indexOf('.'))))].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([one], [other]) => (one < other ? -1 : 1))),
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          description:
            'A repeat with the same key and request is given the same answer for 24 h; another request is refused.',
          schema: { type: 'string', pattern: '^[\\x21-\\x7E]{1,128}$' },
        },
        IfMatch: {
          name: 'If-Match',
          in: 'header',
          required: false,
          description: 'The ETag that was read; when the resource has another by now, nothing is changed.',
          schema: { type: 'string' },
        },
        CorrelationId: {
          name: 'X-Correlation-Id',
          in: 'header',
          required: false,
          description: 'Stands in our log and is echoed; made when left out.',
          schema: { type: 'string', maxLength: 128 },
        },
      },
      headers: {
        CorrelationId: text('Names the request in our log.'),
        ETag: text('The revision of the resource, for If-Match.'),
        Location: text('The operation that was begun.', { type: 'string', format: 'uri-reference' }),
        RetryAfter: text('Seconds to wait.', { type: 'integer' }),
        IdempotentReplay: text('`true` where this is the answer that was given before.'),
        CredentialExpiresAt: text('When the credential in the answer ends.', { type: 'string', format: 'date-time' }),
      },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        clusterToken: {
          type: 'apiKey',
          in: 'header',
          name: TOKEN_HEADER,
          description: "An agent's token, or where that is asked for an install token.",
        },
        password: {
          type: 'oauth2',
          flows: {
            password: { tokenUrl: '/api/v1/auth/token', refreshUrl: '/api/v1/auth/refresh', scopes: {} },
          },
        },
      },
    },
  };
  return JSON.parse(named(JSON.stringify(document), components)) as { openapi: string };
};
