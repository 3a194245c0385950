/** Kubernetes-style conditions: set one, keeping the time of its last transition. */
import type { Condition } from '../contract/names.ts';

type Setting = Omit<Condition, 'lastTransitionTime'>;

/** The list with `setting` in it; the transition time moves only when the status does. */
export const withCondition = (conditions: readonly Condition[], setting: Setting, now: string): Condition[] => {
  const old = conditions.find((each) => each.type === setting.type);
  const next = {
    ...setting,
    lastTransitionTime: old !== undefined && old.status === setting.status ? old.lastTransitionTime : now,
  };
  return old === undefined ? [...conditions, next] : conditions.map((each) => (each === old ? next : each));
};

export const conditionOf = (conditions: readonly Condition[], type: string): Condition | undefined =>
  conditions.find((each) => each.type === type);

export const isTrue = (conditions: readonly Condition[], type: string): boolean =>
  conditionOf(conditions, type)?.status === 'True';
