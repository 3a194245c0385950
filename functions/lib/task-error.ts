/** The two errors that leave a task: state machines match their names whole, so that there are no others (DESIGN §3 task). */
import { AppError } from '#core/contract/errors.ts';

/** Trouble that may pass: tried again with back-off for about two minutes. The message is `code: detail`; never a secret. */
export class Retryable extends Error {
  override readonly name = 'Retryable';
  constructor(code: string, detail: string, options?: ErrorOptions) {
    super(`${code}: ${redact(detail)}`, options);
  }
}

/** What no repetition changes. The message is `code: detail`; never a secret. */
export class Permanent extends Error {
  override readonly name = 'Permanent';
  constructor(code: string, detail: string, options?: ErrorOptions) {
    super(`${code}: ${redact(detail)}`, options);
  }
}

/** Another operation has the resource now, or this one has ended: the task does nothing more. */
export const superseded = (operationId: string): Permanent =>
  new Permanent('operation.superseded', `${operationId} is not the open operation of its cluster`);

/** Our tokens and those of EKS, wherever an error of somebody else quotes one. */
const SECRETS = /\b(rs[cik]_|k8s-aws-v1\.)[A-Za-z0-9_-]+/g;
const redact = (text: string): string => text.replaceAll(SECRETS, '$1…').slice(0, 1000);

const BUSY = /Throttl|TooManyRequests|RequestLimitExceeded|SlowDown|ServiceUnavailable|ServerException|InternalFailure/;
const DENIED = /AccessDenied|UnauthorizedOperation|NotAuthorized|Forbidden|OptInRequired/;
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** The system's error code, of the error or of what caused it (fetch wraps it). */
const systemCode = (error: Error): string | undefined => {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: unknown };
  if (typeof code === 'string' && UNREACHABLE.has(code)) return code;
  return cause instanceof Error ? systemCode(cause) : undefined;
};

const ofAws = (error: Error, status: number): Retryable | Permanent => {
  const said = `${error.name}: ${error.message}`;
  if (status === 429 || status >= 500 || BUSY.test(error.name))
    return new Retryable('provider.busy', said, { cause: error });
  if (DENIED.test(error.name)) return new Permanent('provider.denied', said, { cause: error });
  return new Permanent('provider.refused', said, { cause: error });
};

/** What an error that reached a task means for its repetition. */
export const toTaskError = (error: unknown): Retryable | Permanent => {
  if (error instanceof Retryable || error instanceof Permanent) return error;
  if (error instanceof AppError) {
    const detail = error.detail ?? error.message;
    return error.status === 503 || error.code === 'conflict'
      ? new Retryable(error.code, detail, { cause: error })
      : new Permanent(error.code, detail, { cause: error });
  }
  if (!(error instanceof Error)) return new Retryable('task.failed', 'something that is no error was thrown');
  const code = systemCode(error);
  if (code !== undefined || error.name === 'TimeoutError')
    return new Retryable('provider.unreachable', `${code ?? error.name}: ${error.message}`, { cause: error });
  const status = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (status !== undefined) return ofAws(error, status);
  // Not known: perhaps it passes. The message of an unknown error may quote anything, so only its name goes on.
  return new Retryable('task.failed', `an unexpected ${error.name}`, { cause: error });
};
