/** Builders of Kubernetes objects for tests: the least that makes sense, overridden by what the test is about. */
import type {
  Deployment,
  Node,
  NodePool,
  Pod,
  PodSpec,
  ReplicaSet,
} from '#local/kubernetes/controllers/machinery/types.ts';

let count = 0;
export const meta = (name: string, more: object = {}) => {
  count += 1;
  return {
    name,
    namespace: 'default',
    uid: `uid-${count}`,
    resourceVersion: String(count),
    // One after the other, and all before any time that a test names.
    creationTimestamp: new Date(count).toISOString(),
    ...more,
  };
};

export const pod = (spec: Partial<PodSpec> = {}, more: Partial<Pod> = {}): Pod => ({
  metadata: meta('web'),
  spec: { containers: [{ name: 'main', image: 'web:1' }], ...spec },
  ...more,
});

export const requesting = (cpu: string, memory = '64Mi'): Pod =>
  pod({ containers: [{ name: 'main', image: 'web:1', resources: { requests: { cpu, memory } } }] });

export const node = (
  name: string,
  more: { labels?: Record<string, string>; spec?: Node['spec']; cpu?: string } = {},
): Node => ({
  metadata: meta(name, { namespace: undefined, labels: { 'kubernetes.io/hostname': name, ...more.labels } }),
  spec: more.spec ?? {},
  status: { allocatable: { cpu: more.cpu ?? '2', memory: '8Gi', pods: '10' } },
});

export const nodePool = (spec: Partial<NodePool['spec']> = {}): NodePool => ({
  metadata: meta('workers', { namespace: undefined }),
  spec: { template: { spec: {} }, ...spec },
});

const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'main', image }] },
});

export const deployment = (spec: Partial<Deployment['spec']> = {}, image = 'web:2'): Deployment => ({
  metadata: meta('web', { generation: 1 }),
  spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: template(image), ...spec },
});

export const replicaSet = (replicas: number, available: number, image = 'web:1'): ReplicaSet => ({
  metadata: meta(image.replace(':', '')),
  spec: { replicas, selector: {}, template: template(image) },
  status: { replicas, availableReplicas: available, readyReplicas: available },
});
