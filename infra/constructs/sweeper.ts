/** The clock of the sweeper: once a minute (DESIGN §4 schedule). */
import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

export interface SweeperProps {
  readonly function: IFunction;
}

/** The rule that invokes the sweeper; a missed or failed run is not repeated, the next one does its work. */
export class Sweeper extends Construct {
  constructor(scope: Construct, id: string, props: SweeperProps) {
    super(scope, id);
    // Else Lambda tries a failed run twice more, beside the runs of the next minutes.
    props.function.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'Rule', {
      description: 'reconciles what the streams missed',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new LambdaFunction(props.function, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    });
  }
}
