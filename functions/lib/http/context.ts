/** Middleware `context`: the correlation id, one log line a request, and the headers that every answer has. */
import { type Call, type HttpDeps, headerOf, type Middleware } from './call.ts';

/** Ours or a client's: long enough for any tracing system, nothing that could break out of a log line. */
const SANE = /^[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}$/;

/** An API answers no pages: browsers may neither guess its types nor keep, frame or run anything of it. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
} as const;

export const context = ({ log, newId }: Pick<HttpDeps, 'log' | 'newId'>): Middleware => {
  const finish: NonNullable<Middleware['after']> = ({ event, context: lambda, response }) => {
    const call = lambda.call as Call;
    if (response === null || response === undefined) return;
    response.headers = { ...SECURITY_HEADERS, ...response.headers, 'x-correlation-id': call.correlationId };
    log.info('request', {
      correlationId: call.correlationId,
      method: event.requestContext.http.method,
      route: call.route?.id ?? 'none',
      status: response.statusCode ?? 0,
      milliseconds: Math.round(performance.now() - call.startedAt),
      ...(call.principal === undefined ? {} : { principal: call.principal.id }),
    });
  };
  return {
    before: ({ event, context: lambda }) => {
      const given = headerOf(event, 'x-correlation-id');
      lambda.call = {
        correlationId: given !== undefined && SANE.test(given) ? given : newId('req'),
        startedAt: performance.now(),
      };
    },
    after: finish,
    onError: finish,
  };
};
