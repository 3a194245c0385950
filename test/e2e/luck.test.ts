import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteClusterCommand } from '@aws-sdk/client-eks';
import { ListExecutionsCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Operation } from '#core/contract/operation.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import { infrastructureName } from '#core/domain/names.ts';
import { untilFresh } from '#core/store/commit.ts';
import { keys } from '#core/store/keys.ts';
import { createStore } from '#core/store/store.ts';
import { newId } from '#functions/lib/deps.ts';
import { AwsError } from '#local/types.ts';
import { type Session, watch } from '#scripts/journey/client.ts';
import { processesUnder } from '#scripts/local/processes.ts';
import {
  adminKubeconfig,
  createCluster,
  deleteCluster,
  expectNothingLeft,
  getCluster,
  type Product,
  startProduct,
  until,
  untilPhase,
} from './support/product.ts';

/** What is done before and after each call of EKS. */
let eks: { readonly before: (operation: string) => void; readonly after: (operation: string) => void } | undefined;
/** Called when a task of an operation has ended well. */
const done = new Map<string, (task: string) => Promise<void>>();

let product: Product;
beforeAll(async () => {
  // Full jitter of the state machine's retries at its shortest: the tests are about repeats, not about waiting.
  vi.spyOn(Math, 'random').mockReturnValue(0.05);
  product = await startProduct({
    parameters: { HelloDeadlineSeconds: '30', DrainDeadlineSeconds: '3', StartGraceSeconds: '2', CheckSeconds: '1' },
    more: {
      hooks: {
        call: {
          before: ({ service, operation }) => {
            if (service === 'eks') eks?.before(operation);
          },
          after: ({ service, operation }) => {
            if (service === 'eks') eks?.after(operation);
          },
        },
        invoke: {
          after: async ({ function: it, payload }, { functionError }) => {
            const { operationId, Payload } = (payload ?? {}) as {
              operationId?: string;
              Payload?: { operationId?: string };
            };
            if (functionError === undefined)
              await done.get(operationId ?? Payload?.operationId ?? '')?.(it.logicalId.replace(/Function.*/, ''));
          },
        },
      },
    },
  });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await product?.stop();
});

const ask = async (session: Session, name: string, body: object = {}): Promise<Cluster> =>
  session.call<Cluster>('POST', '/api/v1/clusters', { name, ...body });

const kubectl = (id: string, ...args: string[]) =>
  promisify(execFile)('kubectl', ['--kubeconfig', adminKubeconfig(product, infrastructureName(id)), ...args], {
    timeout: 30_000,
    env: { PATH: process.env.PATH, HOME: product.state },
  });

/** Writes into the cluster's item as nobody of the product would. */
const rewrite = async (id: string, expression: string, values: Record<string, string>): Promise<void> => {
  const { pk, sk } = keys.cluster(id);
  await product.aws.dynamodb.send(
    new UpdateItemCommand({
      TableName: product.runtime.outputs.TableName,
      Key: { pk: { S: pk }, sk: { S: sk } },
      UpdateExpression: expression,
      ExpressionAttributeValues: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, { S: value }]),
      ),
    }),
  );
};

