/** The custom resource `Cluster` named `roadstead`: whose cluster this is, as last told, so that a stranger's list is not followed (kubernetes.md findings 1 and 2). */
import { DEPLOYMENT_LABEL } from '#core/domain/seat/names.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { canonical } from '../kubernetes/print.ts';
import type { HelloAck } from '../link.ts';
import { MANAGER } from './ensure.ts';
import type { Source } from './sync.ts';

const NAME = 'roadstead';
const EPOCH = 'roadstead.dev/epoch';

interface ClusterObject extends Item {
  readonly spec?: { readonly id?: string; readonly [field: string]: unknown };
  readonly status?: {
    readonly agentVersion?: string;
    readonly observedRevision?: number;
    readonly observedGeneration?: number;
    readonly policyDigest?: string;
    readonly conditions?: readonly Condition[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

/** The control plane that speaks is not the one that this cluster belongs to, or it was restored to an earlier time. */
export class UntrustedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UntrustedError';
  }
}

export interface ClusterRecord {
  /** Whose cluster this is; nothing where seats were never told of. Throws KubernetesError. */
  read(): Promise<Source | undefined>;
  /** Compares with what is recorded and records it. Throws UntrustedError, or KubernetesError. */
  accept(ack: HelloAck): Promise<Source>;
  /** Says by which policy of the cluster's admin dev pods are judged from now on. Throws KubernetesError. */
  goesBy(policyDigest: string): Promise<void>;
  /** Says that the control plane was not reached for a while. Throws KubernetesError. */
  disconnected(): Promise<void>;
  /** Takes it away, at the end of the cluster's time with us. */
  remove(): Promise<void>;
}

export interface ClusterRecordOptions {
  readonly kubernetes: Kubernetes;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const sourceOf = ({ metadata }: Item): Source | undefined => {
  const deploymentId = metadata.labels?.[DEPLOYMENT_LABEL];
  const epoch = metadata.annotations?.[EPOCH];
  return deploymentId === undefined ? undefined : { deploymentId, epoch: Number(epoch ?? 0) };
};

/** What its condition says at present. */
const isSaid = ({ status }: ClusterObject): boolean =>
  status?.conditions?.find(({ type }) => type === 'Connected')?.status === 'True';

/** A minute more or less is how two looks at one clock differ, and no reason to write. */
const expiryOf = (seconds: number | undefined, before: unknown, now: Date): string | undefined => {
  if (seconds === undefined) return undefined;
  const at = now.getTime() + seconds * 1000;
  if (typeof before === 'string' && Math.abs(new Date(before).getTime() - at) < 60_000) return before;
  return new Date(at).toISOString();
};

export const clusterRecord = ({ kubernetes, agentVersion, clock, signal }: ClusterRecordOptions): ClusterRecord => {
  const path = pathOf(kinds.Cluster, undefined, NAME);
  const get = () =>
    kubernetes.request<ClusterObject>('GET', path, { signal }).catch((error: unknown) => {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    });
  const apply = (body: object, subresource = '') =>
    kubernetes.request<ClusterObject>('PATCH', `${path}${subresource}`, {
      query: { fieldManager: MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: kinds.Cluster.apiVersion, kind: 'Cluster', ...body },
      signal,
    });

  let policyDigest: string | undefined;

  // What is written depends on what was read: two at once would each undo what the other said.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };

  /** Written only when it says something else, as every link begins with this. */
  const tellStatus = async (known: ClusterObject, connected: boolean) => {
    const said = known.status?.conditions?.find(({ type }) => type === 'Connected');
    const is = connected ? ('True' as const) : ('False' as const);
    const condition: Condition = {
      type: 'Connected',
      status: is,
      reason: connected ? 'Connected' : 'NoLink',
      message: connected
        ? 'The agent reaches the control plane.'
        : 'The agent does not reach the control plane; everything here goes on as it was last told.',
      lastTransitionTime: said?.status === is ? said.lastTransitionTime : clock.wall().toISOString(),
    };
    const digest = policyDigest ?? known.status?.policyDigest;
    const status = {
      agentVersion,
      ...(typeof known.spec?.revision === 'number' ? { observedRevision: known.spec.revision } : {}),
      ...(known.metadata.generation === undefined ? {} : { observedGeneration: known.metadata.generation }),
      ...(digest === undefined ? {} : { policyDigest: digest }),
      conditions: [condition],
    };
    if (canonical({ ...known.status, conditions: [said] }) === canonical(status)) return;
    await apply({ metadata: { name: NAME }, status }, '/status');
  };

  const accept = async ({ clusterId, deploymentId, epoch, cluster }: HelloAck): Promise<Source> => {
    const known = await get();
    const recorded = known && sourceOf(known);
    if (recorded && recorded.deploymentId !== deploymentId) {
      throw new UntrustedError(
        `this cluster belongs to the Roadstead deployment ${recorded.deploymentId}, not to ${deploymentId}: nothing is taken from it. To move the cluster, delete the Cluster resource ${NAME} here`,
      );
    }
    if (recorded && epoch < recorded.epoch) {
      throw new UntrustedError(
        `the control plane speaks of epoch ${epoch}, here epoch ${recorded.epoch} is known: its table was restored from an older one, and nothing is taken from it`,
      );
    }
    if (known?.spec?.id !== undefined && known.spec.id !== clusterId) {
      throw new UntrustedError(`this cluster is ${known.spec.id}, not ${clusterId}: nothing is taken`);
    }
    const { expiresInSeconds, ...facts } = cluster ?? {};
    const annotations = { [EPOCH]: String(epoch) };
    const expiresAt = expiryOf(expiresInSeconds, known?.spec?.expiresAt, clock.wall());
    const spec = {
      origin: 'ControlPlane',
      id: clusterId,
      ...facts,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    const same =
      known !== undefined &&
      recorded?.epoch === epoch &&
      Object.entries(spec).every(([field, value]) => known.spec?.[field] === value);
    const labels = { [DEPLOYMENT_LABEL]: deploymentId };
    const now = same ? known : await apply({ metadata: { name: NAME, labels, annotations }, spec });
    await tellStatus(now, true);
    return { deploymentId, epoch };
  };

  return {
    read: async () => {
      const known = await get().catch((error: unknown) => {
        // Where no dev pods are placed, the manifest gives no right to it.
        if (hasStatus(error, 403)) return undefined;
        throw error;
      });
      return known && sourceOf(known);
    },
    accept: (ack) => inTurn(() => accept(ack)),
    goesBy: (digest) =>
      inTurn(async () => {
        policyDigest = digest;
        const known = await get();
        if (known) await tellStatus(known, isSaid(known));
      }),
    disconnected: () =>
      inTurn(async () => {
        const known = await get();
        if (known) await tellStatus(known, false);
      }),
    remove: async () => {
      await kubernetes.request('DELETE', path, { signal }).catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error;
      });
    },
  };
};
