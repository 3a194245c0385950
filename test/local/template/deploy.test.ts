/** A template's resources are made in the order in which they need each other, or not at all. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation and IAM write placeholders like JavaScript's
import { describe, expect, test } from 'vitest';
import { lambdaEventInvokeConfig } from '#local/resources/lambda-event-invoke-config.ts';
import type { World } from '#local/resources/world.ts';
import type { Template } from '#local/template/assembly.ts';
import { readAssembly } from '#local/template/assembly.ts';
import { deploy } from '#local/template/deploy.ts';
import { creationOrder } from '#local/template/order.ts';
import { parameterValues } from '#local/template/parameters.ts';
import type { Declared, ResourceHandler } from '#local/types.ts';
import { synth, temporary } from '../kit/app.ts';

const made: Declared[] = [];
const thing: ResourceHandler = {
  type: 'My::Thing',
  create(resource) {
    made.push(resource);
    return { ref: `ref-${resource.logicalId}`, attributes: { Arn: `arn-${resource.logicalId}` } };
  },
};
const run = (template: Template, overrides?: Record<string, string | number>) => {
  made.length = 0;
  return deploy({ stackName: 'S', template, asset: () => undefined }, [thing], { stackUuid: 'uuid', overrides });
};

test('what a resource refers to by Ref, GetAtt, Sub or DependsOn is made first', () => {
  const order = creationOrder({
    A: { Type: 'x', Properties: { P: { 'Fn::Sub': 'arn:${B.Arn}:${AWS::Region}' } } },
    B: { Type: 'x', Properties: { P: [{ 'Fn::GetAtt': ['C', 'Arn'] }] } },
    C: { Type: 'x', DependsOn: ['D'] },
    D: { Type: 'x', Properties: { P: { 'Fn::Sub': ['${V}', { V: { Ref: 'E' } }] } } },
    E: { Type: 'x' },
  });
  expect(order).toEqual(['E', 'D', 'C', 'B', 'A']);
});

test('a circle is named', () => {
  const resources = {
    A: { Type: 'x', Properties: { P: { Ref: 'B' } } },
    B: { Type: 'x', DependsOn: 'A' },
  };
  expect(() => creationOrder(resources)).toThrow('A → B → A');
});

test('properties arrive resolved, outputs too', async () => {
  const deployed = await run(
    {
      Parameters: { Wait: { Type: 'Number', Default: 480 } },
      Resources: {
        Second: { Type: 'My::Thing', Properties: { Of: { 'Fn::GetAtt': ['First', 'Arn'] }, Wait: { Ref: 'Wait' } } },
        First: { Type: 'My::Thing' },
      },
      Outputs: { Name: { Value: { Ref: 'Second' } } },
    },
    { Wait: 1 },
  );
  expect(made.map(({ logicalId, properties }) => [logicalId, properties])).toEqual([
    ['First', {}],
    ['Second', { Of: 'arn-First', Wait: '1' }],
  ]);
  expect(deployed.outputs).toEqual({ Name: 'ref-Second' });
});

test('a resource whose condition is false is not made, and who refers to it is told', async () => {
  const Conditions = { Never: { 'Fn::Equals': [1, 2] } };
  const Ghost = { Type: 'My::Thing', Condition: 'Never' };
  await run({ Conditions, Resources: { Ghost } });
  expect(made).toEqual([]);
  await expect(
    run({ Conditions, Resources: { Ghost, Other: { Type: 'My::Thing', Properties: { P: { Ref: 'Ghost' } } } } }),
  ).rejects.toThrow('Ghost was not made (its condition is false)');
});

test('unknown types are refused before anything is made, with type and logical id', async () => {
  const resources = { A: { Type: 'My::Thing' }, B: { Type: 'AWS::SQS::Queue' }, C: { Type: 'Custom::Thing' } };
  await expect(run({ Resources: resources })).rejects.toThrow('AWS::SQS::Queue (B), Custom::Thing (C)');
  expect(made).toEqual([]);
});

test('a type without effect lends its names', async () => {
  const deployed = await run({
    Resources: {
      Topic: { Type: 'AWS::SNS::Topic' },
      User: { Type: 'My::Thing', Properties: { Topic: { Ref: 'Topic' } } },
    },
  });
  expect(made[0]?.properties).toEqual({ Topic: 'arn:aws:sns:us-east-1:000000000000:S-Topic' });
  expect(deployed.resources.size).toBe(2);
});

test('an attribute that is not there is refused with the ones that are', async () => {
  const Resources = {
    A: { Type: 'My::Thing' },
    B: { Type: 'My::Thing', Properties: { P: { 'Fn::GetAtt': 'A.Nope' } } },
  };
  await expect(run({ Resources })).rejects.toThrow('A (My::Thing) has no attribute Nope here; it has Arn');
});

describe('parameters', () => {
  const parameters = {
    Wait: { Type: 'Number', Default: 8, MinValue: 1, MaxValue: 10 },
    Mode: { Type: 'String', Default: 'closed', AllowedValues: ['closed', 'open'] },
    Zones: { Type: 'CommaDelimitedList', Default: 'a, b' },
  };
  test('have their defaults, lists as lists', () => {
    expect(parameterValues(parameters, {})).toEqual({ Wait: '8', Mode: 'closed', Zones: ['a', 'b'] });
  });
  test.each([
    [{ Wait: 0 }, 'smallest allowed is 1'],
    [{ Wait: 11 }, 'largest allowed is 10'],
    [{ Wait: 'soon' }, 'a number is needed'],
    [{ Mode: 'ajar' }, 'allowed are "closed", "open"'],
    [{ Nope: 1 }, 'no parameter Nope; it has Wait, Mode, Zones'],
  ])('%j is refused', (given, words) => {
    expect(() => parameterValues(parameters, given)).toThrow(words);
  });
  test('one without default needs a value', () => {
    expect(() => parameterValues({ Key: { Type: 'String' } }, {})).toThrow('parameter Key has no default');
  });
});

describe('cdk.out', () => {
  test('is read with the folders of its assets', () => {
    const assembly = readAssembly(synth(({ fn }) => void fn('Fn', 'export const handler = () => 1;'), 'Mine'));
    expect(assembly.stackName).toBe('Mine');
    const [code] = Object.values(assembly.template.Resources).flatMap(({ Type, Properties }) =>
      Type === 'AWS::Lambda::Function' ? [Properties?.Code as { S3Key: string }] : [],
    );
    expect(assembly.asset(code!.S3Key)).toMatch(/asset\.[0-9a-f]{64}$/);
  });
  test('a folder without a manifest says how to make one', () => {
    expect(() => readAssembly(temporary('empty'))).toThrow('npm run synth');
  });
});

test('a function whose failed events are to be tried again is refused: none is, here', async () => {
  const functions = { get: () => ({}) } as unknown as World['functions'];
  const config = lambdaEventInvokeConfig({ functions } as World);
  const declared = (properties: object): Declared => ({
    logicalId: 'Once',
    type: config.type,
    properties: { FunctionName: 'f', Qualifier: '$LATEST', ...properties },
  });
  expect(await config.create(declared({ MaximumRetryAttempts: 0 }))).toEqual({ ref: 'Once' });
  for (const properties of [{}, { MaximumRetryAttempts: 1 }, { MaximumRetryAttempts: 0, DestinationConfig: {} }])
    await expect(async () => config.create(declared(properties))).rejects.toThrow('Once');
});
