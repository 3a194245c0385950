/** The environment of each function: one schema an entry point. The template is typed by it and every function parses its own at start (DESIGN §3). */
import * as z from 'zod';
import { type Timing, type TimingVariable, timings, timingVariable } from '#core/contract/timings.ts';

const seconds = z.coerce.number().int().min(0);

/** Schema fields for the named timings: `FirstWait` → FIRST_WAIT_SECONDS. */
const timing = <const T extends Timing>(...names: readonly T[]) =>
  Object.fromEntries(names.map((name) => [timingVariable(name), seconds.default(timings[name].seconds)])) as {
    readonly [K in T as TimingVariable<K>]: z.ZodDefault<typeof seconds>;
  };

const base = {
  TABLE: z.string(),
  DEPLOYMENT_ID: z.string(),
  LOG_LEVEL: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).default('INFO'),
  /** Read by `fips` (functions/lib/fips.ts), where clients are made. */
  FIPS: z.enum(['true', 'false']).default('false'),
};

/** Who may make an account: `closed`, `open`, or `domains:example.com,example.org` (DESIGN §4). */
const registration = z.string().regex(/^(closed|open|domains:[a-z0-9.,-]+)$/);

/** Verifying access tokens. */
const people = { ISSUER: z.string(), JWKS_URI: z.string(), USER_POOL_CLIENT_ID: z.string() };
const http = { ...base, ...people };
/** Caps of the whole deployment and of a team (DESIGN §4 watching). */
const caps = {
  TEAM_CLUSTER_LIMIT: z.coerce.number().int(),
  DEPLOYMENT_CLUSTER_LIMIT: z.coerce.number().int(),
  DEPLOYMENT_VCPU_LIMIT: z.coerce.number().int(),
};
/** What a team's dev pods may take together: vCPU, GiB. */
const seatCaps = {
  TEAM_WORKSPACE_LIMIT: z.coerce.number().int(),
  TEAM_CPU_LIMIT: z.coerce.number().int(),
  TEAM_MEMORY_LIMIT: z.coerce.number().int(),
  TEAM_STORAGE_LIMIT: z.coerce.number().int(),
};
const seatTimings = timing('WorkspaceStartDeadline', 'WorkspaceStopDeadline', 'WorkspaceDeleteDeadline', 'StartGrace');
/** What the install manifest names. */
const agentInstall = { SOCKET_URL: z.string(), API_URL: z.string(), AGENT_IMAGE: z.string() };
/** The roles and subnets an EKS cluster is made with. */
const eks = { CLUSTER_ACCESS_ROLE_ARN: z.string() };
const stateMachines = {
  CREATE_STATE_MACHINE_ARN: z.string(),
  DELETE_STATE_MACHINE_ARN: z.string(),
  START_SEAT_STATE_MACHINE_ARN: z.string(),
  STOP_SEAT_STATE_MACHINE_ARN: z.string(),
  DELETE_SEAT_STATE_MACHINE_ARN: z.string(),
};

const task = { ...base };
const provider = { ...task, ...eks };

