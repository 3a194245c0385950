/** Bundles and template are made once, before any file of the project needs them: two that made them at the same time would read each other's halves. */
import { join } from 'node:path';
import { synthesize } from '../../../scripts/local/synthesize.ts';

export const setup = async (): Promise<void> => {
  await synthesize(join(import.meta.dirname, '../../..'));
};
