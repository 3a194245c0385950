/** The one key that secrets are sealed with before they reach the table (DESIGN §4 secrets). */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import type { Grant } from '../grant.ts';
import { accept } from '../nag.ts';

/** A customer managed key, kept when the stack goes: what it sealed would be lost with it. */
export class SealingKey extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const key = new Key(this, 'Key', {
      description: 'seals secrets of Roadstead',
      enableKeyRotation: false,
      pendingWindow: Duration.days(30),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.arn = key.keyArn;
    accept(key, {
      'AwsSolutions-KMS5':
        'every rotation adds a dollar a month for ever, half of the idle bill (DESIGN §4); the key only wraps data keys, one for each secret, and after a rotation on demand `npm run admin -- rekey` seals all of them anew',
    });
  }

  /** Sealing and opening. */
  seal(): Grant {
    return { sid: 'Seal', actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [this.arn] };
  }

  /** For who keeps secrets and never reads one. */
  sealOnly(): Grant {
    return { sid: 'SealOnly', actions: ['kms:GenerateDataKey'], resources: [this.arn] };
  }
}
