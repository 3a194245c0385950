/** AWS::IAM::Policy and AWS::IAM::ManagedPolicy: documents attached to roles of the template. */
import { ACCOUNT, type Declared, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

function attach({ iam }: World, resource: Declared): void {
  const { logicalId, properties: it } = resource;
  for (const role of it.Roles ?? []) iam.attach(role, it.PolicyDocument, `policy ${logicalId}`);
}

export const iamPolicy = (world: World): ResourceHandler => ({
  type: 'AWS::IAM::Policy',
  create(resource) {
    refuseOthers(resource, ['PolicyDocument', 'PolicyName', 'Roles']);
    attach(world, resource);
    return { ref: resource.properties.PolicyName, attributes: { Id: resource.logicalId } };
  },
});

export const iamManagedPolicy = (world: World): ResourceHandler => ({
  type: 'AWS::IAM::ManagedPolicy',
  create(resource) {
    refuseOthers(resource, ['PolicyDocument', 'ManagedPolicyName', 'Roles', 'Path'], ['Description']);
    attach(world, resource);
    const { ManagedPolicyName, Path = '/' } = resource.properties;
    const arn = `arn:aws:iam::${ACCOUNT}:policy${Path}${ManagedPolicyName ?? `${world.stackName}-${resource.logicalId}`}`;
    world.iam.defineManaged(arn, resource.properties.PolicyDocument);
    return { ref: arn, attributes: { PolicyArn: arn } };
  },
});
