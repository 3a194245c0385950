/** At most ten alarms, one dashboard and one topic: what a deployment is looked after by, inside the free tier (DESIGN §4 watching). */
import { CfnCondition, type CfnParameter, Duration, Fn, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  Dashboard,
  GraphWidget,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, type ILogGroup, MetricFilter } from 'aws-cdk-lib/aws-logs';
import { CfnSubscription, Topic } from 'aws-cdk-lib/aws-sns';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface WatchingProps {
  readonly push: IFunction;
  readonly effects: IFunction;
  /** Logs of these two. */
  readonly streamLogs: Readonly<Record<string, ILogGroup>>;
  readonly sweep: IFunction;
  readonly sweepLog: ILogGroup;
  /** Id of the HTTP API. */
  readonly apiId: string;
  readonly machines: readonly StateMachine[];
  /** Address that alarms are mailed to; empty: nobody. */
  readonly email: CfnParameter;
}

/** Lines in the sweeper's log that somebody should look at: name of the alarm → the line's message. */
export const SWEEPER_LINES = {
  OrphanRemoved: 'an orphan is removed',
  OperationOverdue: 'an operation is overdue',
  ExpiredClusterAlive: 'an expired cluster is still there',
} as const;

/** Lines of the stream's consumers that somebody should look at: to Lambda a failure that they answer is a success, and no error of theirs. */
export const STREAM_LINES = ['a change could not be handled', 'a record could not be read'] as const;
/** How Lambda's own line about an invocation ends when no line of ours could be written any more. */
const ENDS = ['error', 'failure', 'timeout'] as const;

const FIVE_MINUTES = { period: Duration.minutes(5) };

interface Watched {
  readonly name: string;
  /** What is wrong when it rings. */
  readonly means: string;
  readonly metric: IMetric;
  /** Rings at this value or above. */
  readonly at?: number;
  /** Rings below this value, and when there is none at all. */
  readonly below?: number;
}

/** Alarms with their topic, and the page that shows the same figures. */
export class Watching extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string, props: WatchingProps) {
    super(scope, id);
    this.topic = this.topicFor(props.email);
    const { push, effects, sweep, machines } = props;
    const age = (target: IFunction): IMetric => target.metric('IteratorAge', { statistic: 'max', ...FIVE_MINUTES });
    const http = (metricName: string, statistic: string): IMetric =>
      new Metric({
        namespace: 'AWS/ApiGateway',
        metricName,
        dimensionsMap: { ApiId: props.apiId },
        statistic,
        ...FIVE_MINUTES,
      });
    const lines = Object.entries(SWEEPER_LINES).map(([name, message]) => ({
      name,
      means: `the sweeper had to step in: ${message}`,
      metric: this.linesOf(props.sweepLog, name, message),
      at: 1,
    }));
    const failures = this.failuresIn(props.streamLogs);
    const throttles = new Metric({
      namespace: 'AWS/Lambda',
      metricName: 'Throttles',
      statistic: 'sum',
      ...FIVE_MINUTES,
    });

    const watched: readonly Watched[] = [
      // What is a minute old is dropped: no older record is ever seen.
      { name: 'PushLags', means: 'pushes are half a minute late', metric: age(push), at: 30_000 },
      { name: 'EffectsLag', means: 'workflows start five minutes late', metric: age(effects), at: 300_000 },
      {
        name: 'ChangesFail',
        means:
          'push or effects failed again and again: their logs say at what; what effects gave up on lies in the failure bucket',
        metric: failures,
        at: 3,
      },
      {
        name: 'SweeperMissed',
        means: 'the sweeper did not run',
        metric: sweep.metricInvocations(FIVE_MINUTES),
        below: 1,
      },
      {
        name: 'SweeperFails',
        means: 'a duty of the sweeper fails: its log says which',
        // Clouds are looked through every ten minutes, and a failed sweep is not repeated: three looks.
        metric: sweep.metricErrors({ period: Duration.minutes(30) }),
        at: 3,
      },
      { name: 'ApiFails', means: 'the HTTP API answered 5xx', metric: http('5xx', 'sum'), at: 5 },
      {
        name: 'Throttled',
        means: 'Lambda refused invocations: the account has room for too few at once',
        metric: throttles,
        at: 1,
      },
      ...lines,
    ];
    for (const each of watched) this.alarm(each);

    new Dashboard(this, 'Page', {
      widgets: [
        [
          graph('HTTP', [http('Count', 'sum'), http('4xx', 'sum'), http('5xx', 'sum')], [http('Latency', 'p99')]),
          graph('Streams: age of the oldest record, failures', [age(push), age(effects)], [failures]),
        ],
        [
          graph(
            'Workflows',
            machines.flatMap((each) => [each.metricSucceeded(FIVE_MINUTES), each.metricFailed(FIVE_MINUTES)]),
          ),
          graph(
            'Sweeper',
            [sweep.metricErrors(FIVE_MINUTES), ...lines.map(({ metric }) => metric)],
            [sweep.metricDuration(FIVE_MINUTES)],
          ),
        ],
      ],
    });
  }

  /** Not encrypted with AWS's own key: CloudWatch could not publish to it then, and alarms hold no secret. */
  private topicFor(email: CfnParameter): Topic {
    const topic = new Topic(this, 'Alarms', { displayName: 'Roadstead', enforceSSL: true });
    // A policy takes the place of the one that lets the whole account publish.
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'AlarmsPublish',
        actions: ['sns:Publish'],
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    const mail = new CfnSubscription(this, 'Mail', {
      topicArn: topic.topicArn,
      protocol: 'email',
      endpoint: email.valueAsString,
    });
    mail.cfnOptions.condition = new CfnCondition(this, 'Mailed', {
      expression: Fn.conditionNot(Fn.conditionEquals(email, '')),
    });
    return topic;
  }

  /** Counts the lines of a log that have this message. */
  private linesOf(logGroup: ILogGroup, name: string, message: string): IMetric {
    return new MetricFilter(this, `${name}Lines`, {
      logGroup,
      metricNamespace: 'Roadstead',
      metricName: name,
      filterPattern: FilterPattern.stringValue('$.message', '=', message),
      metricValue: '1',
    }).metric({ statistic: 'sum', ...FIVE_MINUTES });
  }

  /** Counts failures in several logs as one metric: one alarm for all. */
  private failuresIn(logs: Readonly<Record<string, ILogGroup>>): IMetric {
    const anyOf = FilterPattern.any(
      ...STREAM_LINES.map((line) => FilterPattern.stringValue('$.message', '=', line)),
      ...ENDS.map((status) => FilterPattern.stringValue('$.record.status', '=', status)),
    );
    const [first] = Object.entries(logs).map(([name, logGroup]) =>
      new MetricFilter(this, `${name}Failures`, {
        logGroup,
        metricNamespace: 'Roadstead',
        metricName: 'ChangesFail',
        filterPattern: anyOf,
        metricValue: '1',
      }).metric({ statistic: 'sum', ...FIVE_MINUTES }),
    );
    if (first === undefined) throw new Error('there is no log to look for failures in');
    return first;
  }

  private alarm({ name, means, metric, at, below }: Watched): void {
    const alarm = new Alarm(this, name, {
      alarmDescription: means,
      metric,
      threshold: below ?? at ?? 1,
      evaluationPeriods: 1,
      comparisonOperator:
        below === undefined
          ? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
          : ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: below === undefined ? TreatMissingData.NOT_BREACHING : TreatMissingData.BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
  }
}

const graph = (title: string, left: IMetric[], right: IMetric[] = []): GraphWidget =>
  new GraphWidget({ title, left, right, width: 12 });
