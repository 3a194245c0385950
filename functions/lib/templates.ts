/** Finds a template: one built in, or one of the team. */
import type { Template } from '#core/contract/template.ts';
import { toTemplate } from '#core/domain/template-state.ts';
import { BUILTIN } from '#core/domain/templates.ts';
import type { Store } from '#core/store/store.ts';

/** The newest one of this name, or the version that is named; null when there is none, or it was taken off the list. */
export const findTemplate = async (
  store: Store,
  team: string,
  { name, version }: { readonly name: string; readonly version?: string | undefined },
): Promise<Template | null> => {
  const builtin = BUILTIN.get(name);
  if (builtin !== undefined) return version === undefined || version === builtin.version ? builtin : null;
  const newest = await store.templates.get(team, name);
  if (newest === null || newest.deletedAt !== undefined) return null;
  const own =
    version === undefined || version === newest.release ? newest : await store.templates.get(team, name, version);
  return own === null ? null : toTemplate(own);
};
