/** The kinds of `metrics.k8s.io/v1beta1`: what metrics-server adds to a cluster. Nothing of them is stored. */
import type { Json, Obj } from '../json.ts';
import { column, NAME } from '../kinds/columns.ts';
import type { Kind } from '../kinds/kind.ts';
import type { StructType } from '../schema/type.ts';

export const METRICS_GROUP = 'metrics.k8s.io';

export interface Usage {
  cpu: string;
  memory: string;
}

/** Read-only kinds need no form to decode. */
const NO_FIELDS: StructType = { kind: 'struct', name: '', fields: new Map(), atomic: false, open: true };

const metricsKind = (kind: string, resource: string, namespaced: boolean, usage: (object: Json) => Usage): Kind => ({
  group: METRICS_GROUP,
  version: 'v1beta1',
  kind,
  resource,
  singular: '',
  namespaced,
  definition: `io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}`,
  type: NO_FIELDS,
  custom: false,
  storage: `${METRICS_GROUP}/${resource}`,
  verbs: ['get', 'list'],
  columns: [
    NAME,
    column('cpu', (object: Obj) => usage(object).cpu),
    column('memory', (object: Obj) => usage(object).memory),
    column('window', (object: Json) => object.window),
  ],
  nameRule: 'subdomain',
  status: false,
});

const number = (quantity: string): number => Number.parseInt(quantity, 10);
/** The containers of a pod, together. */
const sum = (containers: { usage: Usage }[]): Usage => ({
  cpu: `${containers.reduce((total, { usage }) => total + number(usage.cpu), 0)}n`,
  memory: `${containers.reduce((total, { usage }) => total + number(usage.memory), 0)}Ki`,
});

export const METRICS: Kind[] = [
  metricsKind('NodeMetrics', 'nodes', false, (object) => object.usage),
  metricsKind('PodMetrics', 'pods', true, (object) => sum(object.containers)),
];
