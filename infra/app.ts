/** The CDK app: one stack, checked by cdk-nag. Needs no account, no network and no Docker to synthesize. */
import { join } from 'node:path';
import { App, DefaultStackSynthesizer, type IStackSynthesizer, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import release from '../package.json' with { type: 'json' };
import { RoadsteadStack } from './stack.ts';

const root = join(import.meta.dirname, '..');
const app = new App({ analyticsReporting: false });
const context = (name: string): string | undefined => app.node.tryGetContext(name) as string | undefined;

const published = context('agentImage');
const agentSources = {
  folder: root,
  version: release.version,
  buildImage: context('agentBuildImage'),
  runImage: context('agentRunImage'),
};
const zones = context('azs')?.split(',');

new RoadsteadStack(app, context('stack') ?? 'Roadstead', {
  bundles: context('bundles') ?? join(root, 'dist/functions'),
  stateMachines: join(root, 'state-machines'),
  ...(published === undefined ? { agentSources } : { agentImage: published }),
  ...(zones === undefined ? {} : { zones }),
  // From the command line it is text, from cdk.json it may be a boolean.
  fips: String(context('fips')) === 'true',
  terminationProtection: true,
  // The CDK's command and `npm run doctor -- --aws` look at the bootstrap version: the template itself asks for nothing.
  synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer,
});
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
