/** Endpoints that people write for a Service without a selector, mirrored to EndpointSlices, which is where others read them. */
import { sameJson } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { controllerReference } from '../machinery/owners.ts';
import { endpointSlices, endpoints, services } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { EndpointSlice, Endpoints } from '../machinery/types.ts';
import { MANAGED_BY, SERVICE_NAME, tolerated } from './endpoints.ts';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
/** They say of the Endpoints how they came about, not of what is in them. */
const NOT_MIRRORED = [
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
];
/** As kube-controller-manager's --mirroring-max-endpoints-per-subset; what is beyond is left out. */
const PER_SLICE = 1_000;

interface Mirror {
  addressType: string;
  ports: NonNullable<EndpointSlice['ports']>;
  endpoints: NonNullable<EndpointSlice['endpoints']>;
}

/** One slice for all addresses of a family that have the same ports. Pure. */
export function mirrorsOf({ subsets = [] }: Pick<Endpoints, 'subsets'>): Mirror[] {
  const mirrors = new Map<string, Mirror>();
  for (const { addresses = [], notReadyAddresses = [], ports: given = [] } of subsets) {
    const ports = given.map(({ name = '', protocol = 'TCP', ...port }) => ({ name, protocol, ...port }));
    const all = [
      ...addresses.map((address) => ({ ...address, ready: true })),
      ...notReadyAddresses.map((address) => ({ ...address, ready: false })),
    ];
    for (const { ip, ready, hostname, nodeName, targetRef } of all) {
      const addressType = ip.includes(':') ? 'IPv6' : 'IPv4';
      const key = JSON.stringify([addressType, ports]);
      const mirror = mirrors.get(key) ?? { addressType, ports, endpoints: [] };
      mirrors.set(key, mirror);
      if (mirror.endpoints.length >= PER_SLICE) continue;
      mirror.endpoints.push({
        addresses: [ip],
        conditions: { ready },
        ...(hostname && { hostname }),
        ...(nodeName && { nodeName }),
        ...(targetRef && { targetRef }),
      });
    }
  }
  return [...mirrors.values()];
}

export function mirroringController(runtime: Runtime): void {
  const serviceInformer = runtime.informer(services);
  const classic = runtime.informer(endpoints);
  const slices = runtime.informer(endpointSlices);

  function isMirrored({ metadata }: Endpoints): boolean {
    const service = serviceInformer.get(keyOf({ metadata }));
    return (
      metadata.labels?.[SKIP] !== 'true' &&
      metadata.annotations?.[LEADER] === undefined &&
      metadata.deletionTimestamp === undefined &&
      service !== undefined &&
      service.spec.selector === undefined
    );
  }

  const queue = runtime.queue({ name: 'endpointslice-mirroring' }, async (key) => {
    const source = classic.get(key);
    const [namespace, name = ''] = key.split('/');
    const left = new Set(
      slices
        .list(namespace)
        .filter(({ metadata: { labels } }) => labels?.[MANAGED_BY] === MANAGER && labels?.[SERVICE_NAME] === name),
    );
    if (source && isMirrored(source)) {
      const annotations = { ...source.metadata.annotations };
      for (const annotation of NOT_MIRRORED) delete annotations[annotation];
      const labels = { ...source.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER };
      for (const mirror of mirrorsOf(source)) {
        const known = [...left].find(
          ({ addressType, ports }) => addressType === mirror.addressType && sameJson(ports, mirror.ports),
        );
        if (known === undefined) {
          const ownerReferences = [controllerReference(endpoints, source)];
          const metadata = { generateName: `${name}-`, namespace, labels, annotations, ownerReferences };
          await runtime.create(endpointSlices, namespace, { metadata, ...mirror }).catch(tolerated);
          continue;
        }
        left.delete(known);
        const { metadata } = known;
        if (
          sameJson(known.endpoints, mirror.endpoints) &&
          sameJson(metadata.labels, labels) &&
          sameJson(metadata.annotations, annotations)
        )
          continue;
        await runtime
          .update(endpointSlices, {
            ...known,
            metadata: { ...metadata, labels, annotations },
            endpoints: mirror.endpoints,
          })
          .catch(tolerated);
      }
    }
    for (const slice of left) await runtime.delete(endpointSlices, slice).catch(tolerated);
  });
  classic.on(({ object }) => queue.add(keyOf(object)));
  serviceInformer.on(({ object }) => queue.add(keyOf(object)));
  // What somebody else removed or changed is put right.
  slices.on(({ type, object: { metadata } }) => {
    const { [MANAGED_BY]: manager, [SERVICE_NAME]: name } = metadata.labels ?? {};
    if (type !== 'added' && manager === MANAGER) queue.add(`${metadata.namespace}/${name}`);
  });
}
