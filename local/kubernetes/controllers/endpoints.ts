/** Endpoints and EndpointSlices: the addresses of the pods that a Service selects. */
import { isStatus } from './machinery/client.ts';
import { sameJson } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerReference, isControlledBy } from './machinery/owners.ts';
import { endpointSlices, endpoints, pods, services } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { mapMatches } from './machinery/selectors.ts';
import type { Pod, Service } from './machinery/types.ts';
import { isFinished, isReady, isTerminating } from './pods.ts';

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';

interface Port {
  name?: string;
  port: number;
  protocol: string;
}

/** A service's ports as `pod` has them; a named port that the pod lacks is left out. */
export function portsOf(service: Service, pod: Pod): Port[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const target = port.targetPort ?? port.port;
    const named = pod.spec.containers.flatMap((container) => container.ports ?? []).find(({ name }) => name === target);
    const number = typeof target === 'number' ? target : /^\d+$/.test(target) ? Number(target) : named?.containerPort;
    return number === undefined
      ? []
      : [{ ...(port.name && { name: port.name }), port: number, protocol: port.protocol ?? 'TCP' }];
  });
}

export function endpointsController(runtime: Runtime): void {
  const informer = runtime.informer(services);
  const podInformer = runtime.informer(pods);
  const classic = runtime.informer(endpoints);
  const slices = runtime.informer(endpointSlices);

  const targetRef = (pod: Pod) => ({
    kind: 'Pod',
    namespace: pod.metadata.namespace,
    name: pod.metadata.name,
    uid: pod.metadata.uid,
  });
  const tolerated = (error: unknown) => {
    if (!isStatus(error, 403, 404, 409)) throw error;
  };

  async function syncClassic(service: Service, selected: Pod[]): Promise<void> {
    const { name, namespace } = service.metadata;
    const ports = selected[0] ? portsOf(service, selected[0]) : [];
    const address = (pod: Pod) => ({
      ip: pod.status?.podIP ?? '',
      nodeName: pod.spec.nodeName,
      targetRef: targetRef(pod),
    });
    const serves = (pod: Pod) => isReady(pod) || service.spec.publishNotReadyAddresses === true;
    const addresses = selected.filter(serves).map(address);
    const notReadyAddresses = selected.filter((pod) => !serves(pod)).map(address);
    const subset = {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ports,
    };
    const subsets = selected.length === 0 ? [] : [subset];
    const known = classic.get(`${namespace}/${name}`);
    if (known === undefined) {
      await runtime
        .create(endpoints, namespace, { metadata: { name, namespace, labels: service.metadata.labels ?? {} }, subsets })
        .catch(tolerated);
    } else if (!sameJson(known.subsets, subsets)) {
      await runtime.patch(endpoints, known, { subsets }).catch(tolerated);
    }
  }

  async function syncSlice(service: Service, selected: Pod[]): Promise<void> {
    const { name, namespace } = service.metadata;
    const content = {
      addressType: 'IPv4',
      ports: selected[0] ? portsOf(service, selected[0]).map((port) => ({ name: '', ...port })) : [],
      endpoints: selected.map((pod) => ({
        addresses: [pod.status?.podIP ?? ''],
        conditions: {
          ready: (isReady(pod) || service.spec.publishNotReadyAddresses === true) && !isTerminating(pod),
          serving: isReady(pod),
          terminating: isTerminating(pod),
        },
        nodeName: pod.spec.nodeName,
        targetRef: targetRef(pod),
      })),
    };
    const known = slices.list(namespace).find((slice) => isControlledBy(slice, service));
    if (known === undefined) {
      const labels = { ...service.metadata.labels, 'kubernetes.io/service-name': name, [MANAGED_BY]: MANAGER };
      const metadata = {
        generateName: `${name}-`,
        namespace,
        labels,
        ownerReferences: [controllerReference(services, service)],
      };
      await runtime.create(endpointSlices, namespace, { metadata, ...content }).catch(tolerated);
    } else if (
      !sameJson(
        { endpoints: known.endpoints, ports: known.ports },
        { endpoints: content.endpoints, ports: content.ports },
      )
    ) {
      await runtime
        .patch(endpointSlices, known, { endpoints: content.endpoints, ports: content.ports })
        .catch(tolerated);
    }
  }

  const queue = runtime.queue({ name: 'endpoints' }, async (key) => {
    const service = informer.get(key);
    if (service === undefined) {
      // Slices have an owner; Endpoints go with the service of their name.
      const left = classic.get(key);
      if (left && left.metadata.name !== 'kubernetes') await runtime.delete(endpoints, left).catch(tolerated);
      return;
    }
    if (service.spec.selector === undefined || service.metadata.deletionTimestamp !== undefined) return;
    const selected = podInformer
      .list(service.metadata.namespace)
      .filter((pod) => mapMatches(service.spec.selector, pod.metadata.labels) && pod.status?.podIP && !isFinished(pod))
      .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
    await syncClassic(
      service,
      selected.filter((pod) => !isTerminating(pod)),
    );
    await syncSlice(service, selected);
  });
  informer.on(({ object }) => queue.add(keyOf(object)));
  podInformer.on((change) => {
    const versions = change.type === 'updated' ? [change.object, change.old] : [change.object];
    for (const service of informer.list(change.object.metadata.namespace)) {
      if (service.spec.selector && versions.some((pod) => mapMatches(service.spec.selector, pod.metadata.labels)))
        queue.add(keyOf(service));
    }
  });
}
