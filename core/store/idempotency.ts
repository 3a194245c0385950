/** Idempotency markers: same key and body, same answer; another body is refused (DESIGN §7). Written in the transaction of what they mark. */
import { AppError } from '../contract/errors.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import { fromItem } from './items.ts';
import { keys, sha256 } from './keys.ts';
import type { Step, Table } from './table.ts';

/** Seconds a marker counts; an answer that shows a secret is kept sealed for 10 minutes, the marker for 24 h. */
const KEEP_SECONDS = 86_400;
export const SECRET_SECONDS = 600;

/** What a marker holds: the answer as text, or sealed text for answers that show a secret. */
export interface Marker {
  readonly bodyHash: string;
  readonly status: number;
  /** The body as JSON text; sealed when the route shows a secret. */
  readonly reply: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Thrown by the transaction when the same request was answered meanwhile. */
export class Replayed extends AppError {
  readonly marker: Marker;
  constructor(marker: Marker) {
    super('conflict', { detail: 'the same request was answered meanwhile' });
    this.marker = marker;
  }
}

export const hashBody = (body: unknown): string => sha256(JSON.stringify(body ?? null));

export const idempotencyIn = (table: Table) => ({
  find: async (principal: string, route: string, key: string, now: string): Promise<Marker | null> => {
    const item = await table.get(keys.idempotency(principal, route, key));
    if (item === null) return null;
    const marker = fromItem<Marker>(item);
    return marker.expiresAt > now ? marker : null;
  },

  /** The marker's write, for the same transaction. A live marker in the way means that the request was answered meanwhile. */
  step: (of: { principal: string; route: string; key: string }, marker: Omit<Marker, 'expiresAt'>): Step => {
    const expiresAt = plus(marker.createdAt, KEEP_SECONDS);
    return {
      item: {
        Put: {
          TableName: table.name,
          Item: {
            ...keys.idempotency(of.principal, of.route, of.key),
            entity: 'Idempotency',
            ...marker,
            expiresAt,
            ttl: epochSeconds(expiresAt),
          },
          ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now',
          ExpressionAttributeValues: { ':now': marker.createdAt },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
      onFailed: (standing) =>
        standing === undefined ? new AppError('conflict') : new Replayed(fromItem<Marker>(standing)),
    };
  },
});
