/**
 * Every duration that a person waits for, in seconds: a CloudFormation parameter with the cloud's value as default (DESIGN §5),
 * reaching state machines by substitution and functions by an environment variable of the same name in upper snake case.
 */
export const timings = {
  FirstWait: { seconds: 480, why: 'EKS is never active before this, so the first look comes then' },
  Poll: { seconds: 30, why: 'between two looks at a cloud' },
  ActiveDeadline: { seconds: 1800, why: 'a cluster that is not active by then has failed' },
  HelloDeadline: { seconds: 900, why: 'an agent that has not said hello by then has failed; a first node must boot' },
  CreateDeadline: { seconds: 3600, why: 'the whole create operation; longer than its state machine' },
  DeleteFirstWait: { seconds: 180, why: 'EKS is never gone before this' },
  DrainDeadline: { seconds: 120, why: 'how long a delete waits for the agent to take load balancers and volumes away' },
  DeleteDeadline: { seconds: 2400, why: 'the whole delete operation; longer than its state machine' },
  WorkspaceStartWait: {
    seconds: 600,
    why: 'how long a start waits for the pod to run; pulling a large image takes minutes',
  },
  WorkspaceStartDeadline: { seconds: 900, why: 'the whole start of a dev pod; longer than its state machine' },
  WorkspaceStopWait: { seconds: 180, why: 'how long a stop waits for the pod to end' },
  WorkspaceStopDeadline: { seconds: 300, why: 'the whole stop of a dev pod; longer than its state machine' },
  WorkspaceDeleteWait: { seconds: 420, why: 'how long a delete waits for the agent; it stays Deleting after that' },
  WorkspaceDeleteDeadline: { seconds: 600, why: 'the whole delete of a dev pod; longer than its state machine' },
  PaceWatched: { seconds: 30, why: 'heartbeat while somebody watches the team' },
  StaleWatched: { seconds: 90, why: 'silence that ends Connected at the watched pace' },
  PaceIdle: { seconds: 300, why: 'heartbeat while nobody watches; under the 10 min idle cut' },
  StaleIdle: { seconds: 720, why: 'silence that ends Connected at the idle pace' },
  ExpiryWarning: { seconds: 900, why: 'how long before the end of its life a cluster is announced to expire' },
  StartGrace: { seconds: 60, why: 'after this the sweeper starts an operation that has no execution' },
  Check: { seconds: 60, why: 'how often the sweeper asks for the execution of an open operation' },
  OrphanAge: { seconds: 1800, why: 'a cloud resource of ours that belongs to nothing is removed when older' },
} as const satisfies Record<string, { seconds: number; why: string }>;

export type Timing = keyof typeof timings;

/** `FirstWait` → `FIRST_WAIT`, for the type checker. */
type Snake<S extends string, First extends boolean = true> = S extends `${infer C}${infer Rest}`
  ? `${C extends Uppercase<C> ? (First extends true ? C : `_${C}`) : Uppercase<C>}${Snake<Rest, false>}`
  : '';

/** `FirstWait` → `FIRST_WAIT_SECONDS`, the environment variable of a timing. */
export type TimingVariable<T extends Timing = Timing> = `${Snake<T>}_SECONDS`;

export const timingVariable = <T extends Timing>(timing: T): TimingVariable<T> =>
  `${timing.replaceAll(/(?<!^)([A-Z])/g, '_$1').toUpperCase()}_SECONDS` as TimingVariable<T>;
