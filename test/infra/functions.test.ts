import { describe, expect, it } from 'vitest';
import { environments, type FunctionName } from '#functions/lib/env.ts';
import { functionNames } from '#infra/functions.ts';
import { environmentOf } from '#infra/variables.ts';
import { functionOf, ofType, roleOf, synthesize, type TemplateJson } from './synthesized.ts';

const { template } = synthesize();

const variablesOf = (name: FunctionName): Record<string, unknown> =>
  functionOf(template, name).Properties.Environment.Variables;

/** Values as a function would read them: parameters by their defaults, everything else by some text. */
const deployed = ({ Parameters }: TemplateJson, variables: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).map(([key, value]) => {
      if (typeof value === 'string') return [key, value];
      const parameter = Parameters[(value as { Ref?: string }).Ref ?? ''];
      return [key, parameter === undefined ? 'made-at-deploy' : String(parameter.Default)];
    }),
  );

describe('functions', () => {
  it('are exactly those that have a schema of their environment', () => {
    expect(ofType(template, 'AWS::Lambda::Function')).toHaveLength(functionNames.length);
    for (const name of functionNames) expect(functionOf(template, name).Properties.Description).toBe(name);
  });

  it.each(functionNames)('%s has the variables of its schema and no other, and its schema takes them', (name) => {
    const variables = variablesOf(name);
    expect(Object.keys(variables).toSorted()).toEqual(Object.keys(environments[name].shape).toSorted());
    expect(environments[name].safeParse(deployed(template, variables)).error).toBeUndefined();
  });

  it('of the sweeper are not tried again when they fail: the next minute does their work', () => {
    const [[, config] = [], ...others] = ofType(template, 'AWS::Lambda::EventInvokeConfig');
    expect(others).toEqual([]);
    expect(config?.Properties).toMatchObject({
      FunctionName: { Ref: expect.stringMatching(/^ScheduleSweep/) },
      MaximumRetryAttempts: 0,
    });
  });

  it.each(functionNames)('%s runs on Node 24 and arm64 with a log group and a role of its own', (name) => {
    const { Properties } = functionOf(template, name);
    expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
    expect(Properties.LoggingConfig.LogGroup.Ref).toMatch(/Log[0-9A-F]{8}$/);
    expect(roleOf(template, name).Properties.ManagedPolicyArns).toBeUndefined();
    // A fresh account has room for ten at once: nothing may be set aside (aws.md 21).
    expect(Properties.ReservedConcurrentExecutions).toBeUndefined();
  });

  it('share no role and no log group', () => {
    const of = (pick: (properties: Record<string, never>) => unknown) =>
      new Set(
        ofType(template, 'AWS::Lambda::Function').map(([, each]) => JSON.stringify(pick(each.Properties as never))),
      );
    expect(of((each) => each.Role).size).toBe(functionNames.length);
    expect(of((each) => each.LoggingConfig).size).toBe(functionNames.length);
  });

  it('answer within the 30 seconds that API Gateway waits', () => {
    for (const name of functionNames.filter((each) => /^(http|socket)\//.test(each)))
      expect(functionOf(template, name).Properties.Timeout).toBeLessThan(30);
  });

  it('that ask for a variable which the stack does not give stop the synthesis, with its name', () => {
    expect(() => environmentOf('http/system', {})).toThrow(
      'the function http/system asks for the variable LOG_LEVEL, which the stack does not give',
    );
  });
});

describe('parameters', () => {
  it('hold every duration that a person waits for, with a reason', () => {
    const seconds = Object.entries(template.Parameters).filter(([name]) => name.endsWith('Seconds'));
    expect(seconds.length).toBeGreaterThan(10);
    for (const [, parameter] of seconds)
      expect(parameter).toMatchObject({ Type: 'Number', Description: expect.stringMatching(/^seconds: /) });
  });

  it('let nobody register unless whoever deploys says so', () => {
    expect(template.Parameters.Registration?.Default).toBe('closed');
  });
});

describe('FIPS endpoints', () => {
  const asked = (of: TemplateJson) =>
    new Set(
      ofType(of, 'AWS::Lambda::Function')
        .map(([, { Properties }]) => Properties.Environment.Variables.FIPS)
        .filter((value) => value !== undefined),
    );

  it('are called where the deployment asks for them, and nowhere else', () => {
    expect(asked(template)).toEqual(new Set(['false']));
    expect(asked(synthesize({ fips: true }).template)).toEqual(new Set(['true']));
  });

  it('are never asked for by the variable that every client of the SDK reads', () => {
    expect(synthesize({ fips: true }).text).not.toContain('AWS_USE_FIPS_ENDPOINT');
  });
});
