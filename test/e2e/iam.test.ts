import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetExecutionHistoryCommand, ListExecutionsCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Operation } from '#core/contract/operation.ts';
import { withoutPermissions } from './support/permissions.ts';
import { type Product, startProduct, untilPhase } from './support/product.ts';
import { forget } from './support/server.ts';

let cdkOut: string;
let product: Product;
beforeAll(async () => {
  // No jitter in the state machine's retries: a missing permission does not come back.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  cdkOut = await withoutPermissions([
    ['HttpMeRole', 'dynamodb:PutItem'],
    ['ClusterCreateEnsureClusterRole', 'eks:CreateCluster'],
    ['clusterdeleteworkflowRole', 'lambda:InvokeFunction'],
  ]);
  product = await startProduct({ parameters: { StartGraceSeconds: '1', CheckSeconds: '1' }, more: { cdkOut } });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await product?.stop();
  forget(cdkOut);
});

const logOf = (logicalId: string): string =>
  readFileSync(join(product.state, 'logs', `${product.runtime.functions.get(logicalId).name}.log`), 'utf8');

it('a function whose role may not write the table answers 500 without a word of it, and its log names the permission', async () => {
  const session = await product.person();
  const refused = session.call('POST', '/api/v1/socket-tickets');
  await expect(refused).rejects.toMatchObject({ status: 500, code: 'internal' });
  await expect(refused).rejects.not.toThrow(/dynamodb|PutItem|arn:/);
  expect(logOf('HttpMeFunction')).toMatch(/is not authorized to perform: dynamodb:PutItem/);
  // Only this function's role lacks it.
  await session.call('GET', '/api/v1/me');
});

it('a task whose role may not create clusters fails the cluster with the permission to ask for; a state machine that may not invoke fails the delete', async () => {
  const session = await product.person();
  const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name: 'forbidden' });
  const failed = await untilPhase(session, id, ['Failed', 'Ready']);
  expect(failed).toMatchObject({ phase: 'Failed', step: 'EnsureCluster', error: { code: 'provider.denied' } });
  expect(failed.error?.message).toContain('eks:CreateCluster');
  expect(await product.eksClusters()).toEqual([]);

  const { operationId } = await session.call<Cluster>('DELETE', `/api/v1/clusters/${id}`);
  const stuck = await untilPhase(session, id, ['Failed', 'Deleted']);
  expect(stuck).toMatchObject({ phase: 'Failed', error: { code: 'operation.execution_ended' } });
  const operation = await session.call<Operation>('GET', `/api/v1/operations/${operationId}`);
  expect([operation.kind, operation.state, operation.steps]).toEqual(['cluster-delete', 'Failed', []]);

  const machine = [...product.runtime.resources.entries()].find(
    ([name, { type }]) => type === 'AWS::StepFunctions::StateMachine' && name.includes('delete'),
  )?.[1];
  const { executions = [] } = await product.aws.sfn.send(new ListExecutionsCommand({ stateMachineArn: machine?.ref }));
  expect(executions).toMatchObject([{ name: operationId, status: 'FAILED' }]);
  const { events = [] } = await product.aws.sfn.send(
    new GetExecutionHistoryCommand({ executionArn: executions[0]?.executionArn }),
  );
  const [why] = events.flatMap(({ taskFailedEventDetails: details }) => details ?? []);
  expect(why?.error).toBe('Lambda.AWSLambdaException');
  expect(why?.cause).toMatch(/is not authorized to perform: lambda:InvokeFunction/);
});
