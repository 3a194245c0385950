/** A runtime over a small app, with clients that act as its operator. */
import { type AttributeValue, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { type Runtime, type RuntimeOptions, startRuntime } from '#local/runtime.ts';
import { synth, temporary, type Workshop } from './app.ts';

export interface Running extends Runtime {
  readonly stateDir: string;
  readonly cdkOut: string;
  /** What the runtime said. */
  readonly lines: string[];
  /** Settings of an AWS client that may do everything. */
  readonly client: { endpoint: string; region: string; credentials: Runtime['operator']; maxAttempts: number };
  readonly dynamo: DynamoDBClient;
  put(item: Record<string, AttributeValue>): Promise<unknown>;
  get(pk: string, sk?: string): Promise<Record<string, AttributeValue> | undefined>;
}

/** Starts what `build` makes, or the app and state that `options` name. */
export async function run(
  build: ((shop: Workshop) => void) | undefined,
  options: Partial<RuntimeOptions> = {},
): Promise<Running> {
  const cdkOut = options.cdkOut ?? synth(build!);
  const stateDir = options.stateDir ?? temporary('state');
  const lines: string[] = [];
  const runtime = await startRuntime({
    port: 0,
    streamRetryMs: 20,
    ...options,
    cdkOut,
    stateDir,
    log: (line) => lines.push(line),
  });
  const client = { endpoint: runtime.awsEndpoint, region: 'us-east-1', credentials: runtime.operator, maxAttempts: 1 };
  const dynamo = new DynamoDBClient(client);
  const TableName = runtime.table?.name;
  return {
    ...runtime,
    stateDir,
    cdkOut,
    lines,
    client,
    dynamo,
    put: (Item) => dynamo.send(new PutItemCommand({ TableName, Item })),
    get: async (pk, sk = 'it') =>
      (await dynamo.send(new GetItemCommand({ TableName, Key: { pk: { S: pk }, sk: { S: sk } } }))).Item,
  };
}
