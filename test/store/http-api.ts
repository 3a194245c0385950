/** The whole HTTP API over DynamoDB Local: every function's app behind its handler, called with events as API Gateway makes them. */
import { createHash, randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { AppError } from '#core/contract/errors.ts';
import { allRoutes, functionOf } from '#core/contract/routes.ts';
import { activateAccount } from '#core/domain/account.ts';
import type { SeatLimits } from '#core/domain/decision.ts';
import { app as accessApp } from '#functions/http/apps/access.ts';
import { app as authApp } from '#functions/http/apps/auth.ts';
import { app as clustersApp } from '#functions/http/apps/clusters.ts';
import { app as groupsApp } from '#functions/http/apps/groups.ts';
import { app as meApp } from '#functions/http/apps/me.ts';
import { app as operationsApp } from '#functions/http/apps/operations.ts';
import { app as seatAccessApp } from '#functions/http/apps/seat-access.ts';
import { app as seatAgentApp } from '#functions/http/apps/seat-agent.ts';
import { app as secretsApp } from '#functions/http/apps/secrets.ts';
import { app as systemApp } from '#functions/http/apps/system.ts';
import { app as templatesApp } from '#functions/http/apps/templates.ts';
import { app as tokensApp } from '#functions/http/apps/tokens.ts';
import { app as workspacesApp } from '#functions/http/apps/workspaces.ts';
import { type App, http } from '#functions/lib/http.ts';
import type { Identity } from '#functions/lib/identity.ts';
import { createSealing, type DataKeys } from '#functions/lib/sealing.ts';
import { createWorld, LIMITS, SEAT_LIMITS, SEAT_TIMINGS, TIMINGS, type World } from '#test/builders/world.ts';

/** Data keys of a test: the "wrapped" key names the context it was made for, and opens for no other. */
export const testKeys = (): DataKeys => {
  const made = new Map<string, { key: Uint8Array; context: string }>();
  const text = (context: object) => JSON.stringify(Object.entries(context).sort());
  return {
    generate: async (context) => {
      const id = randomUUID();
      const key = createHash('sha256').update(id).digest();
      made.set(id, { key: Uint8Array.from(key), context: text(context) });
      return { plain: Uint8Array.from(key), wrapped: Buffer.from(id) };
    },
    unwrap: async (wrapped, context) => {
      const found = made.get(Buffer.from(wrapped).toString());
      if (found?.context !== text(context)) throw new Error('InvalidCiphertextException');
      return Uint8Array.from(found.key);
    },
  };
};

/** An answer with its body read. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
}

export interface CallOptions {
  /** An access token; `null` sends none. Default: the person's. */
  readonly token?: string | null;
  readonly body?: unknown;
  /** The body as it is, instead of JSON of `body`. */
  readonly raw?: string;
  readonly isBase64Encoded?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Person {
  readonly id: string;
  readonly team: string;
  readonly token: string;
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answered>;
}

export interface Api extends World {
  readonly call: (method: string, path: string, options?: CallOptions) => Promise<Answered>;
  /** A person who has confirmed their account. */
  readonly person: () => Promise<Person>;
}

const refuse = async (): Promise<never> => {
  throw new Error('this test signs nobody in');
};
const noIdentity: Identity = {
  invite: refuse,
  create: refuse,
  confirm: refuse,
  signIn: refuse,
  refresh: refuse,
  revoke: refuse,
  revokeAll: async () => {},
  forgot: refuse,
  reset: refuse,
};

export interface ApiOptions {
  readonly identity?: Identity;
  readonly registration?: string;
  readonly limits?: typeof LIMITS;
  readonly seatLimits?: SeatLimits;
  /** Milliseconds that a request for a seat's credential waits, and what happens meanwhile. */
  readonly patience?: number;
  readonly whileWaiting?: () => Promise<void>;
}

/** The event of one request, as the local gateway and API Gateway make it. */
export const eventOf = (method: string, target: string, options: CallOptions): APIGatewayProxyEventV2 => {
  const [path = '', rawQueryString = ''] = target.split('?');
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(options.token === undefined || options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
      ...options.headers,
    },
    requestContext: { http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' } },
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: options.isBase64Encoded ?? false,
  } as APIGatewayProxyEventV2;
};

/** Calls a handler and reads what it answers. */
export const ask = async (handler: unknown, event: APIGatewayProxyEventV2): Promise<Answered> => {
  const result = (await (handler as (event: unknown, context: object) => Promise<unknown>)(event, {})) as {
    statusCode: number;
    headers: Record<string, string>;
    body?: string;
  };
  const isJson = /json/.test(result.headers['content-type'] ?? '');
  return {
    status: result.statusCode,
    headers: result.headers,
    body: result.body === undefined ? undefined : isJson ? JSON.parse(result.body) : result.body,
  };
};

const template = (path: string) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);