it('throttling, "already exists" of what is not there and of what is, and lost answers of EKS end in one cluster and none', async () => {
  const session = await product.person();
  const seen: Record<string, number> = {};
  // More than the SDK tries by itself, so that the state machine's own retries are needed.
  const THROTTLED = 3;
  const count = (key: string): number => (seen[key] = (seen[key] ?? 0) + 1);
  eks = {
    before: (operation) => {
      const n = count(operation);
      if (operation === 'CreateCluster' && n === 1)
        throw new AwsError('ResourceInUseException', 'Cluster already exists with name', 409);
      if (['CreateCluster', 'DescribeCluster', 'DeleteCluster'].includes(operation) && n >= 2 && n < 2 + THROTTLED)
        throw new AwsError('ThrottlingException', 'Rate exceeded', 429);
      if (operation === 'DeleteCluster' && n === 1)
        throw new AwsError('ResourceInUseException', 'Cluster has an update in progress', 409);
    },
    after: (operation) => {
      // It was done, and nobody hears of it: the next try finds it there.
      if (
        ['CreateCluster', 'CreateAccessEntry', 'DeleteCluster'].includes(operation) &&
        count(`${operation} lost`) <= 3
      )
        throw new AwsError('ServerException', 'the answer got lost', 500);
    },
  };
  const first = await ask(session, 'throttled');
  const name = infrastructureName(first.id);
  const ready = await untilPhase(session, first.id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  expect((await product.eksClusters()).filter((each) => each === name)).toHaveLength(1);
  expect(seen.CreateCluster).toBeGreaterThan(2 + THROTTLED);
  await session.call('DELETE', `/api/v1/clusters/${first.id}`);
  const gone = await untilPhase(session, first.id, ['Deleted', 'Failed']);
  expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
  expect(seen.DeleteCluster).toBeGreaterThan(2 + THROTTLED);
  eks = undefined;
  expect(await product.eksClusters()).not.toContain(name);
});

it('an agent that never comes fails the cluster at AwaitAgent with a reason; a retry goes on, and the delete of a failed one leaves nothing', async () => {
  const session = await product.person();
  const [kept, dropped] = [await ask(session, 'kept'), await ask(session, 'dropped')];
  // Its Deployment is held as soon as it is there.
  for (const { id, operationId = '' } of [kept, dropped])
    done.set(operationId, async (task) => {
      if (task === 'ClusterCreateInstallAgent')
        await kubectl(id, '-n', 'roadstead-system', 'scale', 'deployment/roadstead-agent', '--replicas=0');
    });
  for (const { id } of [kept, dropped]) {
    const failed = await untilPhase(session, id, ['Failed', 'Ready']);
    expect(failed).toMatchObject({
      phase: 'Failed',
      step: 'AwaitAgent',
      error: { code: 'agent.no_hello', step: 'AwaitAgent', help: expect.stringContaining('retry') },
    });
  }
  const retried = await session.call<Cluster>('POST', `/api/v1/clusters/${kept.id}/retry`, {});
  expect(retried.phase).toBe('Pending');
  await session.call('DELETE', `/api/v1/clusters/${dropped.id}`);
  const ready = await untilPhase(session, kept.id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  expect(await session.call<Operation>('GET', `/api/v1/operations/${retried.operationId}`)).toMatchObject({
    retryOf: kept.operationId,
    state: 'Succeeded',
  });
  const gone = await untilPhase(session, dropped.id, ['Deleted', 'Failed']);
  expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
  expect(await product.eksClusters()).not.toContain(infrastructureName(dropped.id));
  await session.call('DELETE', `/api/v1/clusters/${kept.id}`);
  await untilPhase(session, kept.id, ['Deleted']);
});

it('an execution stopped from outside is Failed at the next sweep, and can be retried', async () => {
  const session = await product.person();
  const { id, operationId } = await ask(session, 'stopped');
  const machine = [...product.runtime.resources.entries()].find(
    ([name, { type }]) => type === 'AWS::StepFunctions::StateMachine' && name.includes('create'),
  )?.[1];
  const execution = await until('its execution', async () =>
    ((await product.aws.sfn.send(new ListExecutionsCommand({ stateMachineArn: machine?.ref }))).executions ?? []).find(
      ({ name }) => name === operationId,
    ),
  );
  await product.aws.sfn.send(new StopExecutionCommand({ executionArn: execution.executionArn }));
  const failed = await untilPhase(session, id, ['Failed', 'Ready'], 20);
  expect(failed).toMatchObject({
    phase: 'Failed',
    error: { code: 'operation.execution_ended', message: expect.stringContaining('ABORTED') },
  });
  await session.call('POST', `/api/v1/clusters/${id}/retry`, {});
  const ready = await untilPhase(session, id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  await session.call('DELETE', `/api/v1/clusters/${id}`);
  await untilPhase(session, id, ['Deleted']);
});

it.each(['Pending', 'EnsureCluster', 'GrantAccess', 'InstallAgent', 'AwaitAgent'])(
  'a delete while a create is at %s leaves no orphan',
  async (step) => {
    const session = await product.person();
    const watching = await watch(session);
    const { id, operationId } = await ask(session, 'short');
    if (step !== 'Pending') await watching.until(step, (push) => push.id === id && push.step === step, 60);
    await deleteCluster(session, watching, id);
    await watching.close();
    expect(await session.call<Operation>('GET', `/api/v1/operations/${operationId}`)).toMatchObject({
      state: 'Superseded',
    });
    expect(await product.eksClusters()).not.toContain(infrastructureName(id));
    expect(processesUnder(product.state).filter(({ args }) => args.includes(infrastructureName(id)))).toEqual([]);
  },
);

it('a cluster is announced to expire, goes when its time is over, and goes with its agent dead', async () => {
  const session = await product.person();
  // Ten minutes are less than the warning's fifteen: it comes at once.
  const { cluster, watching } = await createCluster(session, 'mortal', ['Ready', 'Failed'], { ttlSeconds: 600 });
  const { id } = cluster;
  expect([cluster.phase, cluster.error]).toEqual(['Ready', undefined]);
  const warned = await watching.until(
    'the warning',
    (push) =>
      push.id === id && push.conditions.some(({ type, reason }) => type === 'Expired' && reason === 'ExpiresSoon'),
    10,
  );
  expect(warned.phase).toBe('Ready');

  // It hangs: its socket stays open, and it says nothing.
  const [agent, ...others] = processesUnder(product.state).filter(({ args }) => args.includes('dist/agent/main'));
  expect(others).toEqual([]);
  process.kill((agent as { pid: number }).pid, 'SIGSTOP');
  const past = '2020-01-01T00:00:00.000Z';
  await rewrite(id, 'SET expiresAt = :at, gsi2sk = :due', { ':at': past, ':due': `${past}#${id}` });
  await watching.until('Deleting', (push) => push.id === id && push.phase === 'Deleting', 10);
  const gone = await watching.until('Deleted', (push) => push.id === id && push.deleted === true, 60);
  expect(gone.phase).toBe('Deleted');
  await watching.close();
  const { lastOperationId } = await getCluster(session, id);
  const operation = await session.call<Operation>('GET', `/api/v1/operations/${lastOperationId}`);
  expect(operation.steps.map(({ name }) => name)).toContain('Drain');
});

it('a cluster that was deleted at EKS is made anew by a retry: its new agent is no clone, and the old one’s token has ended', async () => {
  const session = await product.person();
  const { cluster, watching } = await createCluster(session, 'vanished');
  const { id } = cluster;
  const name = infrastructureName(id);
  await product.aws.eks.send(new DeleteClusterCommand({ name }));
  await until('gone', async () => !(await product.eksClusters()).includes(name));
  // As the sweeper does, which looks every ten minutes: now and then it is faster.
  const store = createStore({
    client: product.aws.dynamodb,
    name: String(product.runtime.outputs.TableName),
    random: Math.random,
    sleep: () => Promise.resolve(),
  });
  const at = { now: new Date().toISOString(), newId };
  await untilFresh(async () => {
    const subject = await store.clusters.subject(id);
    if (subject.cluster?.phase === 'Ready') await store.commit(decideCluster(subject, { type: 'vanish' }, at), at);
  });
  expect(await getCluster(session, id)).toMatchObject({ phase: 'Failed', error: { code: 'provider.vanished' } });

  await session.call('POST', `/api/v1/clusters/${id}/retry`);
  const ready = await untilPhase(session, id, ['Ready']);
  expect(ready.conditions).toContainEqual(expect.objectContaining({ type: 'Connected', status: 'True' }));
  expect(ready.conditions.map(({ type }) => type)).not.toContain('CloneDetected');
  const tokens = (await store.tokens.ofCluster(id)).filter(({ kind }) => kind === 'agent');
  expect(tokens.map(({ revokedAt }) => revokedAt === undefined).toSorted()).toEqual([false, true]);
  await deleteCluster(session, watching, id);
  await watching.close();
});

it('with both consumers of the stream off the sweeper alone brings a cluster up; switched on again, they push what comes', async () => {
  const session = await product.person();
  await product.runtime.switchMappings(false);
  const { id } = await ask(session, 'swept');
  const ready = await untilPhase(session, id, ['Ready', 'Failed']);
  expect([ready.phase, ready.error]).toEqual(['Ready', undefined]);
  const watching = await watch(session);
  await product.runtime.switchMappings(true);
  const { version } = await session.call<Cluster>('POST', `/api/v1/clusters/${id}/extend`, { ttlSeconds: 7200 });
  await watching.until('the extend', (push) => push.id === id && push.version === version, 10);
  await product.runtime.switchMappings(false);
  await session.call('DELETE', `/api/v1/clusters/${id}`);
  const gone = await untilPhase(session, id, ['Deleted', 'Failed']);
  expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
  await product.runtime.switchMappings(true);
  await watching.until('Deleted', (push) => push.id === id && push.deleted === true, 10);
  await watching.close();
});

it('after all of it nothing is left', async () => {
  await expectNothingLeft(product);
});
