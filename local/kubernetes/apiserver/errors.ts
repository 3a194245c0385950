/** The failures of the API: a Status with its HTTP code, in the words of a real API server. */
import type { Json } from './json.ts';

export interface Cause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface Details {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: Cause[];
  retryAfterSeconds?: number;
}

/** A refused request; `body` is what the client gets. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string | undefined;
  readonly details: Details | undefined;
  constructor(code: number, reason: string | undefined, message: string, details?: Details) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  get body(): Json {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason !== undefined && { reason: this.reason }),
      ...(this.details !== undefined && { details: this.details }),
      code: this.code,
    };
  }
}

/** What an error says it is about: a resource (`configmaps`) or a kind (`ConfigMap`) of a group. */
export interface Subject {
  group: string;
  resource: string;
}

const qualified = ({ group, resource }: Subject) => (group ? `${resource}.${group}` : resource);
const detailsOf = ({ group, resource }: Subject, name?: string): Details => ({
  ...(name && { name }),
  ...(group && { group }),
  kind: resource,
});

export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);
/** A failure without a reason, as Go's plain errors come out. */
export const internal = (message: string) => new StatusError(500, undefined, message);
export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized');
export const notFound = (of: Subject, name: string) =>
  new StatusError(404, 'NotFound', `${qualified(of)} "${name}" not found`, detailsOf(of, name));
export const unknownResource = () =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
export const methodNotAllowed = () =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});
export const alreadyExists = (of: Subject, name: string) =>
  new StatusError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, detailsOf(of, name));
export const conflict = (of: Subject, name: string, why: string) =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    detailsOf(of, name),
  );
export const modified = (of: Subject, name: string) =>
  conflict(of, name, 'the object has been modified; please apply your changes to the latest version and try again');
export const forbidden = (of: Subject, name: string, why: string, causes?: Cause[]) =>
  new StatusError(
    403,
    'Forbidden',
    name ? `${qualified(of)} "${name}" is forbidden: ${why}` : `${qualified(of)} is forbidden: ${why}`,
    { ...detailsOf(of, name), ...(causes && { causes }) },
  );
export const unsupportedMedia = (message: string) => new StatusError(415, 'UnsupportedMediaType', message);
export const notAcceptable = (message: string) => new StatusError(406, 'NotAcceptable', message);
export const tooLarge = (message: string) =>
  new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: ${message}`);
/** The disk does not take the write. */
export const insufficientStorage = () =>
  new StatusError(
    507,
    'InsufficientStorage',
    'nothing was written: the disk of this API server is full or broken; make room and try again',
    {},
  );
/** The client's version is gone from the window of history. */
export const expired = (message: string) => new StatusError(410, 'Expired', message);

/** One fault of a field, as Kubernetes' field.Error prints it. */
export interface FieldError {
  type:
    | 'Required'
    | 'Invalid'
    | 'Duplicate'
    | 'NotSupported'
    | 'Forbidden'
    | 'TooLong'
    | 'TooMany'
    | 'NotFound'
    | 'TypeInvalid'
    | 'InternalError';
  field: string;
  message: string;
}

const quoted = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'object'
      ? JSON.stringify(value ?? null)
      : String(value);
export const required = (field: string, detail = ''): FieldError => ({
  type: 'Required',
  field,
  message: detail ? `Required value: ${detail}` : 'Required value',
});
export const invalidField = (field: string, value: unknown, detail: string): FieldError => ({
  type: 'Invalid',
  field,
  message: `Invalid value: ${quoted(value)}: ${detail}`,
});
export const duplicate = (field: string, value: unknown): FieldError => ({
  type: 'Duplicate',
  field,
  message: `Duplicate value: ${quoted(value)}`,
});
export const notSupported = (field: string, value: unknown, allowed: string[]): FieldError => ({
  type: 'NotSupported',
  field,
  message: `Unsupported value: ${quoted(value)}: supported values: ${allowed.map(quoted).join(', ')}`,
});
export const forbiddenField = (field: string, detail: string): FieldError => ({
  type: 'Forbidden',
  field,
  message: `Forbidden: ${detail}`,
});
export const tooLong = (field: string, max: number): FieldError => ({
  type: 'TooLong',
  field,
  message: `Too long: may not be more than ${max} bytes`,
});

const CAUSE: Record<FieldError['type'], string> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  Duplicate: 'FieldValueDuplicate',
  NotSupported: 'FieldValueNotSupported',
  Forbidden: 'FieldValueForbidden',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  NotFound: 'FieldValueNotFound',
  TypeInvalid: 'FieldValueTypeInvalid',
  InternalError: 'InternalError',
};

/** 422 with one cause a fault. `kind` is the kind, not the resource. */
export function invalid(of: { group: string; kind: string }, name: string, faults: FieldError[]): StatusError {
  // Go's checks overlap: each finding is a cause, its text is said once.
  const texts = [...new Set(faults.map(({ field, message }) => `${field}: ${message}`))];
  const joined = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const about = of.group ? `${of.kind}.${of.group}` : of.kind;
  return new StatusError(422, 'Invalid', `${about} ${JSON.stringify(name)} is invalid: ${joined}`, {
    ...(name && { name }),
    ...(of.group && { group: of.group }),
    ...(of.kind && { kind: of.kind }),
    causes: faults.map(({ type, field, message }) => ({ reason: CAUSE[type], message, field })),
  });
}
