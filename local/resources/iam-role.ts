/** AWS::IAM::Role: who may assume it and what its inline and managed policies allow. */

import { stableId } from '#local/template/without-effect.ts';
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = ['AssumeRolePolicyDocument', 'Policies', 'ManagedPolicyArns', 'RoleName', 'Path'];
const WITHOUT_EFFECT = ['Description', 'MaxSessionDuration', 'Tags'];

export const iamRole = ({ iam, stackName }: World): ResourceHandler => ({
  type: 'AWS::IAM::Role',
  create(resource) {
    refuseOthers(resource, READ, WITHOUT_EFFECT);
    const { logicalId, properties: it } = resource;
    const name: string = it.RoleName ?? `${stackName}-${logicalId}`;
    const arn = iam.addRole({ name, path: it.Path ?? '/', trust: it.AssumeRolePolicyDocument });
    for (const { PolicyName, PolicyDocument } of it.Policies ?? [])
      iam.attach(arn, PolicyDocument, `policy ${PolicyName} of ${logicalId}`);
    for (const policyArn of it.ManagedPolicyArns ?? []) iam.attachManaged(arn, policyArn);
    return { ref: name, attributes: { Arn: arn, RoleId: `AROA${stableId(name, 17).toUpperCase()}` } };
  },
});
