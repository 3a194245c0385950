/** The error catalogue: every refusal that Roadstead can answer, with its HTTP status and what to do about it (DESIGN §7, RFC 9457). */

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  /** What the caller can do. One sentence. */
  readonly help: string;
}

export const catalogue = {
  'request.invalid': {
    status: 400,
    title: 'The request is not valid',
    help: 'Correct the fields listed in "errors" and send it again.',
  },
  'request.malformed_json': {
    status: 400,
    title: 'The body is not valid JSON',
    help: 'Send a JSON object with Content-Type: application/json.',
  },
  'request.media_type': {
    status: 415,
    title: 'The content type is not supported',
    help: 'Send application/json (or application/x-www-form-urlencoded on /auth/token).',
  },
  'request.too_large': { status: 413, title: 'The body is too large', help: 'Send at most 64 KiB.' },
  'request.cursor_invalid': {
    status: 400,
    title: 'The cursor is not one of ours',
    help: 'Leave "cursor" out to begin at the first page.',
  },
  'route.not_found': { status: 404, title: 'There is no such route', help: 'See /docs for the routes of this API.' },
  'route.method_not_allowed': {
    status: 405,
    title: 'The route does not take this method',
    help: 'See /docs for the methods of this route.',
  },
  'auth.required': {
    status: 401,
    title: 'Sign in first',
    help: 'Send "Authorization: Bearer <access token>"; POST /api/v1/auth/token gives one.',
  },
  'auth.invalid_token': {
    status: 401,
    title: 'The token is not valid',
    help: 'It is unknown, expired or revoked: sign in again or use another token.',
  },
  'auth.invalid_credentials': {
    status: 401,
    title: 'Email or password is wrong',
    help: 'Check both, or POST /api/v1/auth/forgot.',
  },
  'auth.not_confirmed': {
    status: 403,
    title: 'The account is not confirmed',
    help: 'POST /api/v1/auth/confirm with the mailed code and a password of your own.',
  },
  'auth.code_invalid': {
    status: 400,
    title: 'The code is wrong or expired',
    help: 'Ask for a new one: POST /auth/register again, or /auth/forgot.',
  },
  'auth.password_policy': {
    status: 400,
    title: 'The password is too weak',
    help: 'Use at least 12 characters with upper and lower case letters and a digit.',
  },
  'auth.registration_closed': {
    status: 403,
    title: 'Registration is closed here',
    help: 'Ask an administrator of this deployment for an invitation.',
  },
  'auth.domain_not_allowed': {
    status: 403,
    title: 'Addresses of this domain may not register',
    help: 'Use an address of an allowed domain or ask for an invitation.',
  },
  'auth.email_taken': {
    status: 409,
    title: 'An account with this email exists',
    help: 'Sign in, or POST /api/v1/auth/forgot.',
  },
  'auth.rate_limited': { status: 429, title: 'Too many attempts', help: 'Wait for the time in Retry-After.' },
  'access.denied': { status: 403, title: 'Your role does not allow this', help: 'Ask an owner or admin of the team.' },
  not_found: {
    status: 404,
    title: 'Not found',
    help: 'Check the id; what belongs to another team looks like this too.',
  },
  'cluster.name_taken': {
    status: 409,
    title: 'The team has a cluster of this name',
    help: 'Choose another name or delete that cluster first.',
  },
  'cluster.not_ready': { status: 409, title: 'The cluster is not ready', help: 'Wait for phase Ready.' },
  'cluster.not_failed': {
    status: 409,
    title: 'Only a failed cluster can be retried',
    help: 'Look at the phase of the cluster.',
  },
  'cluster.expired': {
    status: 409,
    title: 'The cluster has expired',
    help: 'Create a new one; an expired cluster is deleted and cannot be extended.',
  },
  'cluster.deleting': {
    status: 409,
    title: 'The cluster is being deleted',
    help: 'Wait until it is gone, then create a new one.',
  },
  'cluster.takes_workspaces': {
    status: 403,
    title: 'Cluster-wide credentials of this cluster are for admins and owners',
    help: 'Use the credentials of your own dev pod.',
  },
  'cluster.version_unknown': {
    status: 400,
    title: 'This Kubernetes version is not offered',
    help: 'Choose one of the versions listed in "allowed".',
  },
  'provider.unknown': {
    status: 400,
    title: 'This provider is not offered here',
    help: 'Choose one of the providers listed in "allowed".',
  },
  'provider.agent_image_private': {
    status: 409,
    title: 'The agent image cannot be pulled from outside',
    help: 'Deploy with --context agentImage=REF naming a published image.',
  },
  'quota.team_clusters': {
    status: 409,
    title: 'The team has as many clusters as it may',
    help: 'Delete a cluster or ask an administrator for a higher quota.',
  },
  'quota.deployment_clusters': {
    status: 409,
    title: 'This deployment has as many clusters as it may',
    help: 'Try again when others have deleted theirs, or ask an administrator.',
  },
  'quota.deployment_vcpu': {
    status: 409,
    title: 'This deployment has no vCPUs left for this cluster',
    help: 'Ask for fewer or smaller workers, or ask an administrator.',
  },
  'deployment.creates_stopped': {
    status: 409,
    title: 'Creating clusters is switched off',
    help: 'Ask an administrator of this deployment.',
  },
  'workspace.name_taken': {
    status: 409,
    title: 'The team has a dev pod or group of this name',
    help: 'Choose another name or delete that one first.',
  },
  'workspace.busy': {
    status: 409,
    title: 'Another operation on this dev pod is open',
    help: 'Wait until it ends, or delete the dev pod: a delete supersedes it.',
  },
  'workspace.not_running': { status: 409, title: 'The dev pod is not running', help: 'Start it first.' },
  'workspace.deleting': { status: 409, title: 'The dev pod is being deleted', help: 'Create a new one.' },
  'workspace.not_deleting': {
    status: 409,
    title: 'Only a dev pod that is being deleted can be forgotten',
    help: 'Delete it first; forget it when its cluster does not come back.',
  },
  'workspace.agent_online': {
    status: 409,
    title: 'The cluster of this dev pod answers, and is deleting it',
    help: 'Wait: the agent takes its objects away. It can be forgotten when its cluster is gone, or when the delete has failed: its condition Ready says what holds it.',
  },
  'workspace.agent_offline': {
    status: 503,
    title: 'The cluster of this dev pod does not answer',
    help: 'Repeat when its agent is connected again; GET the cluster shows since when it is not.',
  },
  'workspace.managed_in_cluster': {
    status: 409,
    title: 'This dev pod is managed in its cluster',
    help: 'Change or delete its Workspace resource there, with kubectl.',
  },
  'workspace.volume_unknown': {
    status: 400,
    title: 'There is no such volume',
    help: 'Give sizes for the volumes listed in "allowed".',
  },
  'workspace.volume_shrinks': {
    status: 400,
    title: 'A volume only grows',
    help: 'Give a size that is not smaller than the present one.',
  },
  'workspace.no_endpoint': {
    status: 409,
    title: 'Nobody said where the API server of this cluster is reached',
    help: 'An admin of the cluster gives options.apiServer (url and certificateAuthority) when connecting it.',
  },
  'placement.no_fit': {
    status: 409,
    title: 'No cluster fits this dev pod',
    help: 'Ask for less, loosen the placement, or create a cluster with takesWorkspaces; "errors" says what is missing on each.',
  },
  'quota.team_workspaces': {
    status: 409,
    title: 'The team has as many dev pods as it may',
    help: 'Delete one or ask an administrator for a higher quota.',
  },
  'quota.team_compute': {
    status: 409,
    title: 'The running dev pods of the team take all the compute it may have',
    help: 'Stop one, ask for less, or ask an administrator for a higher quota.',
  },
  'quota.team_storage': {
    status: 409,
    title: 'The volumes of the team take all the storage it may have',
    help: 'Delete a dev pod with its volumes, ask for less, or ask an administrator for a higher quota.',
  },
  'quota.tokens': {
    status: 409,
    title: 'The cluster has as many live tokens as it may have',
    help: 'Revoke one first: DELETE /api/v1/clusters/{cluster}/tokens/{id}.',
  },
  'quota.secrets': { status: 409, title: 'There are as many secrets as there may be', help: 'Delete one first.' },
  'secret.unknown': { status: 400, title: 'There is no such secret', help: 'POST /api/v1/secrets makes one.' },
  'secret.too_many': {
    status: 400,
    title: 'There are more secrets than a dev pod takes',
    help: 'Choose among them: "secrets": ["GITHUB_TOKEN"].',
  },
  'template.unknown': {
    status: 400,
    title: 'There is no such template',
    help: 'GET /api/v1/templates lists them.',
  },
  'template.parameter_invalid': {
    status: 400,
    title: 'The parameters do not fit the template',
    help: 'Correct the parameters listed in "errors"; the template names their types.',
  },
  'template.name_builtin': {
    status: 409,
    title: 'A built-in template has this name',
    help: 'Choose another name for the template of your team.',
  },
  'cluster.has_workspaces': {
    status: 409,
    title: 'There are dev pods on this cluster',
    help: 'Delete them first, or send force=true: their volumes go with the cluster.',
  },
  'cluster.isolation': {
    status: 400,
    title: 'This cluster cannot be shared between teams',
    help: 'Only a cluster with takesWorkspaces can be isolation=shared.',
  },
  'operation.superseded': {
    status: 409,
    title: 'Another operation took over',
    help: 'Look at the open operation of the resource.',
  },
  'idempotency.mismatch': {
    status: 409,
    title: 'The idempotency key was used with another body',
    help: 'Use a new key for a new request.',
  },
  'secret.already_shown': {
    status: 409,
    title: 'The secret of this answer was shown before',
    help: 'Secrets are shown once: create a new one.',
  },
  'precondition.failed': {
    status: 412,
    title: 'The resource has changed',
    help: 'Read it again and send its ETag in If-Match.',
  },
  conflict: { status: 409, title: 'Somebody else changed this at the same moment', help: 'Read it again and repeat.' },
  'rate.limited': { status: 429, title: 'Too many requests', help: 'Wait for the time in Retry-After.' },
  retry: { status: 503, title: 'Busy, nothing was changed', help: 'Repeat the request after the time in Retry-After.' },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    help: 'Repeat the request; if it stays, report the correlation id.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;

/** One field that was refused: where, what was wrong with it. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

interface AppErrorOptions {
  /** What was given and what is allowed, in one sentence. Never a secret. */
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Values that would have been accepted. */
  readonly allowed?: readonly string[];
  /** Where one code stands for two statuses: `cluster.expired` is 410 on the kubeconfig routes (DESIGN §4, seed-systems §4.1 H3). */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** The one error class of the product. `code` is stable; everything else is for people. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly allowed: readonly string[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(`${code}: ${options.detail ?? catalogue[code].title}`, { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = options.status ?? catalogue[code].status;
    this.detail = options.detail;
    this.errors = options.errors;
    this.allowed = options.allowed;
    this.retryAfterSeconds = options.retryAfterSeconds ?? (this.status === 503 || this.status === 429 ? 1 : undefined);
  }
}

/** True when `error` is ours and carries this code. */
export const isCode = (error: unknown, code: ErrorCode): error is AppError =>
  error instanceof AppError && error.code === code;
