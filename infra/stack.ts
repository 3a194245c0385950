/** The whole deployment as one stack: parts first, then functions that know them, then what calls the functions (DESIGN §4). */

import { join } from 'node:path';
import { Aws, CfnOutput, Fn, Stack, type StackProps } from 'aws-cdk-lib';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { allRoutes } from '#core/contract/routes.ts';
import type { FunctionName } from '#functions/lib/env.ts';
import { AgentImage, type AgentSources } from './constructs/agent-image.ts';
import { ContractApi } from './constructs/contract-api.ts';
import { ControlTable } from './constructs/control-table.ts';
import { Dashboard } from './constructs/dashboard.ts';
import { EksRoles } from './constructs/eks-roles.ts';
import { FailureBucket } from './constructs/failure-bucket.ts';
import { Network } from './constructs/network.ts';
import { NodeFunction } from './constructs/node-function.ts';
import { People } from './constructs/people.ts';
import { SealingKey } from './constructs/sealing-key.ts';
import { SocketApi } from './constructs/socket-api.ts';
import { StreamConsumers } from './constructs/stream-consumers.ts';
import { Sweeper } from './constructs/sweeper.ts';
import { Watching } from './constructs/watching.ts';
import { executionsArn, stateMachineArn, Workflow } from './constructs/workflow.ts';
import { constructIdOf, functionNames, sizeOf } from './functions.ts';
import { parametersOf, timingParameter } from './parameters.ts';
import { permissionsOf, type Resources } from './permissions.ts';
import { environmentOf, timingVariables, type Variables } from './variables.ts';

export interface RoadsteadStackProps extends StackProps {
  /** Folder of the bundles: one folder for each function, with its `index.mjs`. */
  readonly bundles: string;
  /** Folder of the `.asl.json` files. */
  readonly stateMachines: string;
  /**
   * A published image of the agent.
   * @default '' the one built from `agentSources` at deploy
   */
  readonly agentImage?: string;
  /**
   * What the agent's image is built from.
   * @default none: the parameter AgentImage must name an image
   */
  readonly agentSources?: AgentSources;
  /**
   * Names of the availability zones for clusters, since EKS refuses some.
   * @default the first two of the region
   */
  readonly zones?: readonly string[];
  /**
   * Whether functions call AWS by its FIPS endpoints, service by service, where the region has them.
   * @default false
   */
  readonly fips?: boolean;
}

const WORKFLOWS = [
  'cluster-create',
  'cluster-delete',
  'workspace-start',
  'workspace-stop',
  'workspace-delete',
] as const;

