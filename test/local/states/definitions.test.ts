/** What a state machine may be made of here; the rest is refused by name. */
import { describe, expect, test } from 'vitest';
import { parseDefinition } from '#local/states/definition.ts';
import { substitute } from '#local/states/state-machine.ts';
import { FUNCTION, ROLE, workbench } from './workbench.ts';

const call = (name: string, rest: object = { End: true }) => ({
  Type: 'Task',
  Resource: `${FUNCTION}${name}`,
  ...rest,
});

describe('definitions', () => {
  const refuse = (state: object) => () => parseDefinition(JSON.stringify({ StartAt: 'A', States: { A: state } }));
  test.each([
    [
      'an intrinsic function',
      call('f', { Parameters: { 'a.$': "States.Format('{}', $.x)" }, End: true }),
      /States\.Format.*not supported/,
    ],
    ['a path with several values', call('f', { InputPath: '$.a[*]', End: true }), /not supported at "\[\*\]"/],
    [
      'another service',
      { Type: 'Task', Resource: 'arn:aws:states:::sqs:sendMessage', End: true },
      /a Task here calls a Lambda function/,
    ],
    ['a Map', { Type: 'Map', End: true }, /Type/],
    ['JSONata', { Type: 'Pass', QueryLanguage: 'JSONata', End: true }, /QueryLanguage/],
    ['a state without a way on', { Type: 'Pass' }, /A needs Next or End/],
    ['a way to nowhere', { Type: 'Pass', Next: 'B' }, /goes to "B", which is no state/],
    ['a rule without comparison', { Type: 'Choice', Choices: [{ Variable: '$.a', Next: 'A' }] }, /Choices/],
  ])('%s is refused with its reason', (_, state, reason) => {
    expect(refuse(state)).toThrow(reason);
  });

  test.each([
    ['a definition in S3', { DefinitionS3Location: {} }, /DefinitionS3Location is not supported here/],
    ['an express machine', { StateMachineType: 'EXPRESS' }, /only STANDARD/],
    ['a definition that is no JSON', { DefinitionString: '{' }, /Machine: /],
  ])('%s is refused by the name of the resource', async (_, properties, reason) => {
    await using bench = await workbench({ states: { A: { Type: 'Succeed' } } });
    const DefinitionString = JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Succeed' } } });

    await expect(bench.declare({ DefinitionString, RoleArn: ROLE, ...properties })).rejects.toThrow(reason);
  });

  test('substitutions are filled in and a missing one is named', () => {
    const placeholder = (name: string) => `$\{${name}}`;

    expect(substitute(`{"Seconds": ${placeholder('poll')}}`, { poll: 5 })).toBe('{"Seconds": 5}');
    expect(() => substitute(placeholder('other'), { poll: 5 })).toThrow(placeholder('other'));
  });
});
