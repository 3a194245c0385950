import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SWEEPER_LINES } from '#infra/constructs/watching.ts';
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

  it('mail nobody unless an address was given', () => {
    const [[, mail] = []] = ofType(template, 'AWS::SNS::Subscription');
    expect(mail).toMatchObject({ Condition: expect.stringMatching(/Mailed/) });
  });
});