export class RoadsteadStack extends Stack {
  constructor(scope: Construct, id: string, props: RoadsteadStackProps) {
    const { bundles, stateMachines, agentImage = '', agentSources, zones, fips = false, ...stackProps } = props;
    super(scope, id, { description: 'Roadstead: Kubernetes clusters and dev pods on demand', ...stackProps });
    const parameters = parametersOf(this, agentImage);

    const table = new ControlTable(this, 'Control');
    const people = new People(this, 'People');
    const key = new SealingKey(this, 'Sealing');
    const roles = new EksRoles(this, 'Eks');
    const network = new Network(this, 'Network', zones === undefined ? {} : { zones });
    const failures = new FailureBucket(this, 'Failures');
    const api = new ContractApi(this, 'Http');
    const socket = new SocketApi(this, 'Socket');
    const image = new AgentImage(this, 'Agent', {
      parameter: parameters.agentImage,
      ...(agentSources === undefined ? {} : { sources: agentSources }),
    });

    // Named after the stack, since a task of a state machine must know the machine that it is part of.
    const machineName = (workflow: string): string => `${Aws.STACK_NAME}-${workflow}`;
    const resources: Resources = {
      table,
      people,
      key,
      roles,
      socket,
      failures,
      stateMachineArns: WORKFLOWS.map((workflow) => stateMachineArn(this, machineName(workflow))),
      executionArns: WORKFLOWS.map((workflow) => executionsArn(this, machineName(workflow))),
    };
    const variables: Variables = {
      ...timingVariables(parameters.timings),
      TABLE: table.name,
      // A new deployment under an old name is another deployment.
      DEPLOYMENT_ID: Fn.select(2, Fn.split('/', Aws.STACK_ID)),
      LOG_LEVEL: 'INFO',
      FIPS: String(fips),
      ISSUER: people.issuer,
      JWKS_URI: people.jwksUri,
      USER_POOL_ID: people.pool.userPoolId,
      USER_POOL_CLIENT_ID: people.client.userPoolClientId,
      REGISTRATION: parameters.registration.valueAsString,
      PROVIDERS: 'eks,existing',
      SHARING_TEAMS: parameters.sharingTeams.valueAsString,
      TEAM_CLUSTER_LIMIT: parameters.teamClusterLimit.valueAsString,
      DEPLOYMENT_CLUSTER_LIMIT: parameters.deploymentClusterLimit.valueAsString,
      DEPLOYMENT_VCPU_LIMIT: parameters.deploymentVcpuLimit.valueAsString,
      TEAM_WORKSPACE_LIMIT: parameters.teamWorkspaceLimit.valueAsString,
      TEAM_CPU_LIMIT: parameters.teamCpuLimit.valueAsString,
      TEAM_MEMORY_LIMIT: parameters.teamMemoryLimit.valueAsString,
      TEAM_STORAGE_LIMIT: parameters.teamStorageLimit.valueAsString,
      API_URL: api.url,
      SOCKET_URL: socket.url,
      CALLBACK_URL: socket.callbackUrl,
      KEY_ARN: key.arn,
      AGENT_IMAGE: image.reference,
      AGENT_IMAGE_PUBLISHED: image.published,
      CLUSTER_ROLE_ARN: roles.clusterRole.roleArn,
      NODE_ROLE_ARN: roles.nodeRole.roleArn,
      MANAGED_NODE_ROLE_ARN: roles.managedNodeRole.roleArn,
      VOLUME_DRIVER_ROLE_ARN: roles.volumeDriverRole.roleArn,
      CLUSTER_ACCESS_ROLE_ARN: roles.access.arn,
      VIEWER_ROLE_ARN: roles.viewer.arn,
      EDITOR_ROLE_ARN: roles.editor.arn,
      ADMIN_ROLE_ARN: roles.admin.arn,
      SUBNET_IDS: Fn.join(',', [...network.subnetIds]),
      CREATE_STATE_MACHINE_ARN: stateMachineArn(this, machineName('cluster-create')),
      DELETE_STATE_MACHINE_ARN: stateMachineArn(this, machineName('cluster-delete')),
      START_SEAT_STATE_MACHINE_ARN: stateMachineArn(this, machineName('workspace-start')),
      STOP_SEAT_STATE_MACHINE_ARN: stateMachineArn(this, machineName('workspace-stop')),
      DELETE_SEAT_STATE_MACHINE_ARN: stateMachineArn(this, machineName('workspace-delete')),
    };

    const functions = new Map(
      functionNames.map((name) => [
        name,
        new NodeFunction(this, constructIdOf(name), {
          bundle: join(bundles, name),
          description: name,
          size: sizeOf(name),
          environment: environmentOf(name, variables),
          grants: permissionsOf(name, resources),
        }),
      ]),
    );
    const the = (name: FunctionName): NodeFunction => functions.get(name) as NodeFunction;

    for (const task of ['ensure-compute', 'install-agent'] as const)
      roles.access.assumableBy(the(`tasks/cluster-create/${task}`).role);
    for (const identity of [roles.viewer, roles.editor, roles.admin]) identity.assumableBy(the('http/access').role);

    api.serve({ routes: allRoutes, functions: under(functions, 'http/'), fallback: the('http/system').function });
    socket.serve(the('socket/handler').function);
    new StreamConsumers(this, 'Streams', {
      streamArn: table.streamArn,
      push: the('stream/push').function,
      effects: the('stream/effects').function,
      failures: failures.bucket,
    });
    new Sweeper(this, 'Minute', { function: the('schedule/sweep').function });

    const tasks = new Map(
      [...under(functions, 'tasks/')].map(([name, each]) => [constructIdOf(name as FunctionName), each]),
    );
    const values = Object.fromEntries(
      Object.entries(parameters.timings).map(([name, each]) => [
        timingParameter(name as keyof typeof parameters.timings),
        each.valueAsString,
      ]),
    );
    const machines = WORKFLOWS.map(
      (workflow) =>
        new Workflow(this, `${workflow}-workflow`, {
          definition: join(stateMachines, `${workflow}.asl.json`),
          name: machineName(workflow),
          functions: tasks,
          values,
        }).machine,
    );

    const dashboard = new Dashboard(this, 'Dashboard', { apiHost: api.host, socketHost: socket.host });
    const watching = new Watching(this, 'Watching', {
      push: the('stream/push').function,
      effects: the('stream/effects').function,
      streamLogs: { Push: the('stream/push').logGroup, Effects: the('stream/effects').logGroup },
      sweep: the('schedule/sweep').function,
      sweepLog: the('schedule/sweep').logGroup,
      apiId: api.api.apiId,
      machines,
      email: parameters.alarmEmail,
    });

    const outputs: Record<string, string> = {
      ApiUrl: api.url,
      SocketUrl: socket.url,
      DashboardUrl: dashboard.url,
      DashboardBucket: dashboard.bucket.bucketName,
      DistributionId: dashboard.distribution.distributionId,
      UserPoolId: people.pool.userPoolId,
      ClientId: people.client.userPoolClientId,
      TableName: table.name,
      KeyArn: key.arn,
      FailureBucket: failures.bucket.bucketName,
      AlarmTopic: watching.topic.topicArn,
      DeploymentId: variables.DEPLOYMENT_ID as string,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

/** The functions whose names begin so, by the rest of their names. */
const under = (functions: ReadonlyMap<string, NodeFunction>, prefix: string): Map<string, IFunction> =>
  new Map(
    [...functions]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, each]) => [name.slice(prefix.length), each.function]),
  );
