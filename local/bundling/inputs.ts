/** What a build was made from, to see without building whether it would be the same again. */
import { statSync } from 'node:fs';
import { join } from 'node:path';

/** Sources by their path from the root: time of change and size. */
export type Inputs = Readonly<Record<string, string>>;

const stateOf = (path: string): string => {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
};

/** The files of a build as they are now; what plugins made up is no file. */
export const inputsOf = (root: string, paths: readonly string[]): Inputs =>
  Object.fromEntries(paths.filter((path) => !path.includes(':')).map((path) => [path, stateOf(join(root, path))]));

/** Whether all of them are as they were. Throws when one is gone. */
export const areUnchanged = (root: string, inputs: Inputs): boolean =>
  Object.entries(inputs).every(([path, before]) => stateOf(join(root, path)) === before);

/** The time of the latest change, milliseconds. */
export const latestChange = (inputs: Inputs): number => Math.max(...Object.values(inputs).map(Number.parseFloat));
