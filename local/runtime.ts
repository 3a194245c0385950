/** The local AWS: runs a synthesized template on this machine, behind one port for people and one endpoint for all AWS APIs. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Calls, createCalls } from './calls.ts';
import { endOrphans } from './children.ts';
import { dynamoApi } from './dynamodb/api.ts';
import { connectDynamo, type DynamoAddress } from './dynamodb/client.ts';
import { createNudge } from './dynamodb/nudge.ts';
import { startDynamo } from './dynamodb/process.ts';
import type { LocalTable } from './dynamodb/table.ts';
import { startTtl } from './dynamodb/ttl.ts';
import { type CallHooks, createEndpoint } from './endpoint.ts';
import { startRules } from './events/schedule.ts';
import { type Connections, createConnections } from './gateway/connections.ts';
import { connectionsApi } from './gateway/connections-api.ts';
import { createHttpApi } from './gateway/http-api.ts';
import { createGatewayModel } from './gateway/model.ts';
import { createPublicServer } from './gateway/server.ts';
import { createSocketApi } from './gateway/socket-api.ts';
import { createHosts } from './hosts.ts';
import { createIam, type LocalIam } from './iam/iam.ts';
import { kmsApi } from './kms/api.ts';
import { openKeys } from './kms/keys.ts';
import { openCheckpoints } from './lambda/event-source/checkpoints.ts';
import { createMappings } from './lambda/event-source/mappings.ts';
import { createFunctions, type Functions, type InvokeHooks } from './lambda/functions.ts';
import { createServiceInvoke } from './lambda/service-invoke.ts';
import { closeServer, LOOPBACK, listenAgain, listenOn } from './listen.ts';
import { lockState } from './lock.ts';
import type { Credentials, Plugin, PluginContext, PluginFactory } from './plugin.ts';
import { resourceHandlers } from './resources/handlers.ts';
import type { World } from './resources/world.ts';
import { s3Api } from './s3/api.ts';
import { openObjects } from './s3/store.ts';
import { type Assembly, readAssembly } from './template/assembly.ts';
import { type Deployed, deploy } from './template/deploy.ts';

export interface RuntimeOptions {
  /** Folder that `cdk synth` wrote. */
  readonly cdkOut: string;
  /** Where everything that survives a restart lies; one runtime at a time. */
  readonly stateDir: string;
  /** The port for people; 0: a free one, the same after a restart. */
  readonly port: number;
  /** Forgets the state first. */
  readonly fresh?: boolean;
  /** Overrides of the template's parameters. */
  readonly parameters?: Readonly<Record<string, string | number>>;
  readonly plugins?: readonly PluginFactory[];
  /** Takes the place of the period of every schedule, in seconds. */
  readonly sweepSeconds?: number;
  /** How often expired items are deleted; DynamoDB takes its time, so may this. */
  readonly ttlSeconds?: number;
  /** Limits of WebSocket connections; API Gateway's 10 min and 2 h where not given. */
  readonly socketIdleSeconds?: number;
  readonly socketLifeSeconds?: number;
  /** API Gateway's 30 s where not given. */
  readonly httpTimeoutSeconds?: number;
  /** Before the first retry of a batch of stream records. */
  readonly streamRetryMs?: number;
  /** Events of one function that may run at once. */
  readonly concurrency?: number;
  readonly hooks?: { readonly invoke?: InvokeHooks; readonly call?: CallHooks };
  /** Event source mappings stay off until `runtime.switchMappings` turns them on. */
  readonly mappingsOff?: boolean;
  readonly java?: string;
  /** A DynamoDB Local that runs already, in the place of one of our own with its data in `stateDir`. */
  readonly dynamodb?: DynamoAddress;
  log?(line: string): void;
}

export interface Runtime {
  /** `http://localhost:PORT`: HTTP API, `/docs`. */
  readonly url: string;
  /** `ws://localhost:PORT/ws`. */
  readonly socketUrl: string;
  /** `http://127.0.0.1:PORT` for every AWS client. */
  readonly awsEndpoint: string;
  /** The template's, hosts of AWS made local. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly parameters: Deployed['parameters'];
  readonly resources: Deployed['resources'];
  readonly calls: Calls;
  readonly functions: Functions;
  readonly connections: Connections;
  readonly iam: LocalIam;
  /** The first table of the template. */
  readonly table: LocalTable | undefined;
  /** Keys that may do everything, for scripts and tests. */
  readonly operator: Credentials;
  readonly plugins: readonly Plugin[];
  /** Switches a mapping (by logical id, all without) off or on; it keeps its place. */
  switchMappings(on: boolean, logicalId?: string): Promise<void>;
  stop(): Promise<void>;
}

const YEAR_SECONDS = 31_536_000;
const OPERATOR = 'RoadsteadOperator';

/** Removes all state but the lock, which is ours. */
function forget(stateDir: string): void {
  for (const part of readdirSync(stateDir))
    if (part !== 'lock') rmSync(join(stateDir, part), { recursive: true, force: true });
}

/** The id of this deployment: made at the first start, forgotten with the state. */
function stackUuid(file: string): string {
  if (!existsSync(file)) writeFileSync(file, randomUUID());
  return readFileSync(file, 'utf8');
}

/** Starts everything. Where something fails, what was started is stopped again. */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const stateDir = resolve(options.stateDir);
  const assembly = readAssembly(options.cdkOut);
  await using started = new AsyncDisposableStack();
  started.defer(lockState(stateDir));
  await endOrphans(stateDir);
  if (options.fresh) forget(stateDir);
  const runtime = await compose(options, stateDir, assembly, started);
  const everything = started.move();
  let stopping: Promise<void> | undefined;
  return { ...runtime, stop: () => (stopping ??= everything.disposeAsync()) };
}

