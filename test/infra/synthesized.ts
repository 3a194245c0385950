/** The stack as the tests see it: synthesized once, with empty bundles, so that no function needs to be there. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { FunctionName } from '#functions/lib/env.ts';
import { constructIdOf, functionNames } from '#infra/functions.ts';
import { RoadsteadStack, type RoadsteadStackProps } from '#infra/stack.ts';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation properties are open data
  readonly Properties: Record<string, any>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: string | readonly string[];
}

export interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface TemplateJson {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Parameters: Readonly<Record<string, { readonly Type: string; readonly Default?: string | number }>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export const STATE_MACHINES = join(import.meta.dirname, '../../state-machines');

/** A folder with a bundle for each function, and the recipe of an image. */
const placeholders = (folder: string): { bundles: string; sources: string } => {
  for (const name of functionNames) {
    mkdirSync(join(folder, 'functions', name), { recursive: true });
    writeFileSync(
      join(folder, 'functions', name, 'index.mjs'),
      `export const handler = () => ${JSON.stringify(name)};`,
    );
  }
  mkdirSync(join(folder, 'agent/image'), { recursive: true });
  writeFileSync(join(folder, 'agent/image/Dockerfile'), 'FROM scratch\n');
  return { bundles: join(folder, 'functions'), sources: folder };
};

/**
 * Synthesizes the stack; `text` is the template as it would be deployed. `checked` asks cdk-nag and the CDK's own rules for templates, which throw
 * for what they find and take seconds.
 */
export const synthesize = (props: Partial<RoadsteadStackProps> = {}, { checked = false } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-infra-'));
  const { bundles, sources } = placeholders(folder);
  const app = new App({
    analyticsReporting: false,
    outdir: join(folder, 'cdk.out'),
    context: { 'aws:cdk:enable-path-metadata': true, '@aws-cdk/core:validateAgainstDefaultRules': true },
    builtinCloudFormationValidation: checked,
  });
  const stack = new RoadsteadStack(app, 'Roadstead', {
    bundles,
    stateMachines: STATE_MACHINES,
    terminationProtection: true,
    ...(props.agentImage === undefined ? { agentSources: { folder: sources, version: '1.2.3' } } : {}),
    ...props,
  });
  if (checked) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const artifact = app.synth().getStackByName('Roadstead');
  const text = readFileSync(artifact.templateFullPath, 'utf8');
  const { terminationProtection } = artifact;
  rmSync(folder, { recursive: true });
  return { stack, terminationProtection, text, template: JSON.parse(text) as TemplateJson };
};

/** Resources of one type, by logical id. */
export const ofType = (template: TemplateJson, type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);

/** The logical id of something that belongs to a function. */
const belongsTo = (name: FunctionName, id: string, part: string): boolean =>
  new RegExp(`^${constructIdOf(name)}${part}[0-9A-F]{8}$`).test(id);

const theOne = (template: TemplateJson, name: FunctionName, type: string, part: string): Resource => {
  const found = ofType(template, type).filter(([id]) => belongsTo(name, id, part));
  const [[, resource] = []] = found;
  if (resource === undefined || found.length !== 1)
    throw new Error(`${found.length} resources of type ${type} belong to ${name} as ${part}`);
  return resource;
};

export const functionOf = (template: TemplateJson, name: FunctionName): Resource =>
  theOne(template, name, 'AWS::Lambda::Function', 'Function');

export const roleOf = (template: TemplateJson, name: FunctionName): Resource =>
  theOne(template, name, 'AWS::IAM::Role', 'Role');

export const statementsOf = (template: TemplateJson, name: FunctionName): readonly Statement[] =>
  theOne(template, name, 'AWS::IAM::Policy', 'RoleDefaultPolicy').Properties.PolicyDocument.Statement;

/** The functions that may do something. */
export const whoMay = (template: TemplateJson, action: string): FunctionName[] =>
  functionNames.filter((name) => statementsOf(template, name).some((each) => [each.Action].flat().includes(action)));
