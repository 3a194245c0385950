import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STREAM_LINES, SWEEPER_LINES } from '#infra/constructs/watching.ts';
import { ofType, synthesize } from './synthesized.ts';

const { template } = synthesize();
const root = join(import.meta.dirname, '../..');

describe('alarms', () => {
  const alarms = ofType(template, 'AWS::CloudWatch::Alarm');

  it('are at most ten, each of one metric, since each metric of an alarm is paid for', () => {
    expect(alarms.length).toBeLessThanOrEqual(10);
    for (const [, { Properties }] of alarms) expect(Properties.Metrics).toBeUndefined();
  });

  it('say what is wrong and go to the topic, which lets CloudWatch publish', () => {
    const [[topic] = ['']] = ofType(template, 'AWS::SNS::Topic');
    for (const [, { Properties }] of alarms) {
      expect(Properties.AlarmDescription).toMatch(/.{15,}/);
      expect(Properties.AlarmActions).toEqual([{ Ref: topic }]);
    }
    const [[, policy] = []] = ofType(template, 'AWS::SNS::TopicPolicy');
    expect(policy?.Properties.PolicyDocument.Statement).toContainEqual(
      expect.objectContaining({ Effect: 'Allow', Principal: { Service: 'cloudwatch.amazonaws.com' } }),
    );
  });

  it('ring when the sweeper is silent', () => {
    const [, missed] = alarms.find(([id]) => id.startsWith('WatchingSweeperMissed')) ?? [];
    expect(missed?.Properties).toMatchObject({
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
  });

  it('count lines that the sweeper really writes', () => {
    const sources = globSync('functions/schedule/**/*.ts', { cwd: root }).map((path) =>
      readFileSync(join(root, path), 'utf8'),
    );
    for (const line of Object.values(SWEEPER_LINES))
      expect(sources.some((text) => text.includes(`'${line}'`))).toBe(true);
  });

  it('count what the consumers of the stream really write when they fail, which Lambda takes for a success', () => {
    const source = readFileSync(join(root, 'functions/lib/stream.ts'), 'utf8');
    const written = [...source.matchAll(/log\.error\('([^']+)'/g)].map((match) => match[1]);
    expect(written.toSorted()).toEqual([...STREAM_LINES].toSorted());
    const [, alarm] = alarms.find(([id]) => id.startsWith('WatchingChangesFail')) ?? [];
    const filters = ofType(template, 'AWS::Logs::MetricFilter').filter(
      ([, { Properties }]) => Properties.MetricTransformations[0].MetricName === alarm?.Properties.MetricName,
    );
    expect(filters.map(([, { Properties }]) => Properties.LogGroupName.Ref.slice(0, -8)).toSorted()).toEqual([
      'StreamEffectsLog',
      'StreamPushLog',
    ]);
    for (const [, { Properties }] of filters)
      for (const line of STREAM_LINES) expect(Properties.FilterPattern).toContain(`($.message = "${line}")`);
  });

  it('can ring for a lag: push drops what is older than its mapping allows, effects too', () => {
    const mappings = ofType(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties);
    for (const [name, target] of [
      ['PushLags', 'StreamPush'],
      ['EffectsLag', 'StreamEffects'],
    ] as const) {
      const [, alarm] = alarms.find(([id]) => id.startsWith(`Watching${name}`)) ?? [];
      const mapping = mappings.find(({ FunctionName }) => FunctionName.Ref.startsWith(target));
      expect(alarm?.Properties.Threshold).toBeLessThan(mapping?.MaximumRecordAgeInSeconds * 1000);
    }
  });

  it('mail nobody unless an address was given', () => {
    const [[, mail] = []] = ofType(template, 'AWS::SNS::Subscription');
    expect(mail).toMatchObject({ Condition: expect.stringMatching(/Mailed/) });
  });
});
