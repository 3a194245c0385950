/** Whether the repository that a seat asks for is there: the image's start script says so in the pod's log, which is read until it has (kubernetes.md finding 26). */
import { stripVTControlCharacters } from 'node:util';
import { safeText } from '#core/contract/safe-text.ts';
import type { SeatStatus } from '#core/contract/seat.ts';
import type { Clock } from '../clock.ts';
import type { Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { WorkspaceFacts } from './facts.ts';
import type { PodFacts } from './pod-facts.ts';
import { LOOKS, type Looks } from './trouble.ts';

type Condition = SeatStatus['conditions'][number];

/** The container of the seat's pod, and what `images/common/fetch` writes there. */
const CONTAINER = 'dev';
const SAID = /^roadstead: repository (Ready|Failed) ?(.*)$/gm;
/** From the log's beginning. sshd writes two lines for each probe meanwhile, some 15 bytes a second: a clone may take hours. */
const BYTES = 262_144;

const TYPE = 'RepositoryReady';
const READY: Condition = { type: TYPE, status: 'True', reason: 'Cloned', message: 'The repository is there.' };
const CLONING: Condition = {
  type: TYPE,
  status: 'Unknown',
  reason: 'Cloning',
  message: 'The repository is being cloned; the dev pod can be used meanwhile.',
};
const failed = (detail: string): Condition => ({
  type: TYPE,
  status: 'False',
  reason: 'CloneFailed',
  message: safeText(
    `The repository could not be cloned: ${detail || 'git did not say why'}. Clone it by hand, or mend its address or token and restart the dev pod.`,
  ),
});

/** The last word of the script, or nothing yet. Pure. */
export const repositoryOf = (log: string): Condition | undefined => {
  const last = [...stripVTControlCharacters(log).matchAll(SAID)].at(-1);
  if (last === undefined) return undefined;
  return last[1] === 'Ready' ? READY : failed(last[2] ?? '');
};

export interface Repositories {
  /** The condition, where a repository was asked for; `again`: milliseconds until the next look. Throws KubernetesError. */
  about(
    workspace: WorkspaceFacts,
    pod: PodFacts | undefined,
  ): Promise<{ readonly condition?: Condition; readonly again?: number }>;
  forget(namespace: string, name: string): void;
}

export const repositories = (
  kubernetes: Kubernetes,
  clock: Clock,
  signal: AbortSignal,
  { firstMs, longestMs }: Looks = LOOKS,
): Repositories => {
  const looks = new Map<string, { readonly pod: string; readonly lookAt: number; readonly pause: number }>();
  const known = ({ status }: WorkspaceFacts, pod: PodFacts): Condition | undefined => {
    const before = status?.conditions.find(({ type }) => type === TYPE);
    if (before === undefined || status?.podUid !== pod.uid) return undefined;
    return { type: TYPE, status: before.status, reason: before.reason, message: before.message };
  };
  return {
    about: async (workspace, pod) => {
      const { namespace, name, spec } = workspace;
      if (spec?.git.repository === undefined || pod === undefined) return {};
      const before = known(workspace, pod);
      // A pod says it once, at its start.
      if (before !== undefined && before.status !== 'Unknown') return { condition: before };
      const key = `${namespace}/${name}`;
      const now = clock.now();
      const look = looks.get(key);
      const planned = look?.pod === pod.uid ? look : { pod: pod.uid, lookAt: now, pause: firstMs / 2 };
      if (now < planned.lookAt) return { condition: CLONING, again: planned.lookAt - now };
      const path = `${pathOf(kinds.Pod, namespace, pod.name)}/log`;
      // A container that has not started has no log: it is asked again.
      const log = await kubernetes
        .text(path, { query: { container: CONTAINER, limitBytes: BYTES }, signal })
        .catch(() => '');
      const condition = repositoryOf(log);
      if (condition !== undefined) {
        looks.delete(key);
        return { condition };
      }
      const pause = Math.min(longestMs, planned.pause * 2);
      looks.set(key, { pod: pod.uid, lookAt: now + pause, pause });
      return { condition: CLONING, again: pause };
    },
    forget: (namespace, name) => void looks.delete(`${namespace}/${name}`),
  };
};
