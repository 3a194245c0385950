/** What of each node is room for dev pods, as the scheduler would have it (pure): what no dev pod can be put on is not counted as there. */
import type { Policy } from '#core/domain/seat/policy.ts';
import { BUILT_IN_PROFILES, type Profile } from '#core/domain/seat/profile.ts';
import { NOTHING, type NodeFacts, type RoomOn } from './cluster-info.ts';

type Taint = NonNullable<NodeFacts['taints']>[number];
type Toleration = Pick<Profile['tolerations'][number], 'key' | 'operator' | 'value' | 'effect'>;

/** Kubernetes gives it to every pod that requests anything, as dev pods do. */
const ADDED: readonly Toleration[] = [
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
];

const tolerates = ({ key, operator, value = '', effect }: Toleration, taint: Taint): boolean =>
  key === taint.key &&
  (effect === undefined || effect === taint.effect) &&
  (operator === 'Exists' || value === (taint.value ?? ''));

/** A new pod of this profile may be put on the node, if it is large enough. */
const admits = ({ ready, cordoned, taints = [], labels = {} }: NodeFacts, profile: Profile): boolean =>
  ready &&
  cordoned !== true &&
  taints.every((taint) => [...ADDED, ...profile.tolerations].some((toleration) => tolerates(toleration, taint))) &&
  Object.entries(profile.nodeSelector).every(([key, value]) => labels[key] === value);

/**
 * All that is on nodes for the profile `default`, which most dev pods have; on nodes for a profile with GPUs alone their GPUs, as CPU and memory
 * there help no other dev pod, and one sum cannot tell the two apart.
 */
export const roomFor = (profiles: Policy['profiles'] = BUILT_IN_PROFILES): RoomOn => {
  const valid = Object.entries(profiles).flatMap(([name, profile]) =>
    'invalid' in profile ? [] : [{ name, profile }],
  );
  const ordinary = valid.filter(({ name }) => name === 'default');
  const withGpus = valid.filter(({ profile }) => profile.gpuResource !== undefined);
  return (node, amount) => {
    if (node === undefined) return NOTHING;
    if (ordinary.some(({ profile }) => admits(node, profile))) return amount;
    return withGpus.some(({ profile }) => admits(node, profile)) ? { ...NOTHING, gpus: amount.gpus } : NOTHING;
  };
};
