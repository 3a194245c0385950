/** The Priority and DefaultTolerationSeconds admissions: what a new pod gets from its priority class, and how long it stays on a lost node. */
import type { KindCall } from '../call.ts';
import { forbidden } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { keyOf } from '../storage/store.ts';

const SYSTEM: Record<string, number> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};
const LOST = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export function priority(call: KindCall, pod: Obj): void {
  const spec = pod.spec as Json;
  const { store } = call.context;
  const storage = 'scheduling.k8s.io/priorityclasses';
  let value = 0;
  let policy = 'PreemptLowerPriority';
  const name: string | undefined = spec.priorityClassName;
  if (name) {
    const found = store.get(storage, keyOf(undefined, name))?.object;
    if (!found && SYSTEM[name] === undefined)
      throw forbidden(
        { group: '', resource: 'pods' },
        pod.metadata.name,
        `no PriorityClass with name ${name} was found`,
      );
    value = found?.value ?? SYSTEM[name] ?? 0;
    policy = found?.preemptionPolicy ?? policy;
  } else {
    const standard = store.list(storage).find(({ object }) => object.globalDefault)?.object;
    if (standard) {
      spec.priorityClassName = standard.metadata.name;
      value = standard.value;
      policy = standard.preemptionPolicy ?? policy;
    }
  }
  spec.priority = value;
  spec.preemptionPolicy ??= policy;
  const tolerations: Json[] = spec.tolerations ?? [];
  for (const key of LOST) {
    const tolerated = tolerations.some(
      (one) =>
        (one.key === key || (!one.key && one.operator === 'Exists')) && (!one.effect || one.effect === 'NoExecute'),
    );
    if (!tolerated) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  if (tolerations.length) spec.tolerations = tolerations;
}
