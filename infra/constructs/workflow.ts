/** A Step Functions state machine from its definition in `state-machines/`, inlined in the template (DESIGN §4 workflows). */
import { readFileSync } from 'node:fs';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { give } from '../grant.ts';
import { accept } from '../nag.ts';

export interface WorkflowProps {
  /** Path of the `.asl.json` file. */
  readonly definition: string;
  readonly name: string;
  /** Task functions by the name that the definition calls them. */
  readonly functions: ReadonlyMap<string, IFunction>;
  /** Other values by the name that the definition calls them. */
  readonly values: Readonly<Record<string, string>>;
}

/** Names that stand as `${Name}` in a definition, each once. */
export const placeholdersOf = (definition: string): string[] => [
  ...new Set([...definition.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name as string)),
];

/** One state machine with its log and a role that may invoke its own tasks. */
export class Workflow extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const text = readFileSync(props.definition, 'utf8');
    const substitutions: Record<string, string> = {};
    const tasks: IFunction[] = [];
    for (const name of placeholdersOf(text)) {
      const task = props.functions.get(name);
      if (task !== undefined) tasks.push(task);
      const value = task?.functionArn ?? props.values[name];
      if (value === undefined)
        throw new Error(
          `${props.definition} has \${${name}}, which is neither a task (${[...props.functions.keys()].join(', ')}) nor a value (${Object.keys(props.values).join(', ')})`,
        );
      substitutions[name] = value;
    }

    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    give(role, [
      { sid: 'InvokeTasks', actions: ['lambda:InvokeFunction'], resources: tasks.map((task) => task.functionArn) },
    ]);
    const log = new LogGroup(this, 'Log', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    this.machine = new StateMachine(this, 'Machine', {
      stateMachineName: props.name,
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromString(text),
      definitionSubstitutions: substitutions,
      role,
      // Only what failed, without inputs: steps and errors are kept in our table.
      logs: { destination: log, level: LogLevel.ERROR, includeExecutionData: false },
    });
    accept(this, {
      'AwsSolutions-IAM5[Resource::*]':
        'delivering logs (logs:CreateLogDelivery and its kin) has no resource to name; everything else the role may do names its function',
      'AwsSolutions-SF1':
        'errors alone are logged: every step and its error is kept in our table, and full logs are paid for by each transition (DESIGN §4)',
      'AwsSolutions-SF2': 'tracing with X-Ray is paid for and outside the idle bill (DESIGN §4)',
    });
  }
}

/** The ARN of a state machine by its name: known before the machine is, so that its own tasks can be told it. */
export const stateMachineArn = (scope: Construct, name: string): string =>
  `arn:${Stack.of(scope).partition}:states:${Stack.of(scope).region}:${Stack.of(scope).account}:stateMachine:${name}`;

/** The ARN pattern of the executions of a state machine. */
export const executionsArn = (scope: Construct, name: string): string =>
  `arn:${Stack.of(scope).partition}:states:${Stack.of(scope).region}:${Stack.of(scope).account}:execution:${name}:*`;