async function ownDynamo(
  { java, log = () => {} }: RuntimeOptions,
  stateDir: string,
  started: AsyncDisposableStack,
): Promise<DynamoAddress> {
  const child = await startDynamo({
    stateDir,
    ...(java && { java }),
    onExit: (code) => log(`DynamoDB Local ended by itself (code ${code}); start again`),
  });
  started.defer(() => child.stop());
  return child;
}

async function compose(
  options: RuntimeOptions,
  stateDir: string,
  assembly: Assembly,
  started: AsyncDisposableStack,
): Promise<Omit<Runtime, 'stop'>> {
  const { log = () => {}, hooks = {} } = options;
  const iam = createIam(join(stateDir, 'iam', 'secret'));
  const operatorArn = iam.addRole({ name: OPERATOR, path: '/', trust: {} });
  iam.attach(operatorArn, { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }, OPERATOR);
  const calls = createCalls();

  const people = createPublicServer();
  const port =
    options.port === 0 ? listenAgain(people.server, join(stateDir, 'port')) : listenOn(people.server, options.port);
  const host = `localhost:${await port}`;
  started.defer(() => closeServer(people.server));
  const { server, add } = createEndpoint({ iam, calls, log, ...(hooks.call && { hooks: hooks.call }) });
  const endpoint = `http://${LOOPBACK}:${await listenAgain(server, join(stateDir, 'endpoint-port'))}`;
  started.defer(() => closeServer(server));
  const [url, socketUrl] = [`http://${host}`, `ws://${host}/ws`];

  const dynamo = connectDynamo(options.dynamodb ?? (await ownDynamo(options, stateDir, started)));
  started.defer(() => dynamo.close());
  const checkpoints = openCheckpoints(join(stateDir, 'dynamodb', 'streams.db'));
  started.defer(() => checkpoints.close());

  const functions = createFunctions({
    logDir: join(stateDir, 'logs'),
    endpoint,
    credentials: (roleArn, name) => iam.issue(roleArn, name, YEAR_SECONDS),
    ...(options.concurrency && { concurrency: options.concurrency }),
    ...(hooks.invoke && { hooks: hooks.invoke }),
  });
  started.defer(() => functions.stop());

  const context: PluginContext = {
    stateDir,
    endpoint,
    url,
    iam,
    log,
    async invokeFunction(arn, payload, caller) {
      const target = functions.get(arn);
      iam.authorize(
        caller,
        { action: 'lambda:InvokeFunction', resource: target.arn },
        { code: 'AccessDeniedException', status: 403 },
      );
      return target.invoke(payload);
    },
  };
  const plugins = await Promise.all((options.plugins ?? []).map((make) => make(context)));
  for (const plugin of plugins) if (plugin.stop) started.defer(() => plugin.stop!());

  const nudge = createNudge();
  const keys = openKeys(join(stateDir, 'kms'));
  const objects = openObjects(join(stateDir, 's3'));
  const connections = createConnections({
    idleMs: (options.socketIdleSeconds ?? 600) * 1000,
    lifeMs: (options.socketLifeSeconds ?? 7200) * 1000,
  });
  const apis = [
    dynamoApi(dynamo, nudge.now),
    kmsApi(keys, iam),
    s3Api(objects, iam),
    connectionsApi(connections),
    ...plugins.flatMap((plugin) => plugin.apis ?? []),
  ];
  for (const api of apis) {
    add(api);
    iam.knowKeys(api.conditionKeys ?? []);
  }

  const hosts = createHosts();
  for (const plugin of plugins) for (const one of plugin.hosts ?? []) hosts.add(`https://${one.host}`, one.url);
  const world: World = {
    stackName: assembly.stackName,
    asset: assembly.asset,
    gateway: createGatewayModel(),
    tables: [],
    mappings: [],
    rules: [],
    ...{ iam, hosts, functions, dynamo, keys, objects, url, endpoint },
  };
  const handlers = [...resourceHandlers(world), ...plugins.flatMap((plugin) => plugin.resources ?? [])];
  const deployed = await deploy(assembly, handlers, {
    stackUuid: stackUuid(join(stateDir, 'stack-id')),
    overrides: options.parameters,
  });

  for (const plugin of plugins) await plugin.start?.();
  const mappings = createMappings(world, {
    dynamo,
    checkpoints,
    nudge,
    objects,
    log,
    retryDelayMs: options.streamRetryMs ?? 200,
  });
  started.defer(() => mappings.switch(false));
  if (!options.mappingsOff) await mappings.switch(true);
  for (const table of world.tables)
    if (table.ttlAttribute)
      started.defer(startTtl({ table, dynamo, checkpoints, nudge, log, periodMs: (options.ttlSeconds ?? 5) * 1000 }));
  const invoke = createServiceInvoke(iam, functions, log);
  started.defer(startRules(world.rules, invoke, options.sweepSeconds, log));
  const socketApi = createSocketApi({ model: world.gateway, invoke, connections, log });
  started.defer(() => socketApi.stop(3000));
  const http = createHttpApi({
    model: world.gateway,
    invoke,
    ...(options.httpTimeoutSeconds && { timeoutMs: options.httpTimeoutSeconds * 1000 }),
  });
  people.open({ http, upgrade: socketApi.upgrade });

  const outputs = Object.entries(deployed.outputs).map(([name, value]) => [name, hosts.rewrite(String(value))]);
  return {
    ...{ url, socketUrl, calls, functions, connections, iam, plugins },
    awsEndpoint: endpoint,
    outputs: Object.fromEntries(outputs),
    parameters: deployed.parameters,
    resources: deployed.resources,
    table: world.tables[0],
    operator: iam.issue(operatorArn, 'operator', YEAR_SECONDS),
    switchMappings: mappings.switch,
  };
}
