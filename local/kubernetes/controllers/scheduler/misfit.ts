/** Why nodes do not fit, and the sentence that kube-scheduler makes of it. Pure. */

/** One reason against a node. */
export interface Misfit {
  reason: string;
  /** Whether taking other pods away could help. */
  helpable: boolean;
}

export const never = (reason: string): Misfit => ({ reason, helpable: false });
export const fullOf = (reason: string): Misfit => ({ reason, helpable: true });

const counted = (reasons: string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ');
};

/**
 * `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. no new claims to deallocate, preemption: …`, as 1.34 and later say it.
 * `against` has the reasons of each node; a text instead is what keeps the pod from all nodes.
 */
export function explain(total: number, against: readonly Misfit[][] | string): string {
  if (total === 0) return 'no nodes available to schedule pods';
  const why = typeof against === 'string' ? against : counted(against.flat().map(({ reason }) => reason));
  const preemption =
    typeof against === 'string'
      ? `${total} Preemption is not helpful for scheduling`
      : counted(
          against.map((reasons) =>
            reasons.every(({ helpable }) => helpable)
              ? 'No preemption victims found for incoming pod'
              : 'Preemption is not helpful for scheduling',
          ),
        );
  return `0/${total} nodes are available: ${why}. no new claims to deallocate, preemption: 0/${total} nodes are available: ${preemption}.`;
}
