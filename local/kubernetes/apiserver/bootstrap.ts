/** What every cluster has from its first moment: namespaces, default roles, the service of the API itself. */
import { readFileSync } from 'node:fs';
import { repairApiService } from './api-service.ts';
import { aggregateRoles } from './auth/aggregation.ts';
import type { Context } from './call.ts';
import { ensure } from './ensure.ts';
import { timestamp } from './json.ts';
import { SERVICE_RANGE } from './kinds/service-addresses.ts';

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
  repairApiService(context, port);
}
