/** The one HTTP endpoint for all AWS APIs: finds the API, who calls, asks IAM before anything else, then runs the call. */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Calls } from './calls.ts';
import { BodyTooLarge, readRequest, writeReply } from './http.ts';
import type { LocalIam } from './iam/iam.ts';
import { signedService } from './iam/signature.ts';
import {
  ANONYMOUS,
  type ApiCall,
  type ApiReply,
  type ApiRequest,
  type AwsApi,
  AwsError,
  type Caller,
} from './types.ts';

/** One call of an AWS API, as hooks see it. */
export interface ObservedCall extends ApiCall {
  readonly service: string;
  readonly caller: Caller;
}

/** Failpoints of tests around each call. */
export interface CallHooks {
  /** Awaited after IAM agreed and before the call runs; an AwsError that it throws is the call's answer. */
  before?(call: ObservedCall): void | Promise<void>;
  /** Awaited after the call ran and before its answer leaves. */
  after?(call: ObservedCall, reply: ApiReply): void | Promise<void>;
}

export interface EndpointOptions {
  readonly iam: LocalIam;
  readonly calls: Calls;
  readonly hooks?: CallHooks;
  log(line: string): void;
}

/** S3 takes larger ones, but nothing here puts them. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

const plainError = (error: AwsError): ApiReply => ({
  status: error.status,
  headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': error.code },
  body: JSON.stringify({ __type: error.code, message: error.message }),
});

export interface Endpoint {
  readonly server: Server;
  /** Adds an API; one a service. */
  add(api: AwsApi): void;
}

export function createEndpoint({ iam, calls, hooks = {}, log }: EndpointOptions): Endpoint {
  const apis = new Map<string, AwsApi>();

  const find = (request: ApiRequest): AwsApi | undefined => {
    const service = signedService(request);
    if (service !== undefined) return apis.get(service);
    return [...apis.values()].find((api) => api.claims?.(request));
  };

  /** Who calls, or ANONYMOUS for a call that is public; a signature is checked even then. */
  async function callerOf(api: AwsApi, call: ApiCall, request: ApiRequest): Promise<Caller> {
    if (signedService(request) === undefined && api.public?.(call)) return ANONYMOUS;
    return iam.authenticate(request);
  }

  async function answer(api: AwsApi, request: ApiRequest): Promise<ApiReply> {
    const call = api.parse(request);
    const caller = await callerOf(api, call, request);
    calls.count({ service: api.service, operation: call.operation, caller: caller.sessionName });
    if (caller !== ANONYMOUS)
      for (const check of await api.checks(call, caller)) iam.authorize(caller, check, api.denied);
    const observed: ObservedCall = { ...call, service: api.service, caller };
    await hooks.before?.(observed);
    const reply = await api.run(call, caller, request);
    await hooks.after?.(observed, reply);
    return reply;
  }

  async function handle(request: ApiRequest): Promise<ApiReply> {
    const api = find(request);
    if (!api) {
      const service = signedService(request);
      const message = service
        ? `the service ${service} is not answered here; answered are ${[...apis.keys()].join(', ')}`
        : 'Missing Authentication Token';
      return plainError(
        new AwsError(service ? 'UnknownServiceException' : 'MissingAuthenticationTokenException', message, 403),
      );
    }
    try {
      return await answer(api, request);
    } catch (error) {
      if (error instanceof AwsError) return api.fail(error);
      log(`${api.service}: ${(error as Error).stack}`);
      return api.fail(
        new AwsError('InternalFailure', 'The request processing has failed because of an unknown error.', 500),
      );
    }
  }

  const server = createServer(async (incoming, response) => {
    try {
      const reply = await handle(await readRequest(incoming, MAX_BODY_BYTES));
      writeReply(response, { ...reply, headers: { 'x-amzn-requestid': randomUUID(), ...reply.headers } });
    } catch (error) {
      if (response.destroyed) return;
      const tooLarge = error instanceof BodyTooLarge;
      if (!tooLarge) log(`endpoint: ${(error as Error).stack}`);
      writeReply(
        response,
        plainError(new AwsError('RequestEntityTooLarge', (error as Error).message, tooLarge ? 413 : 500)),
      );
    }
  });
  // The SDK keeps connections open for longer than Node's 5 s: a request on one that just closed is an ECONNRESET.
  server.keepAliveTimeout = 120_000;
  return { server, add: (api) => void apis.set(api.service, api) };
}
