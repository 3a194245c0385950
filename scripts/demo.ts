/** `npm run demo`: the main job on this machine, from sign-up to nothing left; then it stays up, or ends with `--once`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journey } from './journey/journey.ts';
import { printer } from './journey/print.ts';
import { portOf, readArguments } from './local/arguments.ts';
import { describeInventory, untilNothingLeft } from './local/inventory.ts';
import { untilSignal, up } from './local/up.ts';

const options = readArguments('npm run demo -- [options]', {
  once: { type: 'boolean', help: 'end after the journey: exit code 0, or 1 when anything was not as it should be' },
  port: { type: 'string', help: 'the port for people (default: 7070; with --once any free one)' },
  state: { type: 'string', help: 'where the state lies (default: a new temporary folder)' },
});

const print = printer();
const temporary = options.state === undefined;
const state = options.state ?? mkdtempSync(join(tmpdir(), 'roadstead-demo-'));
const port = options.port === undefined ? (options.once ? 0 : 7070) : portOf(options.port);

try {
  const runtime = await up({
    port,
    state,
    fresh: true,
    log: print.show,
    onMail: (to, code) => print.show(`Mail to ${to}: the code is ${code}`),
  });
  print.say('Local AWS', `runs the synthesized template at ${runtime.url}`);
  try {
    const person = { email: 'ada@example.com', password: 'Correct-horse-9-battery', register: true };
    await journey({ url: runtime.url, person, patience: 120, ...print });
    const { found, nothing } = await untilNothingLeft(runtime, state, 30);
    if (!nothing) throw new Error(`something is left: ${describeInventory(found)}`);
    print.say('Nothing left', describeInventory(found));
  } catch (error) {
    console.error(`\nThe demo failed: ${(error as Error).message}`);
    if (process.env.ROADSTEAD_DEBUG !== undefined) console.error(error);
    process.exitCode = 1;
  }
  if (!options.once && process.exitCode !== 1) {
    console.log(`
It stays up. To try:
  open ${runtime.url}/docs
  sign in as ada@example.com with Correct-horse-9-battery, create a cluster, fetch its kubeconfig (docs/socket.md has the commands)
  press Ctrl-C to end it
`);
    await untilSignal(() => runtime.stop());
  } else {
    await runtime.stop();
  }
} catch (error) {
  console.error(`npm run demo: ${(error as Error).message}`);
  if (process.env.ROADSTEAD_DEBUG !== undefined) console.error(error);
  process.exitCode = 1;
} finally {
  if (temporary) rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
