/** AWS calls of each operation, by function: what AWS would bill. The order of things is held still, so that two runs count the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Cluster } from '#core/contract/cluster.ts';
import { keys } from '#core/store/keys.ts';
import { type Watch, watch } from '../journey/client.ts';
import { type Bill, createMeter } from './bill.ts';
import { type Counts, createLedger, type Ledger, type Line } from './ledger.ts';
import { type Product, startProduct } from './product.ts';
import { measureSeat } from './seat-calls.ts';

export interface CallsOfOperations {
  /** Operation → function → calls. */
  readonly operations: Readonly<Record<string, Readonly<Record<string, Counts>>>>;
  /** What a dev pod's life costs: create, stop, start, delete. */
  readonly life: Bill;
}

/** Nothing comes by itself: no heartbeat, no sweep; the first look at a cloud comes when it is ready, as it does in the cloud. */
const CALM = {
  FirstWaitSeconds: '6',
  DeleteFirstWaitSeconds: '4',
  PaceWatchedSeconds: '3600',
  StaleWatchedSeconds: '7200',
  PaceIdleSeconds: '3600',
  StaleIdleSeconds: '7200',
  DrainDeadlineSeconds: '60',
};
const SWEEP_SECONDS = 86_400;
const PATIENCE_SECONDS = 120;

/** Looked at until a cloud is ready: how often depends on the cloud, so the last look counts. */
const POLLED = new Set(['ClusterCreateObserveCluster', 'ClusterDeleteObserveDeleted', 'ClusterDeleteSweepLeftovers']);

/** Streams are read as soon as something was written: nothing that follows from an operation comes later than this. */
const SETTLE_MS = 1000;
const LOOK_MS = 50;

/** Waits until nothing has run for a while. */
const settled = async (ledger: Ledger): Promise<void> => {
  const end = Date.now() + 30_000;
  for (let seen = -1; Date.now() < end; ) {
    const now = ledger.lines.length;
    if (ledger.running === 0 && seen === now) return;
    seen = now;
    await sleep(SETTLE_MS);
  }
  throw new Error('the product did not come to rest within 30 s');
};

/** Sums by function; pushes are counted by themselves, since reports of the agent make some, too. */
const billOf = (lines: readonly Line[], counts: (line: Line) => boolean): Record<string, Counts> => {
  const bill: Record<string, Record<string, number>> = {};
  for (const line of lines.filter(counts)) {
    const name = line.function === 'SocketHandler' ? `SocketHandler ${line.kind}` : line.function;
    if (POLLED.has(name) || bill[name] === undefined) bill[name] = {};
    const sums = bill[name];
    for (const [operation, count] of Object.entries(line.counts)) sums[operation] = (sums[operation] ?? 0) + count;
  }
  const sorted = Object.entries(bill).toSorted(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(sorted.filter(([, sums]) => Object.keys(sums).length > 0));
};

/** As if the agent had last been heard while nobody watched. */
const keepsSlowPace = async ({ runtime }: Product, cluster: string): Promise<void> => {
  const { accessKeyId, secretAccessKey, sessionToken } = runtime.operator;
  const dynamodb = new DynamoDBClient({
    endpoint: runtime.awsEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
  const { pk, sk } = keys.lease(cluster);
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: runtime.outputs.TableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      UpdateExpression: 'SET paceSeconds = :pace',
      ExpressionAttributeValues: { ':pace': { N: '7200' } },
    }),
  );
  dynamodb.destroy();
};

const isOf = ({ function: name, kind }: Line): boolean => {
  if (name === 'StreamPush' || name === 'ScheduleSweep') return false;
  return name !== 'SocketHandler' || kind === 'hello' || kind === 'cluster.drained';
};

/**
 * Runs every operation once on a product of its own. An agent's hello and its answer to a drain wait until the workflow waits for them, its
 * reports and the end of its socket until the operation is over: else who is first would decide who makes which call.
 */
export const callsOfOperations = async (): Promise<CallsOfOperations> => {
  const ledger = createLedger();
  const meter = createMeter();
  const after: typeof ledger.hooks.after = (it, ...rest) => {
    meter.invoked(it);
    return ledger.hooks.after?.(it, ...rest);
  };
  const product = await startProduct({
    parameters: CALM,
    more: { hooks: { invoke: { ...ledger.hooks, after }, call: meter.call }, sweepSeconds: SWEEP_SECONDS },
  });
  let watching: Watch | undefined;
  try {
    ledger.watch(product.runtime);
    await product.runtime.functions.get('ScheduleSweepFunction').invoke({});
    const session = await product.person();
    watching = await watch(session);
    const operations: Record<string, Record<string, Counts>> = {};
    /** The agent's word waits until the workflow waits for it. */
    const afterTheWait = async (): Promise<void> => {
      const awaited = () =>
        ledger.lines.some((line) => line.function === 'StreamEffects' && line.kind.includes('Await'));
      const late = ({ kind }: { kind: string }) => kind === 'cluster.info' || kind === 'disconnect';
      const early = ({ kind }: { kind: string }) => (kind === 'hello' || kind === 'cluster.drained') && !awaited();
      ledger.hold((line) => late(line) || early(line));
      for (const end = Date.now() + PATIENCE_SECONDS * 1000; !ended && !awaited() && Date.now() < end; )
        await sleep(LOOK_MS);
      ledger.hold(late);
    };
    let ended = false;
    const measure = async (
      name: string,
      act: () => Promise<unknown>,
      counts = isOf,
      letThrough = afterTheWait,
    ): Promise<void> => {
      ledger.hold(undefined);
      await settled(ledger);
      ledger.lines.length = 0;
      ended = false;
      const holding = letThrough();
      try {
        await Promise.all([act().finally(() => (ended = true)), holding]);
        await settled(ledger);
      } finally {
        ended = true;
      }
      operations[name] = billOf(ledger.lines, counts);
    };
    const until = async (id: string, phase: string): Promise<void> => {
      const found = await watching?.until(
        phase,
        (push) => push.id === id && [phase, 'Failed'].includes(push.phase),
        PATIENCE_SECONDS,
      );
      if (found?.phase !== phase) throw new Error(`the cluster is ${found?.phase} at ${found?.step}, not ${phase}`);
    };

    let id = '';
    const path = () => `/api/v1/clusters/${id}`;
    await measure('create', async () => {
      ({ id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'counted', takesWorkspaces: true }));
      await until(id, 'Ready');
    });
    await measure('get', () => session.call('GET', path()));
    await measure('list', () => session.call('GET', '/api/v1/clusters'));
    const extend = () => session.call('POST', `${path()}/extend`, { ttlSeconds: 7200 });
    await measure('extend, with the push to one watcher', extend, () => true);
    // Who begins to watch quickens the agents that keep a slower pace, which answer with a heartbeat at once.
    await keepsSlowPace(product, id);
    let second: Watch | undefined;
    await measure(
      'heartbeat',
      async () => {
        second = await watch(session);
      },
      ({ kind }) => kind === 'heartbeat',
    );
    await second?.close();
    ledger.hold(undefined);
    await settled(ledger);
    meter.take();
    await measureSeat({
      product,
      session,
      watching,
      cluster: id,
      ledger,
      settled: () => settled(ledger),
      measure,
    });
    const life = meter.take();
    await measure('delete', async () => {
      await session.call('DELETE', path());
      await until(id, 'Deleted');
    });
    ledger.hold(undefined);
    return { operations, life };
  } finally {
    ledger.hold(undefined);
    await watching?.close();
    await product.stop();
  }
};
