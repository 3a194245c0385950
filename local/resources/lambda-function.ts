/** AWS::Lambda::Function: a bundle of cdk.out with its environment, role and limits. */
import { statSync } from 'node:fs';
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

const READ = [
  'Code',
  'Handler',
  'Role',
  'Environment',
  'Timeout',
  'MemorySize',
  'FunctionName',
  'Runtime',
  'PackageType',
];
const WITHOUT_EFFECT = [
  'Architectures',
  'Description',
  'LoggingConfig',
  'ReservedConcurrentExecutions',
  'RuntimeManagementConfig',
  'Tags',
  'TracingConfig',
];

export const lambdaFunction = (world: World): ResourceHandler => ({
  type: 'AWS::Lambda::Function',
  create(resource) {
    refuseOthers(resource, READ, WITHOUT_EFFECT);
    const { logicalId, properties: it } = resource;
    if (!String(it.Runtime).startsWith('nodejs'))
      throw new Error(`${logicalId}: the runtime ${it.Runtime} does not run here; nodejs does`);
    const folder = world.asset(it.Code?.S3Key);
    if (!folder || !statSync(folder).isDirectory())
      throw new Error(`${logicalId}: its code must be a folder asset of cdk.out, given ${JSON.stringify(it.Code)}`);
    const name: string = it.FunctionName ?? `${world.stackName}-${logicalId}`;
    if (!world.iam.trusts(it.Role, { service: 'lambda.amazonaws.com' }, 'sts:AssumeRole'))
      throw new Error(`${logicalId}: The role defined for the function cannot be assumed by Lambda: ${it.Role}`);
    const made = world.functions.declare({
      logicalId,
      name,
      roleArn: it.Role,
      folder,
      handler: it.Handler,
      timeoutSeconds: Number(it.Timeout ?? 3),
      memory: Number(it.MemorySize ?? 128),
      environment: world.hosts.environment(logicalId, it.Environment?.Variables ?? {}),
    });
    return { ref: name, attributes: { Arn: made.arn } };
  },
});
