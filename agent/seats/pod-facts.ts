/** What is kept of a seat's StatefulSet and pod: what says whether it runs, and if not, why. */
import { WORKSPACE_LABEL } from '#core/domain/seat/names.ts';
import type { Item } from '../kubernetes/client.ts';
import { type Known, knownOf } from '../kubernetes/mirror.ts';
import { type Written, writtenOf } from './facts.ts';

const REVISION_LABEL = 'controller-revision-hash';

export interface StatefulSetFacts extends Written {
  readonly generation: number;
  /** Generation that its controller has acted on. */
  readonly observed: number;
  /** The revision that its pod should be of. */
  readonly revision?: string;
}

interface StatefulSet extends Item {
  readonly status?: { readonly observedGeneration?: number; readonly updateRevision?: string };
}

export const statefulSetOf = ({ status, ...object }: StatefulSet): StatefulSetFacts => ({
  ...writtenOf('StatefulSet')(object),
  generation: object.metadata.generation ?? 0,
  observed: status?.observedGeneration ?? 0,
  ...(status?.updateRevision === undefined ? {} : { revision: status.updateRevision }),
});

interface State {
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly running?: { readonly startedAt?: string };
  readonly terminated?: { readonly reason?: string; readonly message?: string; readonly exitCode?: number };
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly state?: State;
  readonly lastState?: State;
}

/** Named as in the API: what `whyNotRunning` reads. */
export interface PodFacts extends Known {
  readonly seat?: string;
  readonly revision?: string;
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly PodCondition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

interface PodObject extends Item {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: PodFacts['status'];
}

const conditionOf = ({ type, status, reason, message }: PodCondition): PodCondition => ({
  type,
  status,
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

const containerOf = ({ name, restartCount, state, lastState }: ContainerStatus): ContainerStatus => ({
  name,
  restartCount,
  ...(state === undefined ? {} : { state }),
  ...(lastState === undefined ? {} : { lastState }),
});

export const podOf = (object: PodObject): PodFacts => {
  const { [WORKSPACE_LABEL]: seat, [REVISION_LABEL]: revision } = object.metadata.labels ?? {};
  const { nodeName } = object.spec ?? {};
  const { phase, reason, message, conditions, containerStatuses } = object.status ?? {};
  return {
    ...knownOf(object),
    ...(seat === undefined ? {} : { seat }),
    ...(revision === undefined ? {} : { revision }),
    spec: nodeName ? { nodeName } : {},
    status: {
      ...(phase === undefined ? {} : { phase }),
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(conditions === undefined ? {} : { conditions: conditions.map(conditionOf) }),
      ...(containerStatuses === undefined ? {} : { containerStatuses: containerStatuses.map(containerOf) }),
    },
  };
};
