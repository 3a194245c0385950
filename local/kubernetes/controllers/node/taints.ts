/** The taints that say of a node what its conditions say. Pure. */
import { conditionOf } from '../machinery/conditions.ts';
import type { Condition, Node, Taint } from '../machinery/types.ts';

const PREFIX = 'node.kubernetes.io/';
/** By condition and its status, as kube-controller-manager has them. */
const TAINTS: Record<string, Record<string, string>> = {
  Ready: { False: 'not-ready', Unknown: 'unreachable' },
  MemoryPressure: { True: 'memory-pressure' },
  DiskPressure: { True: 'disk-pressure' },
  NetworkUnavailable: { True: 'network-unavailable' },
  PIDPressure: { True: 'pid-pressure' },
};
const OURS = new Set([
  `${PREFIX}unschedulable`,
  ...Object.values(TAINTS).flatMap((byStatus) => Object.values(byStatus).map((name) => PREFIX + name)),
]);
/** These two also send away what runs already. */
const EXECUTING = [`${PREFIX}not-ready`, `${PREFIX}unreachable`];

const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;

/** All taints the node should have, those of others included; undefined where nothing differs. */
export function wantedTaints(node: Node, now = new Date()): Taint[] | undefined {
  const conditions = node.status?.conditions as Condition[] | undefined;
  const keys = Object.entries(TAINTS).flatMap(([type, byStatus]) => {
    const name = byStatus[conditionOf(conditions, type)?.status ?? ''];
    return name === undefined ? [] : [PREFIX + name];
  });
  // A node that has not spoken yet keeps the taint it was made with.
  const silent = conditionOf(conditions, 'Ready') === undefined;
  if (node.spec?.unschedulable) keys.push(`${PREFIX}unschedulable`);
  const timeAdded = `${now.toISOString().slice(0, 19)}Z`;
  const wanted: Taint[] = [
    ...keys.map((key) => ({ key, effect: 'NoSchedule', timeAdded })),
    ...keys.filter((key) => EXECUTING.includes(key)).map((key) => ({ key, effect: 'NoExecute', timeAdded })),
  ];
  const before = node.spec?.taints ?? [];
  const isOurs = (taint: Taint) =>
    OURS.has(taint.key) && (taint.effect === 'NoSchedule' || EXECUTING.includes(taint.key));
  const kept = before.filter(
    (taint) => !isOurs(taint) || (silent && EXECUTING.includes(taint.key)) || wanted.some((one) => same(one, taint)),
  );
  const added = wanted.filter((taint) => !before.some((one) => same(one, taint)));
  return kept.length === before.length && added.length === 0 ? undefined : [...kept, ...added];
}
