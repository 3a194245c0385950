/** `npm run bench`: the figures of DESIGN §8 on this machine, as a table. docs/bench.md says what each row means. */
import { cpus, loadavg } from 'node:os';
import { agent } from './bench/agent.ts';
import { agentSeats } from './bench/agent-seats.ts';
import type { Bench, BenchContext } from './bench/bench.ts';
import { calls } from './bench/calls-rows.ts';
import { coldStart } from './bench/cold-start.ts';
import { gotOfCpu } from './bench/contention.ts';
import { demo } from './bench/demo.ts';
import { fanOut } from './bench/fan-out.ts';
import { handler } from './bench/handler.ts';
import { kubernetes } from './bench/kubernetes.ts';
import { placement } from './bench/placement.ts';
import { startProduct } from './bench/product.ts';
import { push } from './bench/push.ts';
import type { Row } from './bench/row.ts';
import { seats } from './bench/seats.ts';
import { start } from './bench/start.ts';
import { tableOf } from './bench/table.ts';
import { readArguments } from './local/arguments.ts';

/** First what needs no product: a running one, and above all the end of thousands of sockets, is heard in the times of others. */
const BENCHES: readonly Bench[] = [
  coldStart,
  placement,
  kubernetes,
  push,
  seats,
  handler,
  agent,
  fanOut,
  start,
  demo,
  calls,
  agentSeats,
];

/** The whole run, in seconds: what would begin later is left out and said so. */
const BUDGET_SECONDS = 210;

const names = BENCHES.map(({ name }) => name).join(', ');
const options = readArguments('npm run bench -- [options]', {
  only: { type: 'string', help: `one of them, or several with commas between: ${names}` },
  quick: { type: 'boolean', help: 'small counts: whether everything runs, not figures to keep' },
});

const wanted = options.only?.split(',') ?? BENCHES.map(({ name }) => name);
const unknown = wanted.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`--only ${unknown.join(',')}: there are ${names}`);
  process.exit(2);
}

const ends: (() => Promise<void> | void)[] = [];
const end = async (): Promise<void> => {
  for (const one of ends.splice(0).reverse()) await one();
};
let product: ReturnType<typeof startProduct> | undefined;
const context: BenchContext = {
  quick: options.quick,
  product: () => {
    product ??= startProduct();
    return product;
  },
  defer: (one) => void ends.push(one),
};
ends.push(async () => (await product?.catch(() => undefined))?.stop());
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void end().then(() => process.exit(130)));

const gotBefore = gotOfCpu();
const rows: Row[] = [];
const startedAt = performance.now();
for (const bench of BENCHES.filter(({ name }) => wanted.includes(name))) {
  const seconds = (performance.now() - startedAt) / 1000;
  if (seconds > BUDGET_SECONDS) {
    console.error(`${bench.name} is left out: ${seconds.toFixed(0)} s are over; npm run bench -- --only ${bench.name}`);
    continue;
  }
  console.error(`${seconds.toFixed(0).padStart(4)} s  ${bench.name}`);
  try {
    rows.push(...(await bench.run(context)));
  } catch (error) {
    console.error(`${bench.name} failed: ${(error as Error).stack}`);
    process.exitCode = 1;
  }
}
await end();
console.log(tableOf(rows));
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}, ${gotBefore}–${gotOfCpu()} % of the CPU that was asked for, Node ${process.version}, ${((performance.now() - startedAt) / 1000).toFixed(0)} s in all`,
);
// What a stopped runtime leaves to the garbage collector must not keep the terminal waiting.
process.exit();
