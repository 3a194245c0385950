/** `npm start`: the whole product on this machine, until Ctrl-C; resumes what was going on. */
import { join } from 'node:path';
import { portOf, readArguments } from './local/arguments.ts';
import { ROOT, untilSignal, up } from './local/up.ts';

const options = readArguments('npm start -- [options]', {
  port: { type: 'string', default: '7070', help: 'the port for people (default 7070)' },
  state: { type: 'string', default: join(ROOT, '.roadstead'), help: 'where the state lies (default .roadstead)' },
  fresh: { type: 'boolean', help: 'forget the state first' },
  quiet: { type: 'boolean', help: 'say only what is needed' },
});

try {
  const startedAt = performance.now();
  const runtime = await up({
    port: portOf(options.port),
    state: options.state,
    fresh: options.fresh,
    log: (line) => {
      if (!options.quiet) console.log(`  ${line}`);
    },
    onMail: (to, code) => console.log(`  Mail to ${to}: the code is ${code}`),
  });
  const { url } = runtime;
  console.log(`
Roadstead is up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.

  API        ${url}/api/v1        (document: ${url}/docs)
  Socket     ${runtime.socketUrl}
  AWS        ${runtime.awsEndpoint}
  State      ${options.state}

Next:
  curl -sS -X POST ${url}/api/v1/auth/register -H 'content-type: application/json' -d '{"email":"you@example.com","password":"Correct-horse-9-battery"}'
  export ROADSTEAD_TOKEN=$(curl -sS -X POST ${url}/api/v1/auth/token -d username=you@example.com -d password=Correct-horse-9-battery | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -sS -X POST ${url}/api/v1/clusters -H "Authorization: Bearer $ROADSTEAD_TOKEN" -H 'content-type: application/json' -d '{"name":"first"}'
`);
  await untilSignal(() => runtime.stop());
} catch (error) {
  console.error(`npm start: ${(error as Error).message}`);
  if (process.env.ROADSTEAD_DEBUG !== undefined) console.error(error);
  process.exitCode = 1;
}
