/** Conditions: the time of a transition moves only when the status does. */
import type { Condition } from './types.ts';

/** Times are written to the second, as the API keeps them. */
export const timestamp = (now = new Date()): string => `${now.toISOString().slice(0, 19)}Z`;

/**
 * The conditions with `next` in the place of the one of its type. `updates` also keeps `lastUpdateTime` (Deployments have it); one that `next`
 * brings itself counts as news.
 */
export function withCondition(conditions: Condition[] | undefined, next: Condition, updates = false): Condition[] {
  const old = conditions?.find((condition) => condition.type === next.type);
  const same = old?.status === next.status && old.reason === next.reason && old.message === next.message;
  const touched = next.lastUpdateTime !== undefined && next.lastUpdateTime !== old?.lastUpdateTime;
  if (old && same && !touched) return conditions ?? [];
  const at = timestamp();
  const lastTransitionTime = old?.status === next.status ? old.lastTransitionTime : at;
  const entry = { ...next, lastTransitionTime, ...(updates && { lastUpdateTime: next.lastUpdateTime ?? at }) };
  return old
    ? (conditions ?? []).map((condition) => (condition === old ? entry : condition))
    : [...(conditions ?? []), entry];
}

export const conditionOf = (conditions: Condition[] | undefined, type: string): Condition | undefined =>
  conditions?.find((condition) => condition.type === type);
