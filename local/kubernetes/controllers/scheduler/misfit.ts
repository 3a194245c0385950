/** Why nodes do not fit, and the sentence that kube-scheduler makes of it. Pure. */

/** One reason against a node. */
export interface Misfit {
  reason: string;
  /** Whether taking other pods away could help. */
  helpable: boolean;
}

export const never = (reason: string): Misfit => ({ reason, helpable: false });
export const fullOf = (reason: string): Misfit => ({ reason, helpable: true });

/** What is against one node. */
export interface Against {
  reasons: readonly Misfit[];
  /** Whether pods of a lower priority run on it. */
  victims: boolean;
}

const counted = (reasons: string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
};

/** Nothing is ever preempted here: where it might help, that is said; where there is nobody to preempt, upstream's words are true. */
const preemptionOf = ({ reasons, victims }: Against): string => {
  if (!reasons.every(({ helpable }) => helpable)) return 'Preemption is not helpful for scheduling';
  return victims ? 'Preemption is not supported' : 'No preemption victims found for incoming pod';
};

/**
 * `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. no new claims to deallocate, preemption: …`, as 1.34 and later say it.
 * `against` has what is against each node; a text instead is what keeps the pod from all nodes. `policy`: the pod's preemptionPolicy.
 */
export function explain(total: number, against: readonly Against[] | string, policy?: string): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const why =
    typeof against === 'string'
      ? against
      : counted(against.flatMap(({ reasons }) => reasons.map(({ reason }) => reason)));
  const preemption =
    typeof against === 'string'
      ? `${total} Preemption is not helpful for scheduling`
      : counted(against.map(preemptionOf));
  const result =
    policy === 'Never' ? 'not eligible due to preemptionPolicy=Never' : `0/${total} nodes are available: ${preemption}`;
  return `0/${total} nodes are available: ${why}. no new claims to deallocate, preemption: ${result}.`;
}
