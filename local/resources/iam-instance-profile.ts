/** AWS::IAM::InstanceProfile: a name for a role that machines take; nothing here is such a machine. */
import { ACCOUNT, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const iamInstanceProfile = ({ stackName }: World): ResourceHandler => ({
  type: 'AWS::IAM::InstanceProfile',
  create(resource) {
    refuseOthers(resource, ['Roles', 'InstanceProfileName', 'Path']);
    const { InstanceProfileName, Path = '/' } = resource.properties;
    const name: string = InstanceProfileName ?? `${stackName}-${resource.logicalId}`;
    return { ref: name, attributes: { Arn: `arn:aws:iam::${ACCOUNT}:instance-profile${Path}${name}` } };
  },
});
