/** What every cluster has from its first moment: namespaces, default roles, the service of the API itself. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { aggregateRoles } from './auth/aggregation.ts';
import type { Context } from './call.ts';
import { type Json, type Obj, same, timestamp } from './json.ts';
import type { Kind } from './kinds/kind.ts';
import { SERVICE_RANGE } from './kinds/services.ts';
import { decode } from './schema/decode.ts';
import { keyOf } from './storage/store.ts';
import { tidy } from './verbs/stored.ts';

/** Puts an object in its place if there is none. */
function ensure({ store, registry, around }: Context, apiVersion: string, name: string, content: Json): void {
  const kind = registry.byKind(apiVersion, name) as Kind;
  const { namespace, name: own } = content.metadata;
  if (store.get(kind.storage, keyOf(namespace, own))) return;
  const object = { kind: name, apiVersion, ...decode(kind.type, content).value } as Obj;
  kind.defaults?.(object);
  kind.prepareCreate?.(object, around);
  object.metadata.uid = randomUUID();
  object.metadata.creationTimestamp = timestamp();
  if (kind.generation) object.metadata.generation = 1;
  store.put(kind.storage, tidy(object));
}

const PRIORITIES = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };

export function bootstrap(context: Context, port: number): void {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
    ensure(context, 'v1', 'Namespace', { metadata: { name } });
  for (const line of readFileSync(new URL('auth/default-roles.jsonl', import.meta.url), 'utf8').split('\n')) {
    if (line === '') continue;
    const { apiVersion, kind, ...content } = JSON.parse(line);
    ensure(context, apiVersion, kind, content);
  }
  aggregateRoles(context.store);
  for (const [name, value] of Object.entries(PRIORITIES)) {
    const description = `Used for system critical pods that must ${name === 'system-node-critical' ? 'not be moved from their current node' : 'run in the cluster, but can be moved to another node if necessary'}.`;
    ensure(context, 'scheduling.k8s.io/v1', 'PriorityClass', { metadata: { name }, value, description });
  }
  ensure(context, 'v1', 'Service', {
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: '10.96.0.1',
      type: 'ClusterIP',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  });
  ensure(context, 'networking.k8s.io/v1', 'ServiceCIDR', {
    metadata: { name: 'kubernetes', finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
    spec: { cidrs: [SERVICE_RANGE] },
    status: {
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          lastTransitionTime: timestamp(),
          reason: '',
          message: 'Kubernetes default Service CIDR is ready',
        },
      ],
    },
  });
  endpointsOfApi(context, port);
}

/** The port may be another one after a restart. */
function endpointsOfApi(context: Context, port: number): void {
  ensure(context, 'v1', 'Endpoints', {
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' },
    },
    subsets: [],
  });
  const stored = context.store.get('endpoints', keyOf('default', 'kubernetes'));
  const subsets = [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  if (stored && !same(stored.object.subsets, subsets))
    context.store.put('endpoints', { ...stored.object, metadata: { ...stored.object.metadata }, subsets });
}
