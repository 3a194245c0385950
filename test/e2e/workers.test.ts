import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { AwsError } from '#local/types.ts';
import { createCluster, deleteCluster, expectNothingLeft, type Product, startProduct } from './support/product.ts';

/** What happened to each task, by its function's logical id. */
const died = { before: new Set<string>(), after: new Set<string>(), answer: new Set<string>() };
const isTask = (logicalId: string): boolean => /^Cluster(Create|Delete)/.test(logicalId);
const once = (seen: Set<string>, name: string): boolean => !seen.has(name) && Boolean(seen.add(name));

let product: Product;
const taskOf = (caller: string) =>
  product?.runtime.functions.all().find((it) => it.name === caller && isTask(it.logicalId));

beforeAll(async () => {
  // Full jitter of the state machine's retries at its shortest: the test is about repeats, not about waiting.
  vi.spyOn(Math, 'random').mockReturnValue(0.05);
  product = await startProduct({
    // Long enough that a delete whose workers die is still going on when it is looked at.
    delays: { deleteMs: 12_000 },
    more: {
      hooks: {
        call: {
          // The worker is at work: its first call of AWS is not answered, since it dies.
          before: ({ caller }) => {
            const task = taskOf(caller.sessionName);
            if (task === undefined || !once(died.before, task.logicalId)) return;
            void task.kill();
            throw new AwsError('InternalFailure', 'nobody hears this', 500);
          },
          // The commit stands and its answer is lost.
          after: ({ operation, caller }) => {
            const task = taskOf(caller.sessionName);
            if (operation === 'TransactWriteItems' && task !== undefined && once(died.answer, task.logicalId))
              throw new AwsError('InternalServerError', 'the answer got lost', 500);
          },
        },
        invoke: {
          // The work is done, and the worker dies before it says so.
          after: async ({ function: it }, answer) => {
            if (!isTask(it.logicalId) || answer.functionError !== undefined || !once(died.after, it.logicalId)) return;
            await it.kill();
            throw new Error('Runtime exited');
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

it('every worker of a create and a delete dies before and after its work, every commit loses its answer: one cluster, and nothing left', async () => {
  const session = await product.person();
  const { cluster, watching } = await createCluster(session, 'unlucky');
  expect([cluster.phase, cluster.error]).toEqual(['Ready', undefined]);
  expect(await product.eksClusters()).toHaveLength(1);

  await deleteCluster(session, watching, cluster.id);
  await watching.close();
  await expectNothingLeft(product);

  const tasks = product.runtime.functions
    .all()
    .map((it) => it.logicalId)
    .filter(isTask);
  expect(tasks).toHaveLength(13);
  expect([...died.before].sort()).toEqual([...tasks].sort());
  expect([...died.after].sort()).toEqual([...tasks].sort());
  expect([...died.answer].sort()).toEqual([...tasks].sort());
});
