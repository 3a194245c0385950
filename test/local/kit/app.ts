/** Small CDK apps for tests: functions from source text, synthesized into a folder of their own. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { App, type Duration, Stack } from 'aws-cdk-lib';
import { AttributeType, StreamViewType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';

export const temporary = (name: string): string => mkdtempSync(join(tmpdir(), `${name}-`));

/** What a test says of a function. */
export interface FunctionProps {
  readonly environment?: Record<string, string>;
  readonly timeout?: Duration;
  readonly memorySize?: number;
  /** In the place of the source. */
  readonly code?: Code;
}

/** A stack under construction. */
export interface Workshop {
  readonly stack: Stack;
  /** A function from the source of its module; `#sdk/NAME` imports an AWS SDK package of this repository. */
  fn(id: string, source: string, props?: FunctionProps): LambdaFunction;
  /** A table like the product's: pk, sk, gsi1, a stream, a time to live. */
  table(id?: string): TableV2;
}

const modules = resolve('node_modules');

/** Synthesizes what `build` makes; answers the folder. */
export function synth(build: (shop: Workshop) => void, stackName = 'Test'): string {
  const outdir = temporary('cdk-out');
  const app = new App({
    outdir,
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { 'aws:cdk:bundling-stacks': [], 'aws:cdk:disable-metadata-stack-trace': true },
  });
  const stack = new Stack(app, stackName);
  build({
    stack,
    fn(id, source, props = {}) {
      const folder = join(temporary('asset'), id);
      mkdirSync(folder);
      const text = source.replace(/'#sdk\/([\w-]+)'/g, (_, name: string) =>
        JSON.stringify(
          join(
            modules,
            '@aws-sdk',
            name,
            name.startsWith('client') || name.startsWith('lib') ? 'dist-cjs/index.js' : '',
          ),
        ),
      );
      writeFileSync(join(folder, 'index.mjs'), text);
      return new LambdaFunction(stack, id, {
        runtime: Runtime.NODEJS_24_X,
        handler: 'index.handler',
        code: Code.fromAsset(folder),
        ...props,
      });
    },
    table: (id = 'Table') =>
      new TableV2(stack, id, {
        partitionKey: { name: 'pk', type: AttributeType.STRING },
        sortKey: { name: 'sk', type: AttributeType.STRING },
        dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
        timeToLiveAttribute: 'ttl',
        globalSecondaryIndexes: [{ indexName: 'gsi1', partitionKey: { name: 'gsi1pk', type: AttributeType.STRING } }],
      }),
  });
  app.synth();
  return outdir;
}
