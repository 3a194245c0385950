/** Nodes and pods summed up as `cluster.info` (pure). Only the few numbers that are needed of each object are kept. */
import type { AgentMessage } from '#core/contract/agent.ts';
import { quantity } from '#core/contract/quantity.ts';
import { NODE_SELECTOR_KEYS, OWN_PREFIX } from '#core/domain/seat/allowed.ts';
import type { Item } from './kubernetes/client.ts';
import { publicRanges } from './seats/ranges.ts';

export type ClusterInfo = Extract<AgentMessage, { type: 'cluster.info' }>['payload'];

type Resources = Readonly<Record<string, string>>;

export interface NodeObject extends Item {
  readonly spec?: {
    readonly providerID?: string;
    readonly podCIDRs?: readonly string[];
    readonly unschedulable?: boolean;
    readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly allocatable?: Resources;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Container {
  readonly restartPolicy?: string;
  readonly resources?: { readonly requests?: Resources };
}
export interface PodObject extends Item {
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly overhead?: Resources;
  };
  readonly status?: { readonly phase?: string };
}

/** Cores, bytes, pieces. */
export interface Amount {
  readonly cpu: number;
  readonly memory: number;
  readonly gpus: number;
  readonly pods: number;
}

export interface NodeFacts {
  readonly name: string;
  readonly ready: boolean;
  readonly allocatable: Amount;
  /** No new pod is put here. */
  readonly cordoned?: true;
  /** Those that keep pods away. */
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  /** Those that a profile may select nodes by. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly provider?: string;
  readonly region?: string;
  readonly zone?: string;
  /** Public addresses that are the cluster's own: of the node and of its pods. */
  readonly ranges?: readonly string[];
}

/** The part of an amount on this node that counts as room for dev pods; of an unknown node nothing does. */
export type RoomOn = (node: NodeFacts | undefined, amount: Amount) => Amount;

export const NOTHING: Amount = { cpu: 0, memory: 0, gpus: 0, pods: 0 };

const combine = (a: Amount, b: Amount, how: (x: number, y: number) => number): Amount => ({
  cpu: how(a.cpu, b.cpu),
  memory: how(a.memory, b.memory),
  gpus: how(a.gpus, b.gpus),
  pods: how(a.pods, b.pods),
});
export const add = (a: Amount, b: Amount): Amount => combine(a, b, (x, y) => x + y);
const larger = (a: Amount, b: Amount): Amount => combine(a, b, Math.max);

const amount = (resources: Resources = {}): Amount => ({
  cpu: quantity(resources.cpu),
  memory: quantity(resources.memory),
  // nvidia.com/gpu, amd.com/gpu, …: each vendor's plugin has its own name.
  gpus: Object.entries(resources).reduce(
    (sum, [name, value]) => sum + (name.endsWith('/gpu') ? quantity(value) : 0),
    0,
  ),
  pods: quantity(resources.pods),
});

const isSelectable = ([key]: readonly [string, string]): boolean =>
  key.startsWith(OWN_PREFIX) || NODE_SELECTOR_KEYS.includes(key);

export const nodeFacts = (node: NodeObject): NodeFacts => {
  const provider = node.spec?.providerID?.split(':')[0];
  const { 'topology.kubernetes.io/region': region, 'topology.kubernetes.io/zone': zone } = node.metadata.labels ?? {};
  const addresses = node.status?.addresses?.flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
  const ranges = publicRanges([...(node.spec?.podCIDRs ?? []), ...(addresses ?? [])]);
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  const labels = Object.entries(node.metadata.labels ?? {}).filter(isSelectable);
  return {
    name: node.metadata.name,
    ready: node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    allocatable: amount(node.status?.allocatable),
    ...(node.spec?.unschedulable ? { cordoned: true } : {}),
    ...(taints.length > 0
      ? { taints: taints.map(({ key, value, effect }) => ({ key, effect, ...(value ? { value } : {}) })) }
      : {}),
    ...(labels.length > 0 ? { labels: Object.fromEntries(labels) } : {}),
    ...(provider ? { provider } : {}),
    ...(region ? { region } : {}),
    ...(zone ? { zone } : {}),
    ...(ranges.length > 0 ? { ranges } : {}),
  };
};

const requests = (containers: readonly Container[]) =>
  containers.map(({ resources }) => amount(resources?.requests)).reduce(add, NOTHING);

/**
 * What a pod takes from its node, as the scheduler counts: its containers and sidecars together, or its largest init container with the
 * sidecars, whichever is more, and the overhead. Nothing for a pod without a node or at its end.
 */
export const podRequests = ({ spec, status }: PodObject): Amount => {
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return NOTHING;
  const inits = spec.initContainers ?? [];
  const sidecars = requests(inits.filter(({ restartPolicy }) => restartPolicy === 'Always'));
  const once = inits.filter(({ restartPolicy }) => restartPolicy !== 'Always');
  const running = requests(spec.containers ?? []);
  const starting = once.map(({ resources }) => amount(resources?.requests)).reduce(larger, NOTHING);
  return { ...add(add(larger(running, starting), sidecars), amount(spec.overhead)), pods: 1 };
};

const rounded = ({ cpu, memory, gpus, pods }: Amount) => ({
  cpuMillis: Math.round(cpu * 1000),
  memoryMiB: Math.round(memory / 2 ** 20),
  gpus: Math.round(gpus),
  pods: Math.round(pods),
});

/** What is told beside the nodes. Only what is requested of counted room is in the sums. */
export interface Requested {
  readonly all: Amount;
  /** The part of it that is dev pods. */
  readonly seats: Amount;
  /** There is a default storage class; absent where that was not to be learned. */
  readonly storageClass?: boolean;
  /** As last probed; absent: not known. */
  readonly networkPolicyEnforced?: ClusterInfo['networkPolicyEnforced'];
}

/** `known`: what was said before; a provider or region that the nodes do not name (any more) is taken from it. `room`: what of each node counts. */
export const clusterInfo = (
  nodes: readonly NodeFacts[],
  requested: Requested,
  room: RoomOn,
  known?: ClusterInfo,
): ClusterInfo => {
  const provider = nodes.find((node) => node.provider)?.provider ?? known?.provider;
  const region = nodes.find((node) => node.region)?.region ?? known?.region;
  const { all, seats, storageClass, networkPolicyEnforced = 'unknown' } = requested;
  const there = nodes.map((node) => room(node, node.allocatable));
  return {
    nodes: nodes.length,
    readyNodes: nodes.filter(({ ready }) => ready).length,
    allocatable: rounded(there.reduce(add, NOTHING)),
    requested: rounded(all),
    seats: rounded(seats),
    largestNode: rounded(there.reduce(larger, NOTHING)),
    ...(storageClass === undefined ? {} : { storageClass }),
    networkPolicyEnforced,
    ...(provider ? { provider } : {}),
    ...(region ? { region } : {}),
  };
};
