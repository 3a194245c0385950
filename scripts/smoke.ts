/** `npm run smoke -- --url …`: the demo's journey against any deployment; the part that makes an EKS cluster costs money and is asked for. */

import { createSession, watch } from './journey/client.ts';
import { enter, journey } from './journey/journey.ts';
import { printer } from './journey/print.ts';
import { readArguments } from './local/arguments.ts';

const options = readArguments(
  'npm run smoke -- --url https://… --email …   (the password comes from ROADSTEAD_PASSWORD)',
  {
    url: { type: 'string', help: 'the ApiUrl output of the stack, without /api/v1' },
    email: { type: 'string', help: 'an account that can sign in' },
    register: { type: 'boolean', help: 'register the account first (where registration is open)' },
    cluster: {
      type: 'boolean',
      help: 'also create, use and delete a real cluster: about 30 minutes and one dollar on EKS',
    },
  },
);
const password = process.env.ROADSTEAD_PASSWORD;
if (options.url === undefined || options.email === undefined || password === undefined) {
  console.error('smoke needs --url, --email and ROADSTEAD_PASSWORD in the environment');
  process.exit(2);
}

const url = options.url.replace(/\/$/, '');
const person = { email: options.email, password, register: options.register };
const print = printer();
try {
  if (options.cluster) {
    await journey({ url, person, patience: 3600, ...print });
  } else {
    const session = createSession(url);
    await session.call('GET', '/api/v1/healthz');
    print.say('API', 'healthy');
    const docs = await fetch(`${url}/docs`);
    if (!docs.ok) throw new Error(`GET /docs was answered ${docs.status}`);
    print.say('Docs', 'shown at /docs');
    print.say('Account', await enter(session, person));
    const watching = await watch(session);
    print.say('Socket', 'opened with a ticket and subscribed');
    await watching.close();
    await session.call('GET', '/api/v1/clusters');
    print.say('Clusters', 'listed');
    print.say('Done', 'the cluster step was left out; --cluster runs it');
  }
} catch (error) {
  console.error(`smoke failed: ${(error as Error).message}`);
  process.exitCode = 1;
}
