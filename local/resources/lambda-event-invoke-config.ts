/** AWS::Lambda::EventInvokeConfig: what becomes of an event that a function failed at. Here no event is given twice, so nothing else can be asked for. */
import type { ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const lambdaEventInvokeConfig = ({ functions }: World): ResourceHandler => ({
  type: 'AWS::Lambda::EventInvokeConfig',
  create(resource) {
    refuseOthers(
      resource,
      ['FunctionName', 'MaximumRetryAttempts'],
      // An event is given at once, and to the function itself.
      ['MaximumEventAgeInSeconds', 'Qualifier'],
    );
    const { logicalId, properties: it } = resource;
    functions.get(it.FunctionName);
    // CloudFormation's default is two more tries.
    if (Number(it.MaximumRetryAttempts ?? 2) !== 0)
      throw new Error(`${logicalId}: failed events are not tried again here; MaximumRetryAttempts must be 0`);
    return { ref: logicalId };
  },
});
