/** The Priority and DefaultTolerationSeconds admissions: what a new pod gets from its priority class, and how long it stays on a lost node. */
import type { KindCall } from '../call.ts';
import { forbidden } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { subjectOf } from '../kinds/kind.ts';
import { keyOf } from '../storage/store.ts';
import type { Attributes } from './attributes.ts';

const SYSTEM: Record<string, number> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};
const CLASSES = 'scheduling.k8s.io/priorityclasses';
const LOST = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** There is at most one class for all that name none. */
export function checkPriorityClass({ call, kind, operation, object }: Attributes): void {
  if (kind.storage !== CLASSES || operation === 'DELETE' || !object?.globalDefault) return;
  const { name } = object.metadata;
  const other = call.context.store
    .list(CLASSES)
    .find(({ object: one }) => one.globalDefault && one.metadata.name !== name)?.object;
  if (other)
    throw forbidden(
      subjectOf(kind),
      name,
      `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
    );
}

export function priority(call: KindCall, pod: Obj, named: string): void {
  const spec = pod.spec as Json;
  const { store } = call.context;
  let value = 0;
  let policy = 'PreemptLowerPriority';
  const name: string | undefined = spec.priorityClassName;
  if (name) {
    const found = store.get(CLASSES, keyOf(undefined, name))?.object;
    if (!found && SYSTEM[name] === undefined)
      throw forbidden({ group: '', resource: 'pods' }, named, `no PriorityClass with name ${name} was found`);
    value = found?.value ?? SYSTEM[name] ?? 0;
    policy = found?.preemptionPolicy ?? policy;
  } else {
    const standard = store.list(CLASSES).find(({ object }) => object.globalDefault)?.object;
    if (standard) {
      spec.priorityClassName = standard.metadata.name;
      value = standard.value;
      policy = standard.preemptionPolicy ?? policy;
    }
  }
  const said = (what: string, given: Json, computed: Json) =>
    forbidden(
      { group: '', resource: 'pods' },
      named,
      `the ${what} (${given}) must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`,
    );
  if (spec.priority !== undefined && spec.priority !== value)
    throw said('integer value of priority', spec.priority, value);
  spec.priority = value;
  if (spec.preemptionPolicy && spec.preemptionPolicy !== policy)
    throw said('string value of PreemptionPolicy', spec.preemptionPolicy, policy);
  spec.preemptionPolicy = policy;
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
