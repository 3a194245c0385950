/** The product as a process that ends as by `kill -9` at one point of a workflow: `KILL_AT=<function>:<before|after>`, where after means done and not answered. */
import { untilSignal, up } from '#scripts/local/up.ts';

const [port, state] = process.argv.slice(2) as [string, string];
const [wanted, phase] = (process.env.KILL_AT ?? ':').split(':');

const killIf = (at: 'before' | 'after') => (it: { readonly function: { readonly logicalId: string } }) => {
  if (at === phase && wanted !== '' && it.function.logicalId.startsWith(`${wanted}Function`))
    process.kill(process.pid, 'SIGKILL');
};

const runtime = await up({
  port: Number(port),
  state,
  fresh: false,
  log: () => {},
  onMail: () => {},
  more: { hooks: { invoke: { before: killIf('before'), after: killIf('after') } } },
});
console.log('up');
await untilSignal(() => runtime.stop());
