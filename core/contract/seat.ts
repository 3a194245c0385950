/**
 * A dev pod as it is asked for and as it is reported: the same two values on the agent's socket, in the custom resource's `spec` and `status`,
 * and behind the API (DESIGN §2: desired state goes down, observed state comes up; kubernetes.md §5.1).
 */
import * as z from 'zod';
import { isQuantity, quantity } from './quantity.ts';

/** Kubernetes' own grammar for an amount, such as `500m`, `2`, `4Gi`; more than zero. */
export const Quantity = z
  .string()
  .max(16)
  .refine((text) => isQuantity(text) && quantity(text) > 0, 'an amount such as 500m, 2 or 4Gi, more than zero');

const Amounts = z.strictObject({ cpu: Quantity, memory: Quantity });

export const SeatResources = z
  .strictObject({
    requests: Amounts.prefault({ cpu: '500m', memory: '2Gi' }),
    limits: Amounts.prefault({ cpu: '2', memory: '4Gi' }),
    gpus: z.int().min(0).max(8).default(0),
  })
  .refine(
    ({ requests, limits }) =>
      quantity(requests.cpu) <= quantity(limits.cpu) && quantity(requests.memory) <= quantity(limits.memory),
    'requests must not exceed limits',
  )
  .meta({ id: 'SeatResources' });
export type SeatResources = z.output<typeof SeatResources>;

/** Volumes hold 1 GiB to 2 TiB. */
export const VOLUME_GIB = { min: 1, max: 2048 } as const;
const GIB = 2 ** 30;
export const VolumeSize = z
  .string()
  .max(16)
  .refine(
    (text) => isQuantity(text) && quantity(text) >= VOLUME_GIB.min * GIB && quantity(text) <= VOLUME_GIB.max * GIB,
    'a size from 1Gi to 2Ti',
  );

/** Where people keep files: nothing of the system can be covered by a volume. */
export const MountPath = z
  .string()
  .max(128)
  .regex(
    /^\/(workspace|commandhistory|home\/node|data)(\/[A-Za-z0-9._-]+)*$/,
    'a path at or below /workspace, /commandhistory, /home/node or /data',
  )
  .refine((path) => !path.split('/').some((part) => part === '..' || part === '.'), 'no . or .. in a path');

const SubPath = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/, 'one folder name');

export const SeatVolume = z
  .strictObject({
    name: z
      .string()
      .max(15)
      .regex(/^[a-z]([a-z0-9-]*[a-z0-9])?$/, 'a short name such as home'),
    size: VolumeSize,
    mounts: z
      .array(z.strictObject({ mountPath: MountPath, subPath: SubPath.optional() }))
      .min(1)
      .max(4),
  })
  .meta({ id: 'SeatVolume' });
export type SeatVolume = z.infer<typeof SeatVolume>;

/** Names that change how programs are loaded or found, whom they trust, or through whom they speak: a shared secret of this name would run code in other people's pods (kubernetes.md finding 26). */
export const FORBIDDEN_ENVIRONMENT =
  /^(LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NODE_OPTIONS|NODE_PATH|NODE_EXTRA_CA_CERTS|NPM_CONFIG_.*|BASH_ENV|ENV|ZDOTDIR|PROMPT_COMMAND|SHELLOPTS|BASHOPTS|PS4|IFS|PATH|HOME|SHELL|USER|LOGNAME|GIT_SSH.*|GIT_EXEC_PATH|GIT_CONFIG.*|GIT_ASKPASS|GIT_EXTERNAL_DIFF|GIT_EDITOR|GIT_SEQUENCE_EDITOR|GIT_PAGER|GIT_PROXY_COMMAND|GIT_TEMPLATE_DIR|GIT_ALLOW_PROTOCOL|GIT_SSL_NO_VERIFY|GIT_SSL_CAINFO|GIT_SSL_CAPATH|PAGER|MANPAGER|LESSOPEN|LESSCLOSE|EDITOR|VISUAL|BROWSER|SSH_ASKPASS|PYTHONSTARTUP|PYTHONPATH|PYTHONHOME|PERL5OPT|PERL5LIB|RUBYOPT|RUBYLIB|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|GOFLAGS|SSL_CERT_FILE|SSL_CERT_DIR|.*_PROXY|AWS_CONFIG_FILE|AWS_SHARED_CREDENTIALS_FILE|TF_CLI_ARGS.*|TF_CLI_CONFIG_FILE|KUBECONFIG|CLAUDE_CONFIG_DIR|PARAM_.*|ROADSTEAD_.*)$/;

