/** A decision becomes one transaction: its writes under their versions, its claims, its audit lines, and the idempotency marker (DESIGN §2). */
import type { Decision, Write } from '../domain/decision.ts';
import { claimSteps } from './claims.ts';
import { auditItem, toItem } from './items.ts';
import { Stale } from './stale.ts';
import type { Step, Table } from './table.ts';

/** Who commits catches this. */
export { Stale };

export interface CommitContext {
  readonly now: string;
  readonly newId: (prefix: string) => string;
}

const writeStep = (table: string, { before, next }: Write): Step => ({
  item: {
    Put: {
      TableName: table,
      Item: toItem(next),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ...(before === null
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':version': before.version },
          }),
    },
  },
  onFailed: () => new Stale(`${next.entity} ${next.id}`),
});

/** Commits a decision. Throws Stale, or the code of the claim that failed, or `retry`; then nothing was written. */
export const commitDecision = async (
  table: Table,
  decision: Decision,
  { now, newId }: CommitContext,
  also: readonly Step[] = [],
): Promise<void> => {
  if ([decision.writes, decision.claims, decision.audit, also].every((part) => part.length === 0)) return;
  await table.transact([
    ...also,
    ...decision.claims.flatMap((claim) => claimSteps(claim, table.name)),
    ...decision.writes.map((write) => writeStep(table.name, write)),
    ...decision.audit.map(
      (entry): Step => ({
        item: { Put: { TableName: table.name, Item: auditItem(entry, now, newId('aud')) } },
        onFailed: () => new Stale('the audit log'),
      }),
    ),
  ]);
};

/** Loads, decides and commits until nobody was faster, at most `tries` times. */
export const untilFresh = async <T>(attempt: () => Promise<T>, tries = 8): Promise<T> => {
  for (let n = 1; ; n += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Stale) || n === tries) throw error;
    }
  }
};
