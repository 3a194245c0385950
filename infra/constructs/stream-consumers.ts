/** The two readers of the table's stream, and never a third (DESIGN §2): `push` is speed, `effects` starts and signals workflows. */
import { Duration } from 'aws-cdk-lib';
import { EventSourceMapping, FilterCriteria, type IFunction, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

/** What each consumer is woken for: the `entity` that every item carries. */
export const WATCHED = {
  push: ['Cluster', 'Workspace', 'Group', 'CredentialRequest', 'Token', 'Signout', 'Subscription'],
  effects: ['Operation', 'Await', 'Cluster', 'Workspace', 'Group', 'Secret'],
} as const;

export interface StreamConsumersProps {
  readonly streamArn: string;
  readonly push: IFunction;
  readonly effects: IFunction;
  readonly failures: Bucket;
}

/** Writes of these entities, and removals that somebody made: those by time to live carry `userIdentity`. */
const filtersFor = (entities: readonly string[]) => [
  FilterCriteria.filter({
    eventName: ['INSERT', 'MODIFY'],
    dynamodb: { NewImage: { entity: { S: [...entities] } } },
  }),
  FilterCriteria.filter({
    eventName: ['REMOVE'],
    userIdentity: { type: [{ exists: false }] },
    dynamodb: { OldImage: { entity: { S: [...entities] } } },
  }),
];

/** Both event source mappings. */
export class StreamConsumers extends Construct {
  constructor(scope: Construct, id: string, props: StreamConsumersProps) {
    super(scope, id);
    const common = {
      eventSourceArn: props.streamArn,
      startingPosition: StartingPosition.TRIM_HORIZON,
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      parallelizationFactor: 1,
      batchSize: 100,
    };
    new EventSourceMapping(this, 'Push', {
      ...common,
      target: props.push,
      filters: filtersFor(WATCHED.push),
      // Then dropped: clients resync by version, and who lost a right is refused at the next message (ADR 6, 40).
      retryAttempts: 3,
      maxRecordAge: Duration.seconds(60),
    });
    new EventSourceMapping(this, 'Effects', {
      ...common,
      target: props.effects,
      filters: filtersFor(WATCHED.effects),
      retryAttempts: 10,
      maxRecordAge: Duration.hours(1),
      // The L2's own destination would also grant reading and deleting.
      onFailure: { bind: () => ({ destination: props.failures.bucketArn }) },
    });
  }
}
