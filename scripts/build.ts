/** `npm run build`: bundles every function and the agent into `dist/`, prints their sizes; does nothing when nothing changed. */
import { join } from 'node:path';
import { DOCS_FILES } from '#functions/http/apps/docs.ts';
import { environments } from '#functions/lib/env.ts';
import { bundle } from './build/bundle.ts';

const root = join(import.meta.dirname, '..');

try {
  const { bundles, fresh } = await bundle({
    root,
    functions: Object.keys(environments),
    agent: 'agent/main.ts',
    files: Object.fromEntries(
      Object.keys(DOCS_FILES).map((name) => [
        `functions/http/system/docs/${name}`,
        `node_modules/swagger-ui-dist/${name}`,
      ]),
    ),
  });
  if (fresh) {
    for (const { path, bytes, limit } of bundles)
      console.error(`${String(Math.ceil(bytes / 1024)).padStart(6)} KB of ${limit / 1024}  ${path}`);
  }
} catch (error) {
  console.error(`build: ${(error as Error).message}`);
  process.exitCode = 1;
}
