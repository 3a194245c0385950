/** Middleware `problem`: every error as RFC 9457; what we did not foresee says nothing but its correlation id. */
import { AppError } from '#core/contract/errors.ts';
import { toProblem } from '#core/contract/problem.ts';
import { callOf, type HttpDeps, type Middleware } from './call.ts';

export const problem = ({ log }: Pick<HttpDeps, 'log'>): Middleware => ({
  onError: (request) => {
    const { correlationId } = callOf(request.context);
    const error = request.error;
    const known = error instanceof AppError ? error : new AppError('internal');
    if (known.status >= 500 && known.code !== 'retry')
      // The cause is for us; the caller gets the number under which it stands in the log.
      log.error('a request failed', { correlationId, error: error as Error });
    request.response = {
      statusCode: known.status,
      headers: {
        'content-type': 'application/problem+json; charset=utf-8',
        ...(known.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
        ...(known.code === 'route.method_not_allowed' ? { allow: (known.allowed ?? []).join(', ') } : {}),
        ...(known.retryAfterSeconds === undefined ? {} : { 'retry-after': String(known.retryAfterSeconds) }),
      },
      body: JSON.stringify(toProblem(known.status === 500 ? new AppError('internal') : known, correlationId)),
    };
  },
});
