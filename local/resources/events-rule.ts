/** AWS::Events::Rule: a schedule with functions as targets. */
import { parseRate } from '#local/events/schedule.ts';
import { ACCOUNT, REGION, type ResourceHandler } from '#local/types.ts';
import { refuseOthers, type World } from './world.ts';

export const eventsRule = ({ rules, functions, stackName }: World): ResourceHandler => ({
  type: 'AWS::Events::Rule',
  create(resource) {
    refuseOthers(resource, ['ScheduleExpression', 'State', 'Targets', 'Name'], ['Description', 'Tags']);
    const { logicalId, properties: it } = resource;
    const name: string = it.Name ?? `${stackName}-${logicalId}`;
    const arn = `arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}`;
    const targets = (it.Targets ?? []).map(
      ({ Arn, Input, Id: _id, RetryPolicy: _retry, ...others }: Record<string, string>) => {
        const strange = Object.keys(others);
        if (strange.length > 0)
          throw new Error(`${logicalId}: a target's ${strange.join(', ')} does nothing here, so it is refused`);
        return { functionArn: functions.get(Arn!).arn, ...(Input && { input: JSON.parse(Input) }) };
      },
    );
    const periodSeconds = parseRate(it.ScheduleExpression ?? '');
    if (it.State !== 'DISABLED') rules.push({ arn, periodSeconds, targets });
    return { ref: name, attributes: { Arn: arn } };
  },
});
