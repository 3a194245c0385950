/** Reads what `cdk synth` wrote: the one stack's template and where each asset lies. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** A CloudFormation template as synthesized; open data, read by `resolve`. */
export interface Template {
  readonly Parameters?: Readonly<Record<string, TemplateParameter>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Condition?: string }>>;
}

export interface TemplateParameter {
  readonly Type: string;
  readonly Default?: unknown;
  readonly AllowedValues?: readonly unknown[];
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
  readonly MaxValue?: number;
}

export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

/** The stack to run. */
export interface Assembly {
  readonly stackName: string;
  readonly template: Template;
  /** Absolute folder or file of the asset that is deployed under this S3 key. */
  asset(s3Key: string): string | undefined;
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

interface Manifest {
  readonly artifacts: Readonly<
    Record<
      string,
      {
        readonly type: string;
        readonly properties?: { readonly templateFile?: string; readonly file?: string; readonly stackName?: string };
      }
    >
  >;
}

interface AssetManifest {
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path?: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
}

/** Reads `cdkOut`; throws where it holds no stack or several. */
export function readAssembly(cdkOut: string): Assembly {
  let manifest: Manifest;
  try {
    manifest = read(join(cdkOut, 'manifest.json')) as Manifest;
  } catch (cause) {
    throw new Error(`${resolve(cdkOut)} holds no synthesized CDK app (manifest.json); run \`npm run synth\` first`, {
      cause,
    });
  }
  const artifacts = Object.entries(manifest.artifacts);
  const stacks = artifacts.filter(([, it]) => it.type === 'aws:cloudformation:stack');
  const [stack, ...others] = stacks;
  if (!stack || others.length > 0)
    throw new Error(
      `${resolve(cdkOut)} holds ${stacks.length} stacks (${stacks.map(([id]) => id).join(', ')}); one is run here`,
    );
  const assets = new Map<string, string>();
  for (const [, artifact] of artifacts.filter(([, it]) => it.type === 'cdk:asset-manifest')) {
    const { files = {} } = read(join(cdkOut, artifact.properties!.file!)) as AssetManifest;
    for (const { source, destinations } of Object.values(files))
      for (const { objectKey } of Object.values(destinations))
        if (source.path) assets.set(objectKey, resolve(cdkOut, source.path));
  }
  const [id, { properties }] = stack;
  return {
    stackName: properties?.stackName ?? id,
    template: read(join(cdkOut, properties!.templateFile!)) as Template,
    asset: (s3Key) => assets.get(s3Key),
  };
}
