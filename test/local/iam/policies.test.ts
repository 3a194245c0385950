/** Policies allow and refuse as AWS says they do. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation and IAM write placeholders like JavaScript's

import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createIam, type LocalIam } from '#local/iam/iam.ts';
import { AwsError } from '#local/types.ts';
import { temporary } from '../kit/app.ts';

const iam = (): LocalIam => createIam(join(temporary('iam'), 'secret'));
const TRUST = {
  Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
};

/** A role with these statements; asks whether it may. */
function role(...statements: object[]) {
  const it = iam();
  const arn = it.addRole({ name: 'worker', path: '/', trust: TRUST });
  it.attach(arn, { Statement: statements }, 'test');
  const caller = it.session(arn, 'fn');
  return {
    may: (action: string, resource: string, context = {}) => it.allowed(caller, { action, resource, context }),
    authorize: (action: string, resource: string) => it.authorize(caller, { action, resource }),
  };
}
const allow = (rest: object) => ({ Effect: 'Allow', ...rest });
const deny = (rest: object) => ({ Effect: 'Deny', ...rest });
const TABLE = 'arn:aws:dynamodb:us-east-1:000000000000:table/T';

test('nothing is allowed that no statement allows, in the sentence of AWS', () => {
  const { authorize } = role(allow({ Action: 'dynamodb:GetItem', Resource: TABLE }));
  expect(() => authorize('dynamodb:GetItem', TABLE)).not.toThrow();
  const refused = new AwsError(
    'AccessDeniedException',
    `User: arn:aws:sts::000000000000:assumed-role/worker/fn is not authorized to perform: dynamodb:PutItem on resource: ${TABLE} because no identity-based policy allows the dynamodb:PutItem action`,
  );
  expect(() => authorize('dynamodb:PutItem', TABLE)).toThrow(refused);
});

test('an explicit deny wins and is named', () => {
  const { authorize } = role(
    allow({ Action: '*', Resource: '*' }),
    deny({ Action: 'dynamodb:Delete*', Resource: '*' }),
  );
  expect(() => authorize('dynamodb:DeleteItem', TABLE)).toThrow('with an explicit deny in an identity-based policy');
});

test.each([
  ['action without regard to case', { Action: 'DynamoDB:getitem', Resource: '*' }, 'dynamodb:GetItem', TABLE, true],
  ['action wildcard', { Action: 'dynamodb:Get*', Resource: '*' }, 'dynamodb:GetItem', TABLE, true],
  ['NotAction', { NotAction: 'dynamodb:*', Resource: '*' }, 'dynamodb:GetItem', TABLE, false],
  ['NotAction of others', { NotAction: 's3:*', Resource: '*' }, 'dynamodb:GetItem', TABLE, true],
  ['resource wildcard', { Action: '*', Resource: `${TABLE}/index/*` }, 'dynamodb:Query', `${TABLE}/index/gsi1`, true],
  ['the table is not its index', { Action: '*', Resource: TABLE }, 'dynamodb:Query', `${TABLE}/index/gsi1`, false],
  ['question mark', { Action: '*', Resource: 'arn:aws:s3:::b?' }, 's3:GetObject', 'arn:aws:s3:::bx', true],
  ['NotResource', { Action: '*', NotResource: TABLE }, 'dynamodb:GetItem', TABLE, false],
  ['dots are dots', { Action: '*', Resource: 'a.c' }, 's3:GetObject', 'abc', false],
])('%s', (_name, statement, action, resource, wanted) => {
  expect(role(allow(statement)).may(action, resource)).toBe(wanted);
});

