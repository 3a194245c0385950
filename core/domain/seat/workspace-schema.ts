/** The schema of a Workspace: what SeatSpec and SeatStatus of the contract say, as the API server checks it (kubernetes.md §5.1). */
import { FORBIDDEN_ENVIRONMENT } from '../../contract/seat.ts';
import { HOME_VOLUME } from '../../contract/template.ts';
import { conditions, integer, listBy, object, rules, string, time } from './schema.ts';

/** Longer names leave no room for what is put before and behind them (kubernetes.md finding 17). */
const NAME_LIMIT = 45;

const QUANTITY = rules({
  rule: "isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
  message: 'an amount such as 500m, 2 or 4Gi, more than zero',
});
const amount = (description: string, byDefault: string) =>
  string(description, { maxLength: 16, default: byDefault, ...QUANTITY });

const resources = object(
  'CPU, memory and GPUs of the pod.',
  {
    requests: object(
      'What is reserved for the pod while it runs.',
      { cpu: amount('Cores, such as 500m.', '500m'), memory: amount('Such as 2Gi.', '2Gi') },
      { default: {} },
    ),
    limits: object(
      'What the pod can use at most; it is ended when it needs more memory.',
      { cpu: amount('Cores, such as 2.', '2'), memory: amount('Such as 4Gi.', '4Gi') },
      { default: {} },
    ),
    gpus: integer('Whole GPUs; the profile says of which kind.', { minimum: 0, maximum: 8, default: 0 }),
  },
  {
    default: {},
    ...rules({
      rule: 'quantity(self.requests.cpu).compareTo(quantity(self.limits.cpu)) <= 0 && quantity(self.requests.memory).compareTo(quantity(self.limits.memory)) <= 0',
      message: 'requests must not exceed limits',
    }),
  },
);

const mount = object(
  'One place where the volume, or a folder of it, is seen.',
  {
    mountPath: string('A path at or below /workspace, /commandhistory, /home/node or /data.', {
      maxLength: 128,
      pattern: '^/(workspace|commandhistory|home/node|data)(/[A-Za-z0-9._-]+)*$',
      ...rules({ rule: "!self.matches('/[.]{1,2}(/|$)')", message: 'no . or .. in a path' }),
    }),
    subPath: string('A folder of the volume; the whole volume without it.', {
      maxLength: 64,
      pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]*$',
    }),
  },
  { required: ['mountPath'] },
);

const volume = object(
  'One persistent volume.',
  {
    name: string('A short name; the claim is called NAME-WORKSPACE.', {
      maxLength: 15,
      pattern: '^[a-z]([a-z0-9-]*[a-z0-9])?$',
    }),
    size: string('1Gi to 2Ti.', {
      maxLength: 16,
      ...rules({
        rule: "isQuantity(self) && quantity(self).compareTo(quantity('1Gi')) >= 0 && quantity(self).compareTo(quantity('2Ti')) <= 0",
        message: 'a size from 1Gi to 2Ti',
      }),
    }),
    mounts: listBy(['mountPath'], 'Where it is seen in the pod; cannot change.', mount, { minItems: 1, maxItems: 4 }),
  },
  {
    required: ['name', 'size', 'mounts'],
    ...rules(
      { rule: 'quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0', message: 'a volume only grows' },
      { rule: 'self.mounts == oldSelf.mounts', message: 'where a volume is mounted cannot change' },
    ),
  },
);

const volumes = listBy(
  ['name'],
  'What survives a stop, a restart and a lost node. Volumes only grow, and none can be taken away; by default one home.',
  volume,
  {
    minItems: 1,
    maxItems: 4,
    default: [HOME_VOLUME],
    ...rules(
      { rule: 'oldSelf.all(o, self.exists(n, n.name == o.name))', message: 'a volume cannot be removed' },
      {
        rule: 'self.all(v, v.mounts.all(m, self.exists_one(w, w.mounts.exists(n, n.mountPath == m.mountPath))))',
        message: 'two volumes are mounted at the same path',
      },
    ),
  },
);

const secret = object(
  'One secret of the owner or the team, by name and version; its value never stands here.',
  {
    name: string('Such as GITHUB_TOKEN.', { maxLength: 64, pattern: '^[A-Z_][A-Z0-9_]*$' }),
    version: integer('Which version of its value.', { minimum: 1 }),
    holder: string('Whose it is: each may have one of this name.', { enum: ['Owner', 'Team'], default: 'Team' }),
    as: string(
      'File: /run/secrets/roadstead/NAME, renewed while the pod runs. Env: an environment variable; a new version restarts the pod.',
      {
        enum: ['File', 'Env'],
        default: 'File',
      },
    ),
  },
  {
    required: ['name', 'version'],
    ...rules({
      // `as` is a word of CEL's own, and is written so.
      rule: `self.__as__ != 'Env' || !self.name.matches('${FORBIDDEN_ENVIRONMENT.source}')`,
      message: 'this name changes how programs are loaded or found: ask for it as File',
    }),
  },
);

const REPOSITORY =
  '^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/-]+|ssh://[a-z_][a-z0-9_-]*@[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/-]+|[a-z_][a-z0-9_-]*@[A-Za-z0-9.-]+:[A-Za-z0-9._~][A-Za-z0-9._~/-]*)$';
const repository = (description: string) => string(description, { maxLength: 512, pattern: REPOSITORY });