export const createApi = async (
  table: { readonly client: DynamoDBClient; readonly name: string },
  options: ApiOptions = {},
): Promise<Api> => {
  const world = createWorld(table);
  const base = {
    ...world,
    sealing: createSealing(testKeys()),
    checkReplies: true,
    verify: async (token: string) => {
      const [account, session, began] = token.split('|');
      if (account === undefined || !account.startsWith('acc_')) throw new AppError('auth.invalid_token');
      return { account, session, began: began === undefined ? undefined : Number(began) };
    },
  };
  const mint = async (of: { cluster: string; role: string; account: string }) => ({
    token: `k8s-aws-v1.${of.role}-${of.account}`,
    expiresAt: '2026-11-21T12:14:00.000Z',
  });
  const install = {
    socketUrl: 'wss://socket.example',
    apiUrl: 'https://api.example',
    agentImage: 'agent@sha256:0',
    agentVersion: '0.1.0',
  };
  const apps: Record<string, App> = {
    system: systemApp({ ...base, version: '0.1.0', readDocsFile: async (name) => name }),
    auth: authApp({ ...base, identity: options.identity ?? noIdentity, registration: options.registration ?? 'open' }),
    me: meApp({ ...base, socketUrl: 'wss://socket.example' }),
    clusters: clustersApp({
      ...base,
      ...install,
      agentImagePublished: true,
      sharingTeams: ['*'],
      limits: options.limits ?? LIMITS,
      timings: TIMINGS,
      providers: ['eks', 'made-up'],
    }),
    access: accessApp({ ...base, mint: { eks: mint }, apiUrl: 'https://api.example' }),
    tokens: tokensApp({ ...base, ...install }),
    workspaces: workspacesApp({ ...base, limits: options.seatLimits ?? SEAT_LIMITS, timings: SEAT_TIMINGS }),
    groups: groupsApp(base),
    templates: templatesApp(base),
    secrets: secretsApp(base),
    'seat-agent': seatAgentApp(base),
    'seat-access': seatAccessApp({
      ...base,
      apiUrl: 'https://api.example',
      patience: options.patience ?? 0,
      sleep: options.whileWaiting ?? (async () => {}),
    }),
    operations: operationsApp(base),
  };
  const handlers = Object.fromEntries(Object.entries(apps).map(([name, app]) => [name, http(app)]));
  for (const provider of ['eks', 'made-up'])
    await world.store.clusters.putVersions(provider, {
      default: '1.35',
      offered: ['1.34', '1.35'],
      refreshedAt: world.now(),
    });

  const call: Api['call'] = (method, target, given = {}) => {
    const path = target.split('?')[0] ?? '';
    const route = allRoutes.find((each) => each.method === method && template(each.path).test(path));
    return ask(handlers[route === undefined ? 'system' : functionOf(route)], eventOf(method, target, given));
  };
  return {
    ...world,
    call,
    person: async () => {
      const { id, team } = await world.account();
      const account = await world.store.people.account(id);
      if (account === null) throw new Error('the account is not there');
      await world.store.commit(activateAccount(account), { now: world.now(), newId: world.newId });
      const token = `${id}|session-${id}`;
      return { id, team, token, call: (method, target, given = {}) => call(method, target, { token, ...given }) };
    },
  };
};
