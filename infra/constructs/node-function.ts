/** A Lambda function of ours: Node 24 on arm64, its own log group, its own role that may do nothing but what it is given. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Size } from '../functions.ts';
import { type Grant, give } from '../grant.ts';

export interface NodeFunctionProps {
  /** Folder of the bundle: holds `index.mjs`, which exports `handler`. */
  readonly bundle: string;
  readonly description: string;
  readonly size: Size;
  /** Exactly the variables of the function's own schema. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it may do besides writing its own log. */
  readonly grants: readonly Grant[];
}

/** One function with its log group and role. */
export class NodeFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    // Instead of the managed policy, which may make and write every log group of the account.
    give(this.role, [
      {
        sid: 'WriteLog',
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logGroup.logGroupArn],
      },
      ...props.grants,
    ]);
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      // Named: `NODEJS_LATEST` moves with the CDK.
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.bundle),
      memorySize: props.size.memory,
      timeout: Duration.seconds(props.size.timeout),
      environment: props.environment,
      role: this.role.withoutPolicyUpdates(),
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
    });
    // Without its policy a function that is called at once would be refused.
    this.function.node.addDependency(this.role);
  }
}
