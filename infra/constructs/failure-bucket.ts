/** Where stream records go that the effects consumer could not handle: for people to look at, gone after 30 days. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';
import { accept } from '../nag.ts';

/** A private, encrypted bucket that only Lambda's own delivery writes to. */
export class FailureBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(30) }],
      // A bucket that is not empty cannot be deleted, and nothing here empties one.
      removalPolicy: RemovalPolicy.RETAIN,
    });
    accept(this.bucket, {
      'AwsSolutions-S1':
        'only the consumer’s role may write and nobody else reads: an access log of it would be a second bucket with the same question',
    });
  }

  /** What a function's role needs for its failures to be delivered here. */
  deliver(): Grant[] {
    return [
      {
        sid: 'DeliverFailures',
        actions: ['s3:PutObject'],
        resources: [`${this.bucket.bucketArn}/*`],
        wildcard: 'Lambda names each object itself, by function, day and shard',
      },
      { sid: 'FindFailureBucket', actions: ['s3:ListBucket'], resources: [this.bucket.bucketArn] },
    ];
  }
}
