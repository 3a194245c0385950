/** What a PATCH makes of a seat's spec: known volumes that only grow, everything else as given. */
import { AppError } from '../contract/errors.ts';
import { quantity } from '../contract/quantity.ts';
import type { SeatSpec } from '../contract/seat.ts';
import type { SpecChange } from './workspace-command.ts';
import type { WorkspaceState } from './workspace-state.ts';

/** The volumes with these sizes. Throws `workspace.volume_unknown` and `workspace.volume_shrinks`. */
export const sized = (
  volumes: SeatSpec['volumes'],
  sizes: Readonly<Record<string, string>>,
  { mayShrink }: { readonly mayShrink: boolean },
): SeatSpec['volumes'] => {
  const names = volumes.map(({ name }) => name);
  const unknown = Object.keys(sizes).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new AppError('workspace.volume_unknown', {
      detail: `it has no volume ${unknown.map((name) => `"${name}"`).join(', ')}`,
      allowed: names,
    });
  return volumes.map((volume) => {
    const size = Object.hasOwn(sizes, volume.name) ? (sizes[volume.name] as string) : volume.size;
    if (!mayShrink && quantity(size) < quantity(volume.size))
      throw new AppError('workspace.volume_shrinks', {
        detail: `"${volume.name}" has ${volume.size}; asked for ${size}`,
        errors: [{ path: `volumes.${volume.name}`, message: `at least ${volume.size}` }],
      });
    return { ...volume, size };
  });
};

/** The changed spec, or the very same when nothing differs. */
export const changed = (spec: SeatSpec, change: SpecChange): SeatSpec => {
  const { volumes, secrets, ...rest } = change;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const next: SeatSpec = {
    ...spec,
    ...given,
    ...(volumes === undefined ? {} : { volumes: sized(spec.volumes, volumes, { mayShrink: false }) }),
    ...(secrets === undefined ? {} : { secrets: secrets.map((each) => ({ ...each })) }),
  };
  return same(spec, next) ? spec : next;
};

/** Another spec is wanted: the next revision. */
export const respecified = (workspace: WorkspaceState, spec: SeatSpec): Pick<WorkspaceState, 'spec' | 'revision'> => {
  const revision = workspace.revision + 1;
  return { revision, spec: { ...spec, revision } };
};

/** Equal as JSON, whatever the order of keys. */
export const same = (one: unknown, other: unknown): boolean => canonical(one) === canonical(other);

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    each !== null && typeof each === 'object' && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
