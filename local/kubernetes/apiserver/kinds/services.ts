/** Services: their defaults, addresses and ports. */
import { invalidField } from '../errors.ts';
import { at, isMap, type Json, type Obj } from '../json.ts';
import { AGE, column, mapText, NAME, wide } from './columns.ts';
import { define } from './define.ts';
import { allocate, keepAllocated } from './service-addresses.ts';
import { isReached, serviceFaults } from './service-validation.ts';

const externalIp = (service: Obj): string => {
  const ingress: Json[] = at(service, 'status.loadBalancer.ingress') ?? [];
  const found = ingress.map(({ ip, hostname }) => ip ?? hostname);
  const given: string[] = at(service, 'spec.externalIPs') ?? [];
  switch (at(service, 'spec.type')) {
    case 'LoadBalancer':
      return [...found, ...given].join(',') || '<pending>';
    case 'ExternalName':
      return at(service, 'spec.externalName') ?? '<none>';
    default:
      return given.join(',') || '<none>';
  }
};

export const services = define('', 'v1', 'io.k8s.api.core.v1', 'Service', 'services', {
  shortNames: ['svc'],
  categories: ['all'],
  status: true,
  nameRule: 'service',
  deleteAnswersObject: true,
  columns: [
    NAME,
    column('Type', (service) => at(service, 'spec.type') ?? ''),
    column('Cluster-IP', (service) => at(service, 'spec.clusterIP') || '<none>'),
    column('External-IP', externalIp),
    column(
      'Port(s)',
      (service) =>
        (at(service, 'spec.ports') ?? [])
          .map(({ port, nodePort, protocol }: Json) =>
            nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
          )
          .join(',') || '<none>',
    ),
    AGE,
    wide('Selector', (service) => mapText(at(service, 'spec.selector'))),
  ],
  fields: {
    'spec.clusterIP': (service) => at(service, 'spec.clusterIP') ?? '',
    'spec.type': (service) => at(service, 'spec.type') ?? '',
  },
  defaults(service) {
    const { spec } = service;
    if (!isMap(spec)) return;
    spec.type ||= 'ClusterIP';
    spec.sessionAffinity ||= 'None';
    if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined)
      spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 10_800 } };
    if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
    for (const port of spec.ports ?? []) {
      port.protocol ||= 'TCP';
      if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
    }
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (isReached(spec)) spec.externalTrafficPolicy ||= 'Cluster';
    if (spec.type !== 'LoadBalancer') return;
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  },
  prepareCreate(service, around) {
    service.status = { loadBalancer: {} };
    allocate(service, around);
  },
  prepareUpdate(next, old, around) {
    next.status = old.status;
    keepAllocated(next, old);
    const [spec, before] = [next.spec, old.spec];
    const drop = (field: string): void => {
      if (spec[field] === before[field]) delete spec[field];
    };
    if (isReached(before) && !isReached(spec)) drop('externalTrafficPolicy');
    if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
      for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) drop(field);
    allocate(next, around);
  },
  validate: serviceFaults,
  validateUpdate(next, old) {
    const [now, before] = [at(next, 'spec.clusterIP'), at(old, 'spec.clusterIP')];
    if (before && now !== before && at(next, 'spec.type') !== 'ExternalName') {
      return [invalidField('spec.clusterIPs[0]', now, 'may not change once set')];
    }
    return [];
  },
});
