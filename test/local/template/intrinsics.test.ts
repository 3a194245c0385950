/** Values of a template become what CloudFormation would deploy. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation and IAM write placeholders like JavaScript's
import { expect, test } from 'vitest';
import { resolve, type Scope } from '#local/template/intrinsics.ts';

const scope: Scope = {
  ref: (name) => {
    const value = { 'AWS::Region': 'us-east-1', Name: 'roadstead', List: ['a', 'b'], Count: 3 }[name];
    if (value === undefined) throw new Error(`no ${name}`);
    return value;
  },
  attribute: (id, name) => `${id}!${name}`,
  condition: (name) => name === 'Yes',
  mapping: (map, top, second) => `${map}.${top}.${second}`,
};
const value = (it: unknown) => resolve(it, scope);

test.each([
  ['Ref', { Ref: 'Name' }, 'roadstead'],
  ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['Table', 'Arn'] }, 'Table!Arn'],
  ['Fn::GetAtt as text, nested', { 'Fn::GetAtt': 'Fn.Meta.Arn' }, 'Fn!Meta.Arn'],
  [
    'Fn::Sub as text',
    { 'Fn::Sub': '${Name}-${AWS::Region}-${Table.Arn}-${!Literal}' },
    'roadstead-us-east-1-Table!Arn-${Literal}',
  ],
  ['Fn::Sub with a map', { 'Fn::Sub': ['${Own}/${Name}', { Own: { Ref: 'Count' } }] }, '3/roadstead'],
  ['Fn::Join', { 'Fn::Join': ['-', ['x', { Ref: 'Name' }, { Ref: 'Count' }]] }, 'x-roadstead-3'],
  ['Fn::Join of a list parameter', { 'Fn::Join': [',', { Ref: 'List' }] }, 'a,b'],
  ['Fn::Select of Fn::Split', { 'Fn::Select': [2, { 'Fn::Split': ['/', 'a/b/c'] }] }, 'c'],
  ['Fn::If, true', { 'Fn::If': ['Yes', 1, { Ref: 'Unknown' }] }, 1],
  ['Fn::If, false', { 'Fn::If': ['No', 1, { Ref: 'Name' }] }, 'roadstead'],
  ['Fn::Equals', { 'Fn::Equals': [{ Ref: 'Name' }, 'roadstead'] }, true],
  ['Fn::And', { 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Not': [{ Condition: 'No' }] }] }, true],
  ['Fn::Or', { 'Fn::Or': [{ Condition: 'No' }, { 'Fn::Equals': [1, 2] }] }, false],
  ['Fn::FindInMap', { 'Fn::FindInMap': ['Map', { Ref: 'AWS::Region' }, 'Key'] }, 'Map.us-east-1.Key'],
  ['Fn::GetAZs', { 'Fn::GetAZs': '' }, ['us-east-1a', 'us-east-1b', 'us-east-1c']],
  ['Fn::Base64', { 'Fn::Base64': { Ref: 'Name' } }, 'cm9hZHN0ZWFk'],
])('%s is resolved', (_name, given, wanted) => {
  expect(value(given)).toEqual(wanted);
});

test('AWS::NoValue takes its property or element away', () => {
  const gone = { Ref: 'AWS::NoValue' };
  expect(value({ Kept: 1, Gone: gone, List: [gone, 'x'], If: { 'Fn::If': ['No', 1, gone] } })).toEqual({
    Kept: 1,
    List: ['x'],
  });
});

test('a Condition of a policy statement is data, not a condition of the template', () => {
  expect(value({ Condition: { StringEquals: { a: { Ref: 'Name' } } } })).toEqual({
    Condition: { StringEquals: { a: 'roadstead' } },
  });
});

test.each([
  [{ 'Fn::ImportValue': 'x' }, 'Fn::ImportValue is refused'],
  [{ 'Fn::Transform': {} }, 'Fn::Transform is not known here'],
  [{ 'Fn::Join': ['-', 'text'] }, 'Fn::Join needs a list'],
  [{ 'Fn::Select': [7, ['a']] }, 'no element 7 in a list of 1'],
  [{ 'Fn::Sub': '${Table}' }, 'no Table'],
])('%j is refused in words', (given, words) => {
  expect(() => value(given)).toThrow(words);
});
