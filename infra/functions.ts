/** The Lambda functions of the deployment: their names in the template, and what each may use of memory and time. */
import type { FunctionName } from '#functions/lib/env.ts';
import { environments } from '#functions/lib/env.ts';

/** Every function, in the order of the list that its entry point is named in. */
export const functionNames = Object.keys(environments) as readonly FunctionName[];

const pascal = (text: string): string =>
  text.replaceAll(/(^|[/-])([a-z])/g, (_, __, letter: string) => letter.toUpperCase());

/**
 * A function's name in the template, and in state machines: `http/auth` → `HttpAuth`, `tasks/cluster-create/ensure-cluster` →
 * `ClusterCreateEnsureCluster`. Changing it replaces the function.
 */
export const constructIdOf = (name: FunctionName): string => pascal(name.replace(/^tasks\//, ''));

export interface Size {
  /** MB; CPU grows with it. */
  readonly memory: number;
  /** Seconds. */
  readonly timeout: number;
}

/** API Gateway waits 30 s; 512 MB is where the import of a bundle stops being bound by CPU. */
const interactive: Size = { memory: 512, timeout: 20 };
/** A task that makes a few calls to AWS. */
const short: Size = { memory: 256, timeout: 30 };
/** A task that talks to a cluster's own API, with a bundle that has the Kubernetes client inside. */
const cluster: Size = { memory: 512, timeout: 120 };

const exceptions: Partial<Record<FunctionName, Size>> = {
  // It waits up to 20 s for an agent's answer.
  'http/seat-access': { memory: 512, timeout: 28 },
  'stream/push': { memory: 512, timeout: 30 },
  'stream/effects': { memory: 256, timeout: 60 },
  // Under the minute until the next run, so that two never overlap for long.
  'schedule/sweep': { memory: 256, timeout: 55 },
  'tasks/cluster-create/ensure-compute': cluster,
  'tasks/cluster-create/install-agent': cluster,
  'tasks/cluster-delete/sweep-leftovers': { memory: 256, timeout: 60 },
};

/** Memory and time limit of a function. */
export const sizeOf = (name: FunctionName): Size =>
  exceptions[name] ?? (name.startsWith('tasks/') ? short : interactive);