export const SecretName = z
  .string()
  .max(64)
  .regex(/^[A-Z_][A-Z0-9_]*$/, 'a name such as GITHUB_TOKEN: capital letters, digits and _, not a digit first');
/** May a secret of this name be an environment variable? As a file every name is harmless. */
export const isEnvironmentSafe = (name: string): boolean => !FORBIDDEN_ENVIRONMENT.test(name);

/** A secret that a template may ask for in the environment (docs/adr/0035). */
export const EnvironmentSecretName = SecretName.refine(isEnvironmentSafe, {
  error: ({ input }) =>
    `${String(input)} changes how programs are loaded or found, so it may not be in the environment: every secret is a file in the pod as well`,
});

export const SeatSecret = z
  .strictObject({
    name: SecretName,
    version: z.int().min(1),
    /** Whose: its owner and the team may each have one of this name and number. */
    holder: z.enum(['Owner', 'Team']).default('Team'),
    as: z.enum(['File', 'Env']).default('File'),
  })
  .refine(({ name, as }) => as === 'File' || isEnvironmentSafe(name), {
    message: 'this name changes how programs are loaded or found: it may be a file only',
    path: ['as'],
  });
export type SeatSecret = z.output<typeof SeatSecret>;

/** `https://host/path` or `ssh://git@host/path` or `git@host:path`; no credentials in it, no other transport (kubernetes.md finding 26). */
export const RepositoryUrl = z
  .string()
  .max(512)
  .regex(
    /^(https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?\/[A-Za-z0-9._~/-]+|ssh:\/\/[a-z_][a-z0-9_-]*@[A-Za-z0-9.-]+(:\d{1,5})?\/[A-Za-z0-9._~/-]+|[a-z_][a-z0-9_-]*@[A-Za-z0-9.-]+:[A-Za-z0-9._~][A-Za-z0-9._~/-]*)$/,
    'https://host/path, ssh://git@host/path or git@host:path, without a password',
  );
const Branch = z
  .string()
  .max(255)
  .regex(
    /^(?![-/.])(?!.*(\.\.|\/\/|@\{|\.lock$|\/$|\.$))[A-Za-z0-9._/-]+$/,
    'a branch name as git check-ref-format takes it',
  );

/** What git is told, and what is fetched when the pod first starts: never fatal, retried, reported as RepositoryReady. */
export const SeatGit = z
  .strictObject({
    name: z
      .string()
      .max(128)
      .regex(/^[^\p{C}<>]*$/u, 'no control characters, < or >')
      .optional(),
    email: z
      .string()
      .max(254)
      .regex(/^[^\s<>]+@[^\s<>]+$/, 'an address')
      .optional(),
    repository: RepositoryUrl.optional(),
    branch: Branch.optional(),
    dotfiles: RepositoryUrl.optional(),
  })
  .meta({ id: 'SeatGit' });
export type SeatGit = z.infer<typeof SeatGit>;

/** An image; with a digest where one is known. */
export const Image = z
  .string()
  .max(512)
  .regex(/^[a-z0-9.:/_-]+(@sha256:[0-9a-f]{64})?$/, 'an image such as ghcr.io/roadstead/node@sha256:…');

export const ParameterName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'letters, digits and _, a letter first');
export const isFewParameters = (values: object): boolean => Object.keys(values).length <= 32;
/** Bytes of the parameters as JSON: with all that a seat holds beside them it is one message to its agent (DESIGN §6: 32 KB). */
const PARAMETERS_LIMIT = 16_384;
const Parameters = z
  .record(ParameterName, z.string().max(2048))
  .refine(isFewParameters, 'at most 32 parameters')
  .refine(
    (values) => new TextEncoder().encode(JSON.stringify(values)).length <= PARAMETERS_LIMIT,
    `names and values of all parameters take at most ${PARAMETERS_LIMIT} bytes`,
  );

/** No two of a list say the same of `of`. */
const distinct = <T>(items: readonly T[], of: (item: T) => readonly unknown[]): boolean => {
  const all = items.flatMap(of);
  return new Set(all).size === all.length;
};

