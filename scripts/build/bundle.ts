/** One esbuild run for everything that is deployed: a folder for each function, and the agent. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build, type Metafile, version } from 'esbuild';
import { builtinsByRequire } from '#local/bundling/builtins.ts';
import { areUnchanged, type Inputs, inputsOf } from '#local/bundling/inputs.ts';
import { oneFile } from '#local/bundling/options.ts';
import release from '../../package.json' with { type: 'json' };

export interface BundleOptions {
  /** Absolute folder that sources and the output are in. */
  readonly root: string;
  /** Functions by the path of their entry point, without `functions/` and `.ts`. */
  readonly functions: readonly string[];
  /** Entry point of the agent, from the root; left out where it is not there. */
  readonly agent: string;
  /**
   * What lies beside bundles as it is: path under `dist/` → source, from the root.
   * @default none
   */
  readonly files?: Readonly<Record<string, string>>;
}

/** One bundle: where it lies under `dist/`, how big it is, how big it may be. */
export interface Bundle {
  readonly path: string;
  readonly bytes: number;
  readonly limit: number;
}

const KB = 1024;
/** DESIGN §8: an import of this takes 150 ms at most. */
const LIMIT = 640 * KB;
/** DESIGN §8: with the Kubernetes client inside, which only tasks and the agent have; EC2's client is as big, and no person waits for those either. */
const LIMIT_WITH_CLIENT = 2048 * KB;
const CLIENTS = ['node_modules/@kubernetes/client-node/', 'node_modules/@aws-sdk/client-ec2/'];

/** What the last run made and from what. */
interface Made {
  readonly recipe: string;
  readonly inputs: Inputs;
  readonly bundles: readonly Bundle[];
}

const recordPath = (root: string): string => join(root, 'dist/build.json');

/** The entry points: path under `dist/`, without ending → source. Throws naming every function without a source. */
const entryPoints = ({ root, functions, agent }: BundleOptions): Record<string, string> => {
  const missing = functions.filter((name) => !existsSync(join(root, 'functions', `${name}.ts`)));
  if (missing.length > 0)
    throw new Error(
      `functions/lib/env.ts names functions that have no source: ${missing.map((name) => `functions/${name}.ts`).join(', ')}; write them, each exporting \`handler\`, or take them from the list`,
    );
  return {
    ...Object.fromEntries(functions.map((name) => [`functions/${name}/index`, `functions/${name}.ts`])),
    ...(existsSync(join(root, agent)) ? { 'agent/main': agent } : {}),
  };
};

/** What decides the result besides the content of files. */
const recipeOf = (entries: Readonly<Record<string, string>>, files: BundleOptions['files']): string =>
  JSON.stringify([version, release.version, oneFile, builtinsByRequire.name, entries, files]);

/** The bundles of the last run, if nothing that they were made from has changed since. */
const upToDate = async (
  { root, files = {} }: BundleOptions,
  recipe: string,
): Promise<readonly Bundle[] | undefined> => {
  try {
    const last = JSON.parse(await readFile(recordPath(root), 'utf8')) as Made;
    if (last.recipe !== recipe || !areUnchanged(root, last.inputs)) return undefined;
    const made = [...last.bundles.map(({ path }) => path), ...Object.keys(files)];
    return made.every((path) => existsSync(join(root, 'dist', path))) ? last.bundles : undefined;
  } catch {
    // No last run, or a file of it is gone.
    return undefined;
  }
};

const bundlesOf = ({ outputs }: Metafile): Bundle[] =>
  Object.entries(outputs)
    .filter(([path]) => path.endsWith('.mjs'))
    .map(([path, { bytes, inputs }]) => ({
      path: path.replace(/^dist\//, ''),
      bytes,
      limit: Object.keys(inputs).some((input) => CLIENTS.some((client) => input.includes(client)))
        ? LIMIT_WITH_CLIENT
        : LIMIT,
    }));

/** Bundles what changed: everything or nothing. Throws for a function without a source and for a bundle over its limit. */
export const bundle = async (options: BundleOptions): Promise<{ bundles: readonly Bundle[]; fresh: boolean }> => {
  const { root, files = {} } = options;
  const entries = entryPoints(options);
  const recipe = recipeOf(entries, files);
  const last = await upToDate(options, recipe);
  if (last !== undefined) return { bundles: last, fresh: false };

  await rm(recordPath(root), { force: true });
  await Promise.all(
    ['functions', 'agent'].map((folder) => rm(join(root, 'dist', folder), { recursive: true, force: true })),
  );
  const { metafile } = await build({
    ...oneFile,
    absWorkingDir: root,
    entryPoints: entries,
    outdir: 'dist',
    alias: { '@aws-sdk/credential-provider-node': './functions/lib/aws-credentials.ts' },
    minify: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    plugins: [builtinsByRequire],
    define: { 'process.env.AGENT_VERSION': JSON.stringify(release.version) },
    metafile: true,
  });
  const bundles = bundlesOf(metafile);
  const big = bundles.filter(({ bytes, limit }) => bytes > limit);
  if (big.length > 0)
    throw new Error(
      `too big: ${big.map(({ path, bytes, limit }) => `${path} has ${Math.ceil(bytes / KB)} KB of ${limit / KB}`).join(', ')}; look with \`npx esbuild --analyze\` at what is inside`,
    );
  for (const [path, source] of Object.entries(files)) {
    await mkdir(dirname(join(root, 'dist', path)), { recursive: true });
    await copyFile(join(root, source), join(root, 'dist', path));
  }
  const record: Made = {
    recipe,
    inputs: inputsOf(root, [...Object.keys(metafile.inputs), ...Object.values(files)]),
    bundles,
  };
  await mkdir(dirname(recordPath(root)), { recursive: true });
  await writeFile(recordPath(root), JSON.stringify(record));
  return { bundles, fresh: true };
};
