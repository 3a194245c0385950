import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WorkQueue } from '#local/kubernetes/controllers/machinery/queue.ts';

test('one key is never worked on twice at once, and what came meanwhile is done afterwards', async () => {
  let running = 0;
  let most = 0;
  let done = 0;
  const queue = new WorkQueue({ name: 'test' }, async () => {
    running += 1;
    most = Math.max(most, running);
    await sleep(10);
    running -= 1;
    done += 1;
  });
  queue.start();
  for (let i = 0; i < 5; i += 1) queue.add('a');
  await expect.poll(() => done).toBe(2);
  expect(most).toBe(1);
  await queue.stop();
});

test('what fails is tried again later and later, and told from the third time on', async () => {
  const at: number[] = [];
  const said: string[] = [];
  const queue = new WorkQueue({ name: 'test', backoffMs: 10, log: (line) => said.push(line) }, async () => {
    at.push(performance.now());
    if (at.length < 5) throw new Error('not yet');
  });
  queue.start();
  queue.add('a');
  await expect.poll(() => at.length).toBe(5);
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  // A busy machine makes a wait longer, never shorter; a timer may be a moment early.
  for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThan(10 * 2 ** index - 2);
  expect(said[0]).toBe('test a: not yet');
  await queue.stop();
});

test('keys wait until the queue is started, and stop waits for the work that runs', async () => {
  let done = false;
  const queue = new WorkQueue({ name: 'test' }, async () => {
    await sleep(30);
    done = true;
  });
  queue.add('a');
  await sleep(10);
  queue.start();
  await queue.stop();
  expect(done).toBe(true);
});
