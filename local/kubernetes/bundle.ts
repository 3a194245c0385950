/**
 * Programs as one file each: Node finds, reads and links the three hundred modules of a cluster in 150 ms of every start, one file in 30.
 * Made anew when a source has changed.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, BuildOptions, Plugin } from 'esbuild';
import { builtinsByRequire } from '#local/bundling/builtins.ts';
import { areUnchanged, type Inputs, inputsOf, latestChange } from '#local/bundling/inputs.ts';
import { oneFile } from '#local/bundling/options.ts';

export interface Programs {
  /** Absolute folder of the sources. */
  root: string;
  /** Entry points from there, of different names; each may start the others by `new URL('./name.ts', import.meta.url)`. */
  sources: readonly string[];
  /** Absolute folder of the results. */
  dir: string;
}

const resultOf = (source: string): string => `${basename(source, '.ts')}.mjs`;

/** Files that a module names beside itself stay where they are; another program is the one file that it became. */
const filesBeside = (sources: readonly string[]): Plugin => ({
  name: 'files-beside',
  setup(build) {
    const programs = new Set(sources.map((source) => basename(source)));
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8')).replaceAll(/new URL\('([^']+)', import\.meta\.url\)/g, (_, named) =>
        programs.has(basename(named))
          ? `new URL('./${resultOf(named)}', import.meta.url)`
          : `new URL('${new URL(named, pathToFileURL(path)).href}')`,
      ),
    }));
  },
});

const recipeOf = ({ root, sources, dir }: Programs) =>
  ({
    ...oneFile,
    absWorkingDir: root,
    entryPoints: [...sources],
    entryNames: '[name]',
    outdir: dir,
    // It finds its binary beside itself.
    external: ['@lydell/node-pty'],
  }) satisfies BuildOptions;

interface Made {
  recipe: string;
  inputs: Inputs;
}

const recordOf = ({ dir }: Programs): string => join(dir, 'made.json');

function upToDate(programs: Programs): boolean {
  try {
    const { recipe, inputs } = JSON.parse(readFileSync(recordOf(programs), 'utf8')) as Made;
    return recipe === JSON.stringify(recipeOf(programs)) && areUnchanged(programs.root, inputs);
  } catch {
    // Nothing was made yet, or a source is gone.
    return false;
  }
}

/** Whole or not at all: others may be making or starting the same. */
function put(path: string, content: string | Uint8Array): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, content);
  renameSync(draft, path);
}

async function make(programs: Programs): Promise<void> {
  const { root, sources, dir } = programs;
  const begun = Date.now();
  const { build } = await import('esbuild');
  const recipe = recipeOf(programs);
  const plugins = [builtinsByRequire, filesBeside(sources)];
  const { metafile, outputFiles } = await build({ ...recipe, plugins, metafile: true, write: false });
  mkdirSync(dir, { recursive: true });
  for (const { path, contents } of outputFiles) put(path, contents);
  const made: Made = { recipe: JSON.stringify(recipe), inputs: inputsOf(root, Object.keys(metafile.inputs)) };
  // A source that was changed meanwhile may be in there as it was: the next start looks again.
  if (latestChange(made.inputs) >= begun) return;
  // Last: it says that the others are there.
  put(recordOf(programs), JSON.stringify(made));
}

const making = new Map<string, Promise<void>>();

/**
 * The path of the first program's file, made if a source is newer. Throws what is wrong with a source, with its place. Where nothing can be made
 * or kept (no esbuild, a checkout that is read-only), it is the source, which Node runs as well.
 */
export async function bundled(programs: Programs): Promise<string> {
  const { root, dir, sources } = programs;
  const [first = ''] = sources;
  if (!upToDate(programs)) {
    const run = making.get(dir) ?? make(programs).finally(() => making.delete(dir));
    making.set(dir, run);
    try {
      await run;
    } catch (error) {
      if ((error as Partial<BuildFailure>).errors) throw error;
      return join(root, first);
    }
  }
  return join(dir, resultOf(first));
}