export const SeatVolumes = z
  .array(SeatVolume)
  .min(1)
  .max(4)
  .refine((volumes) => distinct(volumes, ({ name }) => [name]), 'two volumes have the same name')
  .refine(
    (volumes) => distinct(volumes, ({ mounts }) => mounts.map(({ mountPath }) => mountPath)),
    'two volumes are mounted at the same path',
  );

/** An account; also the value of a label of every object of the seat. */
const Owner = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'at most 63 letters, digits, - _ . as a label value');

/** The desired state of one seat: the `spec` of a Workspace. Names of objects come from `id`, never from what a person typed. */
export const SeatSpec = z.strictObject({
  /** Who owns this spec for ever: the table, or the cluster's admin (DESIGN §2). */
  origin: z.enum(['ControlPlane', 'Cluster']),
  id: z
    .string()
    .regex(/^wsp_[0-9a-z]{26}$/)
    .optional(),
  /** Counts changes of this spec in the table. */
  revision: z.int().min(1).optional(),
  /** The account that sits here; never changes. */
  owner: Owner,
  group: z.string().max(64).optional(),
  runState: z.enum(['Running', 'Stopped']),
  /** Counts starts and restarts that were asked for: the pod is replaced when it grows. */
  restarts: z.int().min(0).default(0),
  idleTimeoutSeconds: z.int().min(0).max(604_800).default(3600),
  template: z.strictObject({ name: z.string().max(63), version: z.string().max(63) }),
  image: Image,
  profile: z.string().max(63).default('default'),
  resources: SeatResources.prefault({}),
  volumes: SeatVolumes,
  /** Given to the pod as environment variables `PARAM_<NAME>`. */
  parameters: Parameters.default({}),
  /** Names and versions only: values are fetched by the agent over HTTPS and never written into this resource. */
  secrets: z
    .array(SeatSecret)
    .max(32)
    .refine((secrets) => distinct(secrets, ({ name }) => [name]), 'a secret is named twice')
    .default([]),
  git: SeatGit.prefault({}),
});
export type SeatSpec = z.output<typeof SeatSpec>;

/** A seat as the control plane sends it down: the spec with the team that it belongs to. */
export const DesiredSeat = z.strictObject({
  id: z.string(),
  /** The person's name for it: a label for `kubectl get ws`, nothing is named by it. */
  name: z.string(),
  team: z.string(),
  spec: SeatSpec,
});
export type DesiredSeat = z.output<typeof DesiredSeat>;

export const WorkspacePhase = z
  .enum(['Pending', 'Starting', 'Running', 'Stopping', 'Stopped', 'Deleting', 'Deleted', 'Failed'])
  .meta({ id: 'WorkspacePhase' });
export type WorkspacePhase = z.infer<typeof WorkspacePhase>;

/** What volumes are left with when a seat goes. */
export const VolumeFate = z.enum(['KeepVolumes', 'DeleteVolumes']);
export type VolumeFate = z.infer<typeof VolumeFate>;

/** One word of a cluster's: shown to people as it is, so that nothing in it moves their cursor (kubernetes.md finding 23). */
const Word = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[\x21-\x7e]*$/, 'printable ASCII without spaces');

/** A condition on the wire: the receiver stamps the time of its change (DESIGN §6: times on the wire are durations). */
const SeatCondition = z.strictObject({
  type: Word(63),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: Word(63),
  message: z.string().max(1024),
});

/** That a seat was stopped for being idle: at which count of starts, and when it was last active, for people. */
const IdleStop = z.strictObject({ restarts: z.int().min(0), lastActiveAt: z.iso.datetime() });
export type IdleStop = z.output<typeof IdleStop>;

/** The observed state of one seat: what the agent reports, and the `status` of a Workspace. */
export const SeatStatus = z.strictObject({
  phase: z.enum(['Pending', 'Starting', 'Running', 'Stopping', 'Stopped', 'Deleting', 'Failed']),
  /** Revision and generation of the object that the reconcile began with (DESIGN §2). */
  observedRevision: z.int().min(0),
  observedGeneration: z.int().min(0),
  /** uid of the Workspace: a report of one that was made anew is not mixed with the old one's. */
  uid: Word(64),
  podUid: Word(64).optional(),
  node: Word(253).optional(),
  zone: Word(63).optional(),
  /** The agent keeps it stopped, since it was idle, for as long as `spec.restarts` is the one named here. */
  idleStop: IdleStop.optional(),
  conditions: z.array(SeatCondition).max(12),
});
export type SeatStatus = z.output<typeof SeatStatus>;