export const environments = {
  'http/system': z.object({ LOG_LEVEL: base.LOG_LEVEL }),
  'http/auth': z.object({ ...http, USER_POOL_ID: z.string(), REGISTRATION: registration }),
  'http/me': z.object({ ...http, SOCKET_URL: z.string(), KEY_ARN: z.string() }),
  'http/clusters': z.object({
    ...http,
    ...caps,
    ...agentInstall,
    KEY_ARN: z.string(),
    PROVIDERS: z.string().default('eks'),
    SHARING_TEAMS: z.string(),
    /** `true` when clusters that are not ours can pull it. */
    AGENT_IMAGE_PUBLISHED: z.string(),
    ...timing('CreateDeadline', 'DeleteDeadline', 'StartGrace'),
  }),
  'http/workspaces': z.object({ ...http, ...seatCaps, ...seatTimings }),
  'http/groups': z.object({ ...http, ...seatCaps, ...seatTimings }),
  'http/templates': z.object(http),
  'http/secrets': z.object({ ...http, KEY_ARN: z.string() }),
  'http/seat-access': z.object({ ...http, API_URL: z.string(), KEY_ARN: z.string() }),
  'http/seat-agent': z.object({ ...base, KEY_ARN: z.string() }),
  'http/access': z.object({
    ...http,
    VIEWER_ROLE_ARN: z.string(),
    EDITOR_ROLE_ARN: z.string(),
    ADMIN_ROLE_ARN: z.string(),
    API_URL: z.string(),
    KEY_ARN: z.string(),
  }),
  'http/tokens': z.object({ ...http, ...agentInstall, KEY_ARN: z.string() }),
  'http/operations': z.object(http),
  'socket/handler': z.object({
    ...base,
    ...seatCaps,
    ...timing('PaceWatched', 'StaleWatched', 'PaceIdle', 'StaleIdle'),
  }),
  'stream/push': z.object({ ...base, CALLBACK_URL: z.string(), ...timing('PaceWatched', 'StaleWatched') }),
  'stream/effects': z.object({ ...base, ...stateMachines, ...seatCaps, ...seatTimings }),
  'schedule/sweep': z.object({
    ...base,
    ...stateMachines,
    ...eks,
    ...seatCaps,
    ...timing(
      'WorkspaceStartDeadline',
      'WorkspaceStopDeadline',
      'WorkspaceDeleteDeadline',
      'Check',
      'StartGrace',
      'ExpiryWarning',
      'DeleteDeadline',
      'OrphanAge',
    ),
  }),
  'tasks/cluster-create/ensure-cluster': z.object({
    ...provider,
    CLUSTER_ROLE_ARN: z.string(),
    NODE_ROLE_ARN: z.string(),
    SUBNET_IDS: z.string(),
  }),
  'tasks/cluster-create/observe-cluster': z.object({ ...provider, ...timing('ActiveDeadline') }),
  'tasks/cluster-create/grant-access': z.object({
    ...provider,
    VIEWER_ROLE_ARN: z.string(),
    EDITOR_ROLE_ARN: z.string(),
    ADMIN_ROLE_ARN: z.string(),
  }),
  'tasks/cluster-create/ensure-compute': z.object({
    ...provider,
    MANAGED_NODE_ROLE_ARN: z.string(),
    VOLUME_DRIVER_ROLE_ARN: z.string(),
    SUBNET_IDS: z.string(),
  }),
  'tasks/cluster-create/install-agent': z.object({ ...provider, ...agentInstall, ...timing('HelloDeadline') }),
  'tasks/cluster-create/await-agent': z.object({ ...task }),
  'tasks/cluster-create/record-success': z.object({ ...task }),
  'tasks/cluster-delete/stop-older': z.object({ ...task, ...stateMachines }),
  'tasks/cluster-delete/drain': z.object({ ...task }),
  'tasks/cluster-delete/delete-cluster': z.object({ ...provider }),
  'tasks/cluster-delete/observe-deleted': z.object({ ...provider }),
  'tasks/cluster-delete/sweep-leftovers': z.object({ ...provider }),
  'tasks/cluster-delete/record-success': z.object({ ...task, ...seatCaps }),
  'tasks/seat/await': z.object({ ...task }),
  'tasks/seat/record-success': z.object({ ...task }),
  'tasks/record-failure': z.object({ ...task }),
} as const;

export type FunctionName = keyof typeof environments;
export type Environment<F extends FunctionName> = z.output<(typeof environments)[F]>;

/** Parses the environment of a function; a missing variable stops the function at its start, naming it. */
export const readEnv = <F extends FunctionName>(
  name: F,
  source: Record<string, string | undefined> = process.env,
): Environment<F> => environments[name].parse(source) as Environment<F>;
