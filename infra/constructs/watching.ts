/** Ten alarms, one dashboard and one topic: what a deployment is looked after by, inside the free tier (DESIGN §4 watching). */
import { CfnCondition, type CfnParameter, Duration, Fn } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  MathExpression,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { CfnSubscription, Topic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface WatchingProps {
  readonly push: IFunction;
  readonly effects: IFunction;
  readonly sweep: IFunction;
  readonly sweepLog: ILogGroup;
  /** Id of the HTTP API. */
  readonly apiId: string;
  readonly machines: readonly StateMachine[];
  /** Address that alarms are mailed to; empty: nobody. */
  readonly email: CfnParameter;
}

/** What the sweeper counts at each run: a field of its log line `swept` → what it means. */
const SWEPT = {
  overdueOperations: 'operations past their deadline that it could not end',
  expiredClusters: 'clusters that still live ten minutes after their end',
  unownedResources: 'cloud resources of this deployment that belong to nothing',
} as const;

const NAMESPACE = 'Roadstead';

/** Alarms with their topic, and the page that shows the same figures. */
export class Watching extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: WatchingProps) {
    super(scope, id);
    // Not encrypted with AWS's own key: CloudWatch could not publish to it then, and alarms hold no secret.
    this.topic = new Topic(this, 'Alarms', { displayName: 'Roadstead', enforceSSL: true });
    const mailed = new CfnCondition(this, 'Mailed', {
      expression: Fn.conditionNot(Fn.conditionEquals(props.email, '')),
    });
    const subscription = new CfnSubscription(this, 'Mail', {
      topicArn: this.topic.topicArn,
      protocol: 'email',
      endpoint: props.email.valueAsString,
    });
    subscription.cfnOptions.condition = mailed;

    const swept = Object.keys(SWEPT).map((field) =>
      new MetricFilter(this, field, {
        logGroup: props.sweepLog,
        metricNamespace: NAMESPACE,
        metricName: field,
        filterPattern: FilterPattern.exists(`$.${field}`),
        metricValue: `$.${field}`,
      }).metric({ statistic: 'max', period: Duration.minutes(5) }),
    );
    const age = (target: IFunction): IMetric =>
      target.metric('IteratorAge', { statistic: 'max', period: Duration.minutes(5) });
    const http = (metricName: string, statistic: string): Metric =>
      new Metric({
        namespace: 'AWS/ApiGateway',
        metricName,
        dimensionsMap: { ApiId: props.apiId },
        statistic,
        period: Duration.minutes(5),
      });
    const throttles = new Metric({
      namespace: 'AWS/Lambda',
      metricName: 'Throttles',
      statistic: 'sum',
      period: Duration.minutes(5),
    });
    const failed = new MathExpression({
      expression: props.machines.map((_, index) => `m${index}`).join('+'),
      usingMetrics: Object.fromEntries(
        props.machines.map((machine, index) => [`m${index}`, machine.metricFailed({ period: Duration.minutes(5) })]),
      ),
      label: 'executions failed',
      period: Duration.minutes(5),
    });

    const alarm = (
      name: string,
      description: string,
      metric: IMetric,
      threshold: number,
      more: { periods?: number; below?: boolean } = {},
    ): void => {
      new Alarm(this, name, {
        alarmDescription: description,
        metric,
        threshold,
        evaluationPeriods: more.periods ?? 1,
        comparisonOperator: more.below
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: more.below ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
      }).addAlarmAction(new SnsAction(this.topic));
    };
    const five = { period: Duration.minutes(5) };
    alarm('PushLags', 'pushes are more than a minute late', age(props.push), 60_000);
    alarm('EffectsLag', 'workflows start more than five minutes late', age(props.effects), 300_000);
    alarm(
      'EffectsFail',
      'effects threw: what it gave up on lies in the failure bucket',
      props.effects.metricErrors(five),
      3,
    );
    alarm('SweeperMissed', 'the sweeper has not run for five minutes', props.sweep.metricInvocations(five), 1, {
      below: true,
    });
    alarm('ApiFails', 'the HTTP API answered 5xx', http('5xx', 'sum'), 5);
    alarm('Throttled', 'Lambda refused invocations: the account’s concurrency is too small', throttles, 1);
    alarm('ExecutionsFail', 'a workflow ended without having recorded why', failed, 1);
    Object.entries(SWEPT).forEach(([field, meaning], index) => {
      alarm(`${field}Seen`, meaning, swept[index] as IMetric, 1, { periods: 2 });
    });

    new Dashboard(this, 'Page', {
      widgets: [
        [
          new GraphWidget({
            title: 'HTTP',
            left: [http('Count', 'sum'), http('4xx', 'sum'), http('5xx', 'sum')],
            right: [http('Latency', 'p99')],
            width: 12,
          }),
          new GraphWidget({
            title: 'Streams: age of the oldest record',
            left: [age(props.push), age(props.effects)],
            width: 12,
          }),
        ],
        [
          new GraphWidget({
            title: 'Workflows',
            left: [failed, ...props.machines.map((machine) => machine.metricSucceeded(five))],
            width: 12,
          }),
          new GraphWidget({ title: 'Sweeper', left: swept, right: [props.sweep.metricDuration(five)], width: 12 }),
        ],
      ],
    });
  }
}
