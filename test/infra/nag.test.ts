import { readFileSync } from 'node:fs';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket, CfnBucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { synthesize } from './synthesized.ts';

describe('cdk-nag', () => {
  it('finds nothing that was not accepted', () => {
    expect(() => synthesize({}, { checked: true })).not.toThrow();
  });

  it('finds nothing with a published image and four zones either', () => {
    expect(() =>
      synthesize(
        { agentImage: 'example.org/agent@sha256:0', zones: ['a', 'b', 'c', 'd'].map((zone) => `us-east-1${zone}`) },
        { checked: true },
      ),
    ).not.toThrow();
  });

  it('is really asked: an open bucket stops the synthesis', () => {
    const app = new App();
    new Bucket(new Stack(app, 'Stack'), 'Open');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    expect(() => app.synth()).toThrow('AwsSolutions-S10');
  });

  it('has the CDK’s own rules for templates beside it, which stop the synthesis too', () => {
    const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
    const app = new App({ context });
    new CfnBucket(new Stack(app, 'Stack'), 'Odd', { accessControl: 'Nobody' });
    expect(() => app.synth()).toThrow('CloudFormation-Validate::E3045');
  });

  it('is answered with a reason each time', () => {
    const { stack } = synthesize();
    const reasons = stack.node
      .findAll()
      .flatMap((each) => each.node.metadata)
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .filter(([id]) => id.includes('AwsSolutions'));
    expect(reasons.length).toBeGreaterThan(20);
    for (const [id, reason] of reasons) expect(`${id}: ${reason}`).toMatch(/: .{25,}/);
  });
});

describe('the network', () => {
  it('needs two zones, and says how to name them', () => {
    expect(() => synthesize({ zones: ['us-east-1a'] })).toThrow('pass --context azs=us-east-1a,us-east-1b');
  });
});
