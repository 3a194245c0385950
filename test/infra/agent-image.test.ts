/** The agent's image as the deploy builds it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnOutput, CfnParameter, CfnWaitConditionHandle, Stack } from 'aws-cdk-lib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AgentImage, type AgentSources } from '#infra/constructs/agent-image.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-image-'));
  mkdirSync(join(folder, 'agent/image'), { recursive: true });
  writeFileSync(join(folder, 'agent/image/Dockerfile'), 'FROM scratch\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

const build = (sources: Partial<AgentSources>) => {
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    outdir: mkdtempSync(join(folder, 'out-')),
  });
  const stack = new Stack(app, 'S');
  const parameter = new CfnParameter(stack, 'Image', { default: '' });
  const image = new AgentImage(stack, 'Agent', { parameter, sources: { folder, version: '1.2.3', ...sources } });
  // Something to deploy: an empty stack is complained about.
  new CfnWaitConditionHandle(stack, 'Nothing');
  new CfnOutput(stack, 'Reference', { value: image.reference });
  const { directory, stacks } = app.synth();
  const assets = JSON.parse(readFileSync(join(directory, `${stacks[0]?.stackName}.assets.json`), 'utf8')) as {
    dockerImages: Record<string, { source: { dockerBuildArgs: object } }>;
  };
  const warnings = image.node.metadata.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => String(data));
  return { args: Object.values(assets.dockerImages)[0]?.source.dockerBuildArgs, warnings };
};
const digest = `sha256:${'0a'.repeat(32)}`;

it('is of the release, and starts from the images that were named by digest', () => {
  const { args, warnings } = build({ buildImage: `node@${digest}`, runImage: `gcr.io/distroless/nodejs24@${digest}` });
  expect(args).toEqual({
    VERSION: '1.2.3',
    BUILD_IMAGE: `node@${digest}`,
    RUN_IMAGE: `gcr.io/distroless/nodejs24@${digest}`,
  });
  expect(warnings).toEqual([]);
});

it('that starts from tags is built with a warning that says how to pin them', () => {
  const { args, warnings } = build({ runImage: `gcr.io/distroless/nodejs24@${digest}` });
  expect(args).not.toHaveProperty('BUILD_IMAGE');
  expect(warnings).toEqual([expect.stringContaining('agentBuildImage')]);
});

it.each(['node:24', 'node:24@sha256:abc', `node@${digest.toUpperCase()}`])(
  'that is to start from %s is refused',
  (buildImage) => {
    expect(() => build({ buildImage })).toThrow(/agentBuildImage is ".*must name a digest/);
  },
);

it('is built by a recipe that takes these arguments', () => {
  const recipe = readFileSync(join(import.meta.dirname, '../../agent/image/Dockerfile'), 'utf8');
  for (const argument of ['BUILD_IMAGE', 'RUN_IMAGE', 'VERSION'])
    expect(recipe).toMatch(new RegExp(`^ARG ${argument}=`, 'm'));
});
