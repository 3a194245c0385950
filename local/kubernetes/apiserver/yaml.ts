/** YAML, loaded with the first request that speaks it: no start of a cluster waits for a library of which few ask. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const yamlLibrary = (): typeof import('yaml') => require('yaml');