describe('conditions', () => {
  const when = (Condition: object, context: Record<string, string | string[]>) => {
    const it = iam();
    it.knowKeys(['my:*']);
    const arn = it.addRole({ name: 'worker', path: '/', trust: TRUST });
    it.attach(arn, { Statement: [allow({ Action: '*', Resource: '*', Condition })] }, 'test');
    return it.allowed(it.session(arn, 'fn'), { action: 'x:Y', resource: '*', context });
  };
  test.each([
    [{ StringEquals: { 'my:k': ['a', 'b'] } }, { 'my:k': 'b' }, true],
    [{ StringEquals: { 'my:k': 'a' } }, {}, false],
    [{ StringEquals: { 'MY:K': 'a' } }, { 'my:k': 'a' }, true],
    [{ StringEqualsIfExists: { 'my:k': 'a' } }, {}, true],
    [{ StringNotEquals: { 'my:k': 'a' } }, { 'my:k': 'a' }, false],
    [{ StringNotEquals: { 'my:k': 'a' } }, {}, true],
    [{ StringLike: { 'my:k': 'team-*' } }, { 'my:k': 'team-red' }, true],
    [{ StringNotLike: { 'my:k': 'team-*' } }, { 'my:k': 'team-red' }, false],
    [{ ArnLike: { 'my:k': 'arn:aws:x:*:1:y/*' } }, { 'my:k': 'arn:aws:x:us:1:y/z' }, true],
    [{ ArnLike: { 'my:k': 'arn:*:x' } }, { 'my:k': 'arn:aws:a:b:c:x' }, false],
    [{ Bool: { 'my:k': 'true' } }, { 'my:k': 'false' }, false],
    [{ Null: { 'my:k': 'true' } }, {}, true],
    [{ Null: { 'my:k': true } }, { 'my:k': 'x' }, false],
    [{ NumericLessThan: { 'my:k': '10' } }, { 'my:k': '9' }, true],
    [{ 'ForAllValues:StringEquals': { 'my:k': ['a', 'b'] } }, { 'my:k': ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { 'my:k': ['a', 'b'] } }, {}, true],
    [{ 'ForAnyValue:StringEquals': { 'my:k': ['a', 'b'] } }, { 'my:k': ['a', 'c'] }, true],
    [{ 'ForAnyValue:StringEquals': { 'my:k': ['a', 'b'] } }, {}, false],
    [{ StringEquals: { 'my:k': 'a' }, Bool: { 'my:b': 'true' } }, { 'my:k': 'a', 'my:b': 'false' }, false],
  ])('%j with %j: %s', (condition, context, wanted) => {
    expect(when(condition, context as Record<string, string>)).toBe(wanted);
  });
  test.each([
    [{ IpAddress: { 'my:k': '10.0.0.0/8' } }, 'condition operator IpAddress'],
    [{ StringEquals: { 'aws:MultiFactorAuthPresent': 'true' } }, 'condition key aws:MultiFactorAuthPresent'],
  ])('%j cannot be evaluated, so the policy is refused', (condition, words) => {
    expect(() => when(condition, {})).toThrow(words);
  });
});

test('a policy variable is refused, not taken literally', () => {
  expect(() => role(allow({ Action: '*', Resource: 'arn:aws:s3:::b/${aws:username}' }))).toThrow('policy variables');
});

describe('who may assume a role', () => {
  const setup = () => {
    const it = iam();
    const tasks = it.addRole({ name: 'tasks', path: '/', trust: TRUST });
    const access = it.addRole({
      name: 'access',
      path: '/',
      trust: { Statement: [allow({ Action: ['sts:AssumeRole', 'sts:TagSession'], Principal: { AWS: tasks } })] },
    });
    return { it, tasks, access };
  };
  test('is what its trust policy says, action by action', () => {
    const { it, tasks, access } = setup();
    const caller = it.session(tasks, 'fn');
    expect(it.trusts(access, { caller }, 'sts:AssumeRole')).toBe(true);
    expect(it.trusts(access, { caller }, 'sts:SetSourceIdentity')).toBe(false);
    expect(it.trusts(tasks, { caller }, 'sts:AssumeRole')).toBe(false);
    expect(it.trusts(tasks, { service: 'lambda.amazonaws.com' }, 'sts:AssumeRole')).toBe(true);
    expect(it.trusts(tasks, { service: 'eks.amazonaws.com' }, 'sts:AssumeRole')).toBe(false);
    expect(it.trusts('arn:aws:iam::000000000000:role/nobody', { caller }, 'sts:AssumeRole')).toBe(false);
  });
});

describe('managed policies of AWS', () => {
  test('known ones allow what they say', () => {
    const it = iam();
    const arn = it.addRole({ name: 'worker', path: '/', trust: TRUST });
    it.attachManaged(arn, 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole');
    expect(it.allowed(it.session(arn, 'fn'), { action: 'logs:PutLogEvents', resource: '*' })).toBe(true);
  });
  test('an unknown one is refused for a function and let be for another service', () => {
    const it = iam();
    const policy = 'arn:aws:iam::aws:policy/AmazonEKSClusterPolicy';
    const fn = it.addRole({ name: 'worker', path: '/', trust: TRUST });
    expect(() => it.attachManaged(fn, policy)).toThrow(`the managed policy ${policy} allows is not known here`);
    const trust = { Statement: [allow({ Action: 'sts:AssumeRole', Principal: { Service: 'eks.amazonaws.com' } })] };
    expect(() => it.attachManaged(it.addRole({ name: 'cluster', path: '/', trust }), policy)).not.toThrow();
  });
});
