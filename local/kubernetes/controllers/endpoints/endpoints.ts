/** Endpoints and EndpointSlices: the addresses of the pods that a Service selects. */
import { isStatus } from '../machinery/client.ts';
import { sameJson } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { controllerReference, isControlledBy } from '../machinery/owners.ts';
import { endpointSlices, endpoints, nodes, pods, services } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import { mapMatches } from '../machinery/selectors.ts';
import type { Pod, Service } from '../machinery/types.ts';
import { isFinished } from '../pods.ts';
import { endpointOf, groups, type Port, subsetsOf } from './addresses.ts';
import { planSlices } from './slices.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';

/** A namespace that is ending, an object that is gone, one that changed meanwhile: what comes next is told by the watch. */
export const tolerated = (error: unknown): void => {
  if (!isStatus(error, 403, 404, 409)) throw error;
};

export function endpointsController(runtime: Runtime): void {
  const informer = runtime.informer(services);
  const podInformer = runtime.informer(pods);
  const nodeInformer = runtime.informer(nodes);
  const classic = runtime.informer(endpoints);
  const slices = runtime.informer(endpointSlices);

  const labelsOf = (service: Service): Record<string, string> => ({
    ...service.metadata.labels,
    ...(service.spec.clusterIP === 'None' && { [HEADLESS]: '' }),
  });

  async function syncClassic(service: Service, selected: Pod[]): Promise<void> {
    const { name, namespace } = service.metadata;
    const subsets = subsetsOf(service, selected);
    const labels = { ...labelsOf(service), 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' };
    const known = classic.get(`${namespace}/${name}`);
    if (known === undefined) {
      await runtime.create(endpoints, namespace, { metadata: { name, namespace, labels }, subsets }).catch(tolerated);
    } else if (!sameJson(known.subsets, subsets) || !sameJson(known.metadata.labels, labels)) {
      const gone = Object.keys(known.metadata.labels ?? {}).filter((label) => !(label in labels));
      const metadata = { labels: { ...labels, ...Object.fromEntries(gone.map((label) => [label, null])) } };
      await runtime.patch(endpoints, known, { metadata, subsets }).catch(tolerated);
    }
  }

  async function syncSlices(service: Service, selected: Pod[]): Promise<void> {
    const { name, namespace } = service.metadata;
    const mine = slices.list(namespace).filter((slice) => isControlledBy(slice, service));
    const wanted = groups(service, selected).map((group) => ({
      ports: group.ports,
      endpoints: group.pods.map((pod) => endpointOf(service, pod, nodeInformer.get(pod.spec.nodeName ?? ''))),
    }));
    const { create, update, remove } = planSlices(wanted, mine);
    const metadata = {
      generateName: `${name}-`,
      namespace,
      labels: { ...labelsOf(service), [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER },
      ownerReferences: [controllerReference(services, service)],
    };
    const named = (port: Port) => ({ name: '', ...port });
    for (const { ports, endpoints: list } of create) {
      const content = { addressType: 'IPv4', ports: ports.map(named), endpoints: list };
      await runtime.create(endpointSlices, namespace, { metadata, ...content }).catch(tolerated);
    }
    for (const { slice, endpoints: list } of update)
      await runtime.patch(endpointSlices, slice, { endpoints: list }).catch(tolerated);
    for (const slice of remove) await runtime.delete(endpointSlices, slice).catch(tolerated);
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
    await syncClassic(service, selected);
    await syncSlices(service, selected);
  });
  informer.on(({ object }) => queue.add(keyOf(object)));
  podInformer.on((change) => {
    const versions = change.type === 'updated' ? [change.object, change.old] : [change.object];
    for (const service of informer.list(change.object.metadata.namespace)) {
      if (service.spec.selector && versions.some((pod) => mapMatches(service.spec.selector, pod.metadata.labels)))
        queue.add(keyOf(service));
    }
  });
  // What somebody else removed or changed is put right.
  const wakeService = (namespace: string | undefined, name: string | undefined) => {
    const service = informer.get(`${namespace}/${name}`);
    if (service) queue.add(keyOf(service));
  };
  classic.on(({ type, object }) => type !== 'added' && wakeService(object.metadata.namespace, object.metadata.name));
  slices.on(({ type, object }) => {
    if (type !== 'added') wakeService(object.metadata.namespace, object.metadata.labels?.[SERVICE_NAME]);
  });
}
