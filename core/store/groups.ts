/** Reads of groups: by id or name, a team's, page by page. */
import { GroupId } from '../contract/names.ts';
import type { GroupState } from '../domain/group-state.ts';
import { asEntity } from './items.ts';
import { keys, lists } from './keys.ts';
import { onePage } from './pages.ts';
import type { Table } from './table.ts';

export const groupsIn = (table: Table) => {
  const group = async (id: string): Promise<GroupState | null> => {
    const item = await table.get(keys.group(id));
    return asEntity<GroupState>(item);
  };
  return {
    group,

    /** By id, or by name within a team. Deleted ones are found by id only. */
    find: async (team: string, ref: string): Promise<GroupState | null> => {
      if (GroupId.safeParse(ref).success) return group(ref);
      const pointer = await table.get(keys.name('group', team, ref));
      return pointer === null ? null : group(String(pointer.id));
    },

    /** One page of a team's groups, newest first. */
    page: (of: {
      team: string;
      limit: number;
      cursor: string | undefined;
    }): Promise<{ items: GroupState[]; nextCursor: string | undefined }> =>
      onePage(
        table,
        { index: 'gsi1', pk: lists.groupsOf(of.team) },
        { ...of, keyOf: (id) => (GroupId.safeParse(id).success ? keys.group(id) : null) },
      ),
  };
};
