/** The one table: the only door through which anything changes (DESIGN §2). */
import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  Billing,
  type CfnGlobalTable,
  ProjectionType,
  StreamViewType,
  TableEncryptionV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';

const INDEXES = ['gsi1', 'gsi2', 'gsi3'] as const;

const READ = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'];
const WRITE = ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:ConditionCheckItem'];

/** On-demand table with three generic indexes from day one, since a deploy may change only one; kept when the stack goes. */
export class ControlTable extends Construct {
  readonly name: string;
  readonly arn: string;
  readonly streamArn: string;
  readonly table: TableV2;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.table = new TableV2(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billing: Billing.onDemand(),
      // AWS-owned keys are free; what must be secret is sealed before it comes here.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      timeToLiveAttribute: 'ttl',
      dynamoStream: StreamViewType.NEW_AND_OLD_IMAGES,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
      globalSecondaryIndexes: INDEXES.map((indexName) => ({
        indexName,
        partitionKey: { name: `${indexName}pk`, type: AttributeType.STRING },
        sortKey: { name: `${indexName}sk`, type: AttributeType.STRING },
        projectionType: ProjectionType.ALL,
      })),
    });
    // Another logical id would be another, empty table.
    (this.table.node.defaultChild as CfnGlobalTable).overrideLogicalId('ControlTable');
    this.name = this.table.tableName;
    this.arn = this.table.tableArn;
    this.streamArn = this.table.tableStreamArn as string;
  }

  /** Reading items by key and by index. */
  read(): Grant {
    return {
      sid: 'ReadTable',
      actions: READ,
      resources: [this.arn, ...INDEXES.map((index) => `${this.arn}/index/${index}`)],
    };
  }

  /** Writing items; a transaction asks for the right of each of its parts. */
  write(): Grant {
    return { sid: 'WriteTable', actions: WRITE, resources: [this.arn] };
  }

  /** Reading the stream, for an event source mapping. */
  readStream(): Grant {
    return {
      sid: 'ReadStream',
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
      resources: [this.streamArn],
    };
  }
}
