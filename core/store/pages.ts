/** Lists by an index: pages with cursors that clients hand back, and everything at once for machines. */
import { AppError } from '../contract/errors.ts';
import { fromItem, type Item } from './items.ts';
import type { Key } from './keys.ts';
import type { Table } from './table.ts';

/** Which partition of an index is listed. */
export interface Listing {
  readonly index: 'gsi1' | 'gsi2' | 'gsi3';
  readonly pk: string;
}

/** Everything in the list, oldest first. */
export const everything = async <E>(table: Table, { index, pk }: Listing): Promise<E[]> => {
  const found: E[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const { items, next } = await table.query({ index, pk, from });
    found.push(...items.map((item) => fromItem<E>(item)));
    from = next;
  } while (from !== undefined);
  return found;
};

/** One page, newest first. The cursor is the sort key of the last row, opaque to clients; filters run over the page. */
export const onePage = async <E>(
  table: Table,
  { index, pk }: Listing,
  of: {
    readonly limit: number;
    readonly cursor: string | undefined;
    readonly matches?: (entity: E) => boolean;
    /** The item's own key by the sort key of its list; null when the cursor cannot be one. */
    readonly keyOf: (sortKey: string) => Key | null;
    /** Names are listed from a to z. */
    readonly oldestFirst?: boolean;
  },
): Promise<{ items: E[]; nextCursor: string | undefined }> => {
  const items: E[] = [];
  let from = startOf(index, pk, of);
  for (;;) {
    const page = await table.query({
      index,
      pk,
      newestFirst: of.oldestFirst !== true,
      limit: of.limit - items.length,
      from,
    });
    items.push(...page.items.map((item: Item) => fromItem<E>(item)).filter(of.matches ?? (() => true)));
    from = page.next;
    if (from === undefined || items.length >= of.limit) break;
  }
  return {
    items,
    nextCursor: from === undefined ? undefined : Buffer.from(String(from[`${index}sk`])).toString('base64url'),
  };
};

const startOf = (
  index: Listing['index'],
  pk: string,
  { cursor, keyOf }: { readonly cursor: string | undefined; readonly keyOf: (sortKey: string) => Key | null },
): Record<string, unknown> | undefined => {
  if (cursor === undefined) return undefined;
  const sortKey = Buffer.from(cursor, 'base64url').toString('utf8');
  const key = keyOf(sortKey);
  if (key === null) throw new AppError('request.cursor_invalid');
  return { ...key, [`${index}pk`]: pk, [`${index}sk`]: sortKey };
};
