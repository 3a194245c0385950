/** How a program for Node becomes one file, whichever program it is. */
import type { BuildOptions } from 'esbuild';

/** CommonJS packages inside an ES module, and Node's own modules (builtins.ts), are asked for by `require`. */
const REQUIRE = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`;

export const oneFile = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // ES modules of packages that have both: only they can be shaken.
  mainFields: ['module', 'main'],
  banner: { js: REQUIRE },
  logLevel: 'silent',
} satisfies BuildOptions;
