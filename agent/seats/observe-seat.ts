/** Looks at what became of a seat, asks why where it is not clear, and says it. */
import type { IdleStop } from '#core/contract/seat.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { diagnose } from './diagnose.ts';
import type { WorkspaceFacts } from './facts.ts';
import { asStopped, idleness } from './idle.ts';
import type { Mirrors } from './mirrors.ts';
import type { Reconciled } from './reconcile.ts';
import type { Reporter } from './reporter.ts';
import { repositories } from './repository.ts';
import { isUp, leftNode, statusOf } from './status.ts';
import { type Looks, troubles as troublesOf } from './trouble.ts';

export interface ObserveSeatOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly reporter: Reporter;
  readonly nodes: ReadonlyMap<string, { readonly zone?: string }>;
  readonly isUnlisted: (id: string) => boolean;
  readonly looks: Looks;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface SeatObserver {
  /** Answers after how many milliseconds to look again, if at all; `stopped`: it was idle, and is asked to be stopped for that. Throws KubernetesError. */
  observe(
    workspace: WorkspaceFacts,
    team: string,
    made: Reconciled,
    stopped: IdleStop | undefined,
  ): Promise<number | undefined>;
  forget(namespace: string, name: string): void;
}

export const seatObserver = (options: ObserveSeatOptions): SeatObserver => {
  const { kubernetes, mirrors, reporter, nodes, isUnlisted, looks, clock, signal } = options;
  const troubles = troublesOf(clock, looks);
  const cloned = repositories(kubernetes, clock, signal, looks);
  const idle = idleness(kubernetes, clock, signal, looks.longestMs);

  /** Asked of the API server itself: the watch of nodes may lag behind that of pods, and it is said at once or never. */
  const isGone = async (node: string): Promise<boolean> => {
    try {
      await kubernetes.request('GET', pathOf(kinds.Node, undefined, node), { signal });
      return false;
    } catch (error) {
      if (hasStatus(error, 404)) return true;
      throw error;
    }
  };
  return {
    observe: async (workspace, team, { obstacles, refused }, stopped) => {
      const { namespace, name, spec } = workspace;
      const key = `${namespace}/${name}`;
      const pod = [...mirrors.Pod.within(namespace)].find(({ seat }) => seat === name);
      const claims = [...mirrors.PersistentVolumeClaim.within(namespace)].filter(({ seat }) => seat === name);
      const statefulSet = mirrors.StatefulSet.get(namespace, name);
      const runs = spec?.runState === 'Running' && isUp({ statefulSet, pod });
      const isFine = refused || spec?.runState !== 'Running' || runs;
      if (isFine) troubles.over(key);
      const trouble = isFine
        ? undefined
        : await troubles.about(key, () => diagnose(kubernetes, { namespace, name, pod, claims }, signal));
      const unlisted = spec?.id !== undefined && isUnlisted(spec.id);
      const found = trouble?.found ?? { events: [] };
      const repository = spec?.runState === 'Running' ? await cloned.about(workspace, pod) : {};
      const rest = runs && pod ? await idle.about(workspace, pod) : {};
      const left = leftNode({ workspace, pod });
      const lostNode = left !== undefined && (await isGone(left)) ? left : undefined;
      await reporter.report(
        workspace,
        team,
        statusOf({
          workspace: rest.stop ? asStopped(workspace) : workspace,
          statefulSet,
          pod,
          claims,
          ...found,
          obstacles,
          refused,
          unlisted,
          lostNode,
          nodes,
          repository: repository.condition,
          idleStop: rest.stop ?? stopped,
        }),
      );
      // It is written down that it is to be stopped: now it can be.
      if (rest.stop) return 1;
      const again = [trouble?.again, repository.again, rest.again].filter((each) => each !== undefined);
      return again.length === 0 ? undefined : Math.min(...again);
    },
    forget: (namespace, name) => {
      troubles.over(`${namespace}/${name}`);
      cloned.forget(namespace, name);
      idle.forget(namespace, name);
    },
  };
};
