/** The product inside the test's own process, so that a test can look at its parts and get between them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { EKSClient, ListClustersCommand } from '@aws-sdk/client-eks';
import { SFNClient } from '@aws-sdk/client-sfn';
import { expect, inject } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import type { ClusterChanged } from '#core/contract/socket.ts';
import { keys } from '#core/store/keys.ts';
import type { Delays } from '#local/clusters/context.ts';
import type { Runtime, RuntimeOptions } from '#local/runtime.ts';
import { createSession, type Session, type Watch, watch } from '#scripts/journey/client.ts';
import { enter } from '#scripts/journey/journey.ts';
import { untilNothingLeft } from '#scripts/local/inventory.ts';
import { up } from '#scripts/local/up.ts';
import { clear, processesOf } from './server.ts';

export interface Product {
  readonly runtime: Runtime;
  readonly state: string;
  readonly mails: { readonly to: string; readonly code: string }[];
  /** Clients of AWS that may do everything. */
  readonly aws: { readonly eks: EKSClient; readonly sfn: SFNClient; readonly dynamodb: DynamoDBClient };
  /** Names of the clusters that EKS has now. */
  readonly eksClusters: () => Promise<string[]>;
  /** A new person, signed in. */
  readonly person: () => Promise<Session>;
  /** Stops it, and throws when a process is left. */
  readonly stop: () => Promise<void>;
}

export const PASSWORD = 'Correct-horse-9-battery';

let people = 0;

export const startProduct = async ({
  state: kept,
  ...options
}: {
  /** Goes on with the state of a product that was stopped. */
  readonly state?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly delays?: Partial<Delays>;
  readonly more?: Partial<RuntimeOptions>;
} = {}): Promise<Product> => {
  const state = kept ?? mkdtempSync(join(tmpdir(), 'roadstead-product-'));
  const mails: { to: string; code: string }[] = [];
  const runtime = await up({
    port: 0,
    state,
    fresh: kept === undefined,
    log: (line) => {
      if (process.env.ROADSTEAD_DEBUG !== undefined) console.error(line);
    },
    onMail: (to, code) => mails.push({ to, code }),
    ...options,
    // Two cores play all of Lambda, which a busy machine shares with others: API Gateway's 30 s would be a test of that machine.
    more: {
      httpTimeoutSeconds: 120,
      // Its tables are those of the state, as with one of its own.
      dynamodb: { url: inject('dynamodb'), accessKeyId: basename(state).replaceAll(/[^A-Za-z0-9]/g, '') },
      ...options.more,
    },
  });
  const { accessKeyId, secretAccessKey, sessionToken } = runtime.operator;
  const config = {
    endpoint: runtime.awsEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  };
  const aws = { eks: new EKSClient(config), sfn: new SFNClient(config), dynamodb: new DynamoDBClient(config) };
  return {
    runtime,
    state,
    mails,
    aws,
    eksClusters: async () => (await aws.eks.send(new ListClustersCommand({}))).clusters ?? [],
    person: async () => {
      people += 1;
      const session = createSession(runtime.url);
      await enter(session, {
        email: `person-${people}-${Date.now()}@example.com`,
        password: PASSWORD,
        register: true,
      });
      return session;
    },
    stop: async () => {
      await runtime.stop();
      const left = await processesOf(state);
      await clear(state);
      if (left.length > 0) throw new Error(`processes were left behind:\n${left.join('\n')}`);
    },
  };
};

/** Each look is work for the machine that is waited for. */
const PACE_MS = 250;

/** Asks again and again until it is not undefined or false. Throws what `what` says after `seconds`. */
export const until = async <T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  seconds = 30,
): Promise<T> => {
  for (const end = Date.now() + seconds * 1000; ; await sleep(PACE_MS)) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
  }
};

export const getCluster = (session: Session, ref: string): Promise<Cluster> =>
  session.call<Cluster>('GET', `/api/v1/clusters/${ref}`);

/** Reads the cluster until it is in one of the phases: for what must come true without pushes. */
export const untilPhase = (session: Session, id: string, phases: readonly string[], seconds = 90): Promise<Cluster> =>
  until(
    `${id} ${phases.join(' or ')}`,
    async () => {
      const cluster = await getCluster(session, id);
      return phases.includes(cluster.phase) && cluster;
    },
    seconds,
  );

/** Asks for a cluster and waits for the push of one of the phases; answers cluster and socket. */
export const createCluster = async (
  session: Session,
  name: string,
  phases: readonly string[] = ['Ready', 'Failed'],
  body: object = {},
): Promise<{ cluster: Cluster; watching: Watch }> => {
  const watching = await watch(session);
  const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name, ...body });
  await watching.until(phases.join(' or '), (push) => push.id === id && phases.includes(push.phase), 120);
  return { cluster: await getCluster(session, id), watching };
};

/** Deletes it and waits for the last push; throws when it fails. */
export const deleteCluster = async (session: Session, watching: Watch, id: string): Promise<void> => {
  const { version } = await session.call<Cluster>('DELETE', `/api/v1/clusters/${id}`);
  const last = await watching.until(
    'Deleted or Failed',
    (push) => push.id === id && push.version >= version && (push.deleted === true || push.phase === 'Failed'),
    120,
  );
  if (last.deleted !== true) throw new Error(`${id}: ${JSON.stringify((await getCluster(session, id)).error)}`);
};

/** Every count is 0. Call it when every socket is closed. */
export const expectNothingLeft = async ({ runtime, state }: Product): Promise<void> => {
  const { found } = await untilNothingLeft(runtime, state, 30);
  expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, 0])));
};

/** The embedded cluster's own administrator, whom nobody of the product knows. */
export const adminKubeconfig = ({ state }: Product, name: string): string =>
  join(state, 'clusters', name, 'admin.kubeconfig');

/** What a push says of the cluster's agent. */
export const connectedOf = (push: Pick<ClusterChanged, 'conditions'>) =>
  push.conditions.find(({ type }) => type === 'Connected');

/** What the agent's connection is, as the table has it. */
export const linkOf = async (product: Product, id: string): Promise<{ link: number; connectionId: string }> => {
  const { pk, sk } = keys.cluster(id);
  const { Item } = await product.aws.dynamodb.send(
    new GetItemCommand({
      TableName: product.runtime.outputs.TableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      ConsistentRead: true,
    }),
  );
  const agent = Item?.agent?.M;
  return { link: Number(agent?.link?.N), connectionId: String(agent?.connectionId?.S) };
};