const git = object(
  'What git is told, and what is fetched when the pod first starts; a failure stops nothing and is tried again.',
  {
    name: string('user.name of git.', { maxLength: 128, pattern: '^[^\\p{C}<>]*$' }),
    email: string('user.email of git.', { maxLength: 254, pattern: '^[^\\s<>]+@[^\\s<>]+$' }),
    repository: repository(
      'https://host/path, ssh://git@host/path or git@host:path, without a password; cloned into /workspace.',
    ),
    branch: string('The branch that is checked out.', {
      maxLength: 255,
      pattern: '^[A-Za-z0-9_][A-Za-z0-9._/-]*$',
      ...rules({
        rule: "!self.contains('..') && !self.contains('//') && !self.endsWith('.lock') && !self.endsWith('/') && !self.endsWith('.')",
        message: 'a branch name as git check-ref-format takes it',
      }),
    }),
    dotfiles: repository('A repository of dotfiles, cloned at first start.'),
  },
  { default: {} },
);

const spec = object(
  'What is wanted.',
  {
    origin: string(
      "Who owns this spec for ever: ControlPlane (change it there) or Cluster (applied here by the cluster's admin).",
      {
        enum: ['ControlPlane', 'Cluster'],
      },
    ),
    id: string('Its id in the control plane; only of those that the control plane made.', {
      maxLength: 40,
      pattern: '^wsp_[0-9a-z]{26}$',
      ...rules({ rule: 'self == oldSelf', message: 'the id cannot change' }),
    }),
    revision: integer('Counts changes of the spec in the control plane.', { minimum: 1 }),
    owner: string('The account that sits here; nobody else is ever given these volumes.', {
      maxLength: 63,
      pattern: '^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$',
    }),
    group: string('The group (class) that it is a seat of.', { maxLength: 64 }),
    runState: string('Running, or Stopped: no pod, and the volumes are kept.', {
      enum: ['Running', 'Stopped'],
      default: 'Stopped',
    }),
    restarts: integer('Counts starts and restarts that were asked for; the pod is replaced when it grows.', {
      minimum: 0,
      default: 0,
    }),
    idleTimeoutSeconds: integer(
      'Stopped after this many seconds without activity, where its image reports that; 0: never. It runs again when restarts grows.',
      { minimum: 0, maximum: 604_800, default: 3600 },
    ),
    template: object(
      'The template that it was made from.',
      {
        name: string('Name of the template.', { maxLength: 63 }),
        version: string('Version of the template.', { maxLength: 63 }),
      },
      { required: ['name', 'version'] },
    ),
    image: string('What runs, best with a digest: ghcr.io/roadstead/node@sha256:….', {
      maxLength: 512,
      pattern: '^[a-z0-9.:/_-]+(@sha256:[0-9a-f]{64})?$',
    }),
    profile: string("What the cluster's admin lets its pod be; profiles are in the ConfigMap roadstead-policy.", {
      maxLength: 63,
      default: 'default',
    }),
    resources,
    volumes,
    parameters: {
      type: 'object',
      description: "Values of the template's parameters, given to the pod as environment variables PARAM_NAME.",
      maxProperties: 32,
      default: {},
      additionalProperties: { type: 'string', maxLength: 2048 },
    },
    secrets: listBy(['name'], 'Secrets that the pod is given.', secret, { maxItems: 32, default: [] }),
    git,
  },
  {
    required: ['origin', 'owner', 'template', 'image'],
    ...rules(
      {
        rule: 'self.origin == oldSelf.origin && self.owner == oldSelf.owner',
        message: 'origin and owner cannot change: a volume is never given to another person',
      },
      {
        rule: "self.origin == 'ControlPlane' ? has(self.id) && has(self.revision) : !has(self.id) && !has(self.revision)",
        message: 'a ControlPlane workspace carries id and revision, and no other does',
      },
      {
        rule: '!has(oldSelf.revision) || (has(self.revision) && self.revision >= oldSelf.revision)',
        message: 'revision only grows',
      },
    ),
  },
);

const status = object('What is observed; written by the agent.', {
  phase: string('Where it is in its life.', {
    enum: ['Pending', 'Starting', 'Running', 'Stopping', 'Stopped', 'Deleting', 'Failed'],
  }),
  observedRevision: integer('spec.revision of the object that this was said of.'),
  observedGeneration: integer('metadata.generation of the object that this was said of.'),
  uid: string('uid of this Workspace.', { maxLength: 64 }),
  podUid: string('uid of the pod.', { maxLength: 64 }),
  node: string('The node that the pod is on.', { maxLength: 253 }),
  zone: string('The zone of the volumes.', { maxLength: 63 }),
  idleStop: object(
    'Set while it is stopped for being idle; a higher spec.restarts ends that.',
    {
      restarts: integer('spec.restarts at which it was stopped.', { minimum: 0 }),
      lastActiveAt: time('When it was last active, as its image said.'),
    },
    { required: ['restarts', 'lastActiveAt'] },
  ),
  conditions,
});

export const workspaceSchema = object(
  "One person's dev pod with its volumes (a seat). It lives in a namespace that Roadstead made for a team.",
  { spec, status },
  {
    required: ['spec'],
    ...rules(
      { rule: `self.metadata.name.size() <= ${NAME_LIMIT}`, message: `name: at most ${NAME_LIMIT} characters` },
      {
        rule: "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$') && !self.metadata.name.startsWith('roadstead-')",
        message: 'name: lower-case letters, digits and hyphens, first a letter; roadstead-… is taken',
      },
    ),
  },
);
