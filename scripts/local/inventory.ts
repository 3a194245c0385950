/** Counts what a deployment holds, asked of the AWS APIs and the process table, not of our own code: after the last delete all of it is 0. */
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { EKSClient, ListClustersCommand } from '@aws-sdk/client-eks';
import { ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { Runtime } from '#local/runtime.ts';
import { processesUnder } from './processes.ts';

export interface Inventory {
  /** Items of clusters that are not Deleted. */
  readonly clusters: number;
  readonly cloudClusters: number;
  /** Items of dev pods that are not Deleted, and the lines that their agents sync by. */
  readonly devPods: number;
  readonly seatRows: number;
  readonly agentProcesses: number;
  readonly activeTokens: number;
  readonly openExecutions: number;
  readonly connections: number;
  readonly reservedNames: number;
  readonly waitingTokens: number;
}

/** Processes of agents: the bundle run for a pod under this state folder. */
const agentsUnder = (state: string): number =>
  processesUnder(state).filter(({ args }) => args.includes('dist/agent/main')).length;

export const inventory = async (runtime: Runtime, state: string): Promise<Inventory> => {
  const { accessKeyId, secretAccessKey, sessionToken } = runtime.operator;
  const config = {
    endpoint: runtime.awsEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  };
  const [dynamodb, eks, sfn] = [new DynamoDBClient(config), new EKSClient(config), new SFNClient(config)];

  const items: { entity: string; phase?: string; ended: boolean }[] = [];
  let from: Record<string, never> | undefined;
  do {
    const page = await dynamodb.send(
      new ScanCommand({ TableName: runtime.outputs.TableName, ConsistentRead: true, ExclusiveStartKey: from }),
    );
    for (const item of page.Items ?? []) {
      items.push({
        entity: item.entity?.S ?? '',
        ...(item.phase?.S === undefined ? {} : { phase: item.phase.S }),
        ended: item.revokedAt !== undefined || item.usedAt !== undefined,
      });
    }
    from = page.LastEvaluatedKey as Record<string, never> | undefined;
  } while (from !== undefined);
  const count = (entity: string, matches: (item: (typeof items)[number]) => boolean = () => true) =>
    items.filter((item) => item.entity === entity && matches(item)).length;

  const machines = [...runtime.resources.values()]
    .filter(({ type }) => type === 'AWS::StepFunctions::StateMachine')
    .map(({ ref }) => ref);
  const running = await Promise.all(
    machines.map((stateMachineArn) =>
      sfn.send(new ListExecutionsCommand({ stateMachineArn, statusFilter: 'RUNNING' })),
    ),
  );
  return {
    clusters: count('Cluster', (item) => item.phase !== 'Deleted'),
    cloudClusters: ((await eks.send(new ListClustersCommand({}))).clusters ?? []).length,
    devPods: count('Workspace', (item) => item.phase !== 'Deleted'),
    seatRows: count('SeatRow'),
    agentProcesses: agentsUnder(state),
    activeTokens: count('Token', (item) => !item.ended),
    openExecutions: running.reduce((sum, { executions = [] }) => sum + executions.length, 0),
    connections: count('Connection'),
    reservedNames: count('ClusterName'),
    waitingTokens: count('Await'),
  };
};

/** `clusters 0, …` */
export const describeInventory = (found: Inventory): string =>
  Object.entries(found)
    .map(([name, number]) => `${name.replaceAll(/([A-Z])/g, ' $1').toLowerCase()} ${number}`)
    .join(', ');

/** Waits until everything is 0 or the time is over; answers the last count. */
export const untilNothingLeft = async (
  runtime: Runtime,
  state: string,
  seconds: number,
): Promise<{ found: Inventory; nothing: boolean }> => {
  for (const end = Date.now() + seconds * 1000; ; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const found = await inventory(runtime, state);
    const nothing = Object.values(found).every((number) => number === 0);
    if (nothing || Date.now() > end) return { found, nothing };
  }
};
