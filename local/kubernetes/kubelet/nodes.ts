/** Nodes: gives each its address, its capacity and its conditions, and says every few seconds that it is alive. */

import { allocatableOf, INSTANCE_TYPES } from '../controllers/instance-types.ts';
import { type Client, isStatus } from '../controllers/machinery/client.ts';
import { timestamp } from '../controllers/machinery/conditions.ts';
import { cpuQuantity, memoryQuantity, parseQuantity } from '../controllers/machinery/quantity.ts';
import { leases, nodes, pathOf } from '../controllers/machinery/resources.ts';
import type { Condition, Node } from '../controllers/machinery/types.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
/** As a kubelet: the lease is renewed at a quarter of its life. */
const LEASE_SECONDS = 40;
export const RENEW_MS = 10_000;

const microTime = () => new Date().toISOString().replace('Z', '000Z');

/** What a node of that instance type has; a node that names none is of the middle size. */
export function resourcesOf(node: Node) {
  const name = node.metadata.labels?.['node.kubernetes.io/instance-type'];
  const type = INSTANCE_TYPES.find((known) => known.name === name) ?? INSTANCE_TYPES[1];
  if (type === undefined) throw new Error('there is no instance type');
  const room = allocatableOf(type);
  const storage = { 'ephemeral-storage': memoryQuantity(room['ephemeral-storage']) };
  const none = { 'hugepages-1Gi': '0', 'hugepages-2Mi': '0' };
  return {
    capacity: {
      cpu: String(type.cpu),
      memory: memoryQuantity(type.memory),
      pods: String(type.pods),
      ...storage,
      ...none,
    },
    allocatable: {
      cpu: cpuQuantity(room.cpu),
      memory: memoryQuantity(room.memory),
      pods: String(room.pods),
      ...storage,
      ...none,
    },
  };
}

/** The whole status of a node that this kubelet serves. A capacity that somebody wrote before stays. */
export function nodeStatus(node: Node, address: string, kubeletPort: number, version: string) {
  const own = resourcesOf(node);
  const given = parseQuantity(node.status?.capacity?.cpu ?? 0) > 0;
  const before = (node.status?.conditions ?? []) as Condition[];
  const now = timestamp();
  const condition = (type: string, status: string, reason: string, message: string) => {
    const old = before.find((candidate) => candidate.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime };
  };
  return {
    capacity: given ? node.status?.capacity : own.capacity,
    allocatable: given ? (node.status?.allocatable ?? node.status?.capacity) : own.allocatable,
    addresses: [
      { type: 'InternalIP', address },
      { type: 'Hostname', address: node.metadata.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
    nodeInfo: {
      architecture: 'amd64',
      bootID: node.metadata.uid,
      containerRuntimeVersion: 'containerd://2.1.5',
      kernelVersion: '6.12.0',
      kubeProxyVersion: '',
      kubeletVersion: version,
      machineID: node.metadata.uid.replaceAll('-', ''),
      operatingSystem: 'linux',
      osImage: 'Bottlerocket (EKS Auto, embedded)',
      systemUUID: node.metadata.uid,
    },
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
  };
}

/** One heartbeat: the lease is made or renewed. */
export async function renewLease(client: Client, node: Node): Promise<void> {
  const { name, uid } = node.metadata;
  const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SECONDS, renewTime: microTime() };
  const body = {
    apiVersion: leases.apiVersion,
    kind: leases.kind,
    metadata: { name, namespace: LEASE_NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec,
  };
  try {
    await client.call('PATCH', pathOf(leases, LEASE_NAMESPACE, name), {
      body: { spec },
      contentType: 'application/merge-patch+json',
    });
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    await client.create(leases, LEASE_NAMESPACE, body);
  }
}

export const reportNode = (client: Client, node: Node, status: ReturnType<typeof nodeStatus>): Promise<Node> =>
  client.patch(nodes, node, { status }, 'status');
