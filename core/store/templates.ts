/** Reads of a team's templates: the newest of each, or one release. */
import { ShortName } from '../contract/names.ts';
import type { TemplateState } from '../domain/template-state.ts';
import { asEntity } from './items.ts';
import { keys, lists } from './keys.ts';
import { onePage } from './pages.ts';
import type { Table } from './table.ts';

export const templatesIn = (table: Table) => ({
  /** The newest one, also when it was taken off the list; or a release of it, which never changes. */
  get: async (team: string, name: string, release?: string): Promise<TemplateState | null> => {
    const item = await table.get(keys.template(team, name, release));
    return asEntity<TemplateState>(item);
  },

  /** One page of those on the list, by name. */
  page: (of: {
    team: string;
    limit: number;
    cursor: string | undefined;
  }): Promise<{ items: TemplateState[]; nextCursor: string | undefined }> =>
    onePage(
      table,
      { index: 'gsi1', pk: lists.templatesOf(of.team) },
      {
        ...of,
        oldestFirst: true,
        keyOf: (name) => (ShortName.safeParse(name).success ? keys.template(of.team, name) : null),
      },
    ),
});
