/** The addresses that a Service has by its pods: ports as each pod has them, who is ready, who is going. Pure. */
import type { Node, Pod, Service } from '../machinery/types.ts';
import { isReady, isTerminating } from '../pods.ts';

export interface Port {
  name?: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** Pods that have the same ports: only these can stand in one list. */
export interface Group {
  ports: Port[];
  pods: Pod[];
}

/** A service's ports as `pod` has them; a named port that the pod lacks is left out. */
export function portsOf(service: Service, pod: Pod): Port[] {
  return (service.spec.ports ?? []).flatMap(({ name, port, targetPort, protocol = 'TCP', appProtocol }) => {
    const target = targetPort ?? port;
    const named = pod.spec.containers
      .flatMap((container) => container.ports ?? [])
      .find((candidate) => candidate.name === target && (candidate.protocol ?? 'TCP') === protocol);
    const number = typeof target === 'number' ? target : /^\d+$/.test(target) ? Number(target) : named?.containerPort;
    return number === undefined
      ? []
      : [{ ...(name && { name }), port: number, protocol, ...(appProtocol && { appProtocol }) }];
  });
}

export function groups(service: Service, pods: Pod[]): Group[] {
  const byPorts = new Map<string, Group>();
  for (const pod of pods) {
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = byPorts.get(key) ?? { ports, pods: [] };
    group.pods.push(pod);
    byPorts.set(key, group);
  }
  return [...byPorts.values()];
}

export const targetRef = ({ metadata: { namespace, name, uid } }: Pod) => ({ kind: 'Pod', namespace, name, uid });

/** A pod that is known under its own name below the service's. */
const hostnameOf = (service: Service, { spec, metadata }: Pod) =>
  spec.hostname && spec.subdomain === service.metadata.name && metadata.namespace === service.metadata.namespace
    ? { hostname: spec.hostname }
    : {};

const serves = (service: Service, pod: Pod): boolean => service.spec.publishNotReadyAddresses === true || isReady(pod);

/** The `subsets` of an Endpoints object: pods that are going are in none. */
export function subsetsOf(service: Service, pods: Pod[]) {
  const address = (pod: Pod) => ({
    ip: pod.status?.podIP ?? '',
    ...hostnameOf(service, pod),
    nodeName: pod.spec.nodeName,
    targetRef: targetRef(pod),
  });
  return groups(
    service,
    pods.filter((pod) => !isTerminating(pod)),
  ).map(({ ports, pods: members }) => {
    const [ready, unready] = [true, false].map((wanted) => members.filter((pod) => serves(service, pod) === wanted));
    return {
      ...(ready?.length && { addresses: ready.map(address) }),
      ...(unready?.length && { notReadyAddresses: unready.map(address) }),
      ports,
    };
  });
}

/** One entry of an EndpointSlice. */
export function endpointOf(service: Service, pod: Pod, node: Node | undefined) {
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: {
      ready: service.spec.publishNotReadyAddresses === true || (isReady(pod) && !isTerminating(pod)),
      serving: isReady(pod),
      terminating: isTerminating(pod),
    },
    ...hostnameOf(service, pod),
    ...(pod.spec.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
    targetRef: targetRef(pod),
  };
}
