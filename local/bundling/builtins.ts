/**
 * Node's own modules by `require`: an ES import of one reads all that it exports, and some of that is made when it is read. `node:http` alone
 * brings a whole HTTP client and its WebSocket that way: tens of milliseconds of each cold start, and megabytes of each process.
 */
import { isBuiltin } from 'node:module';
import type { Plugin } from 'esbuild';

const BUILTIN = 'builtin';

export const builtinsByRequire: Plugin = {
  name: 'builtins-by-require',
  setup(build) {
    build.onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z_]+)*$/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      return kind === 'require-call' ? { path, external: true } : { path, namespace: BUILTIN };
    });
    build.onLoad({ filter: /.*/, namespace: BUILTIN }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};
