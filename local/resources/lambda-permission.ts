/** AWS::Lambda::Permission: one statement of a function's resource policy. */
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const lambdaPermission = ({ iam, functions }: World): ResourceHandler => ({
  type: 'AWS::Lambda::Permission',
  create(resource) {
    refuseOthers(resource, ['Action', 'FunctionName', 'Principal', 'SourceArn', 'SourceAccount']);
    const { logicalId, properties: it } = resource;
    const { arn } = functions.get(it.FunctionName);
    const conditions = {
      ...(it.SourceArn && { ArnLike: { 'AWS:SourceArn': it.SourceArn } }),
      ...(it.SourceAccount && { StringEquals: { 'AWS:SourceAccount': it.SourceAccount } }),
    };
    const kind = String(it.Principal).endsWith('.amazonaws.com') ? 'Service' : 'AWS';
    iam.addResourceStatement(
      arn,
      { Effect: 'Allow', Action: it.Action, Resource: arn, Principal: { [kind]: it.Principal }, Condition: conditions },
      logicalId,
    );
    return { ref: logicalId, attributes: { Id: logicalId } };
  },
});
