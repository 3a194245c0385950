/**
 * The product as a process that ends as by `kill -9` at points of its workflows: `KILL_AT=<function>,…`. Each task named has done its work and
 * is not answered; when all of them are there, the process ends.
 */
import { untilSignal, up } from '#scripts/local/up.ts';

const [port, state] = process.argv.slice(2) as [string, string];
const awaited = new Set((process.env.KILL_AT ?? '').split(',').filter((name) => name !== ''));

const after = async ({ function: it }: { readonly function: { readonly logicalId: string } }): Promise<void> => {
  const name = it.logicalId.replace(/Function[0-9A-F]{8}$/, '');
  if (!awaited.delete(name)) return;
  if (awaited.size === 0) process.kill(process.pid, 'SIGKILL');
  await new Promise(() => {});
};

const runtime = await up({
  port: Number(port),
  state,
  fresh: false,
  log: () => {},
  onMail: () => {},
  // Longer than a life that is to end so: what EKS was asked for in one is not there yet in the next, which looks at it.
  delays: { deleteMs: 20_000, ...(awaited.size === 0 ? {} : { createMs: 20_000 }) },
  more: { hooks: { invoke: { after } } },
});
console.log('up');
await untilSignal(() => runtime.stop());
