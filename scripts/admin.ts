/** `npm run admin -- invite|drain-deployment|allow-creates|restore|rekey`: what whoever runs a deployment does with AWS credentials of their own. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Email } from '#core/contract/names.ts';
import { timings } from '#core/contract/timings.ts';
import { liveDeps } from '#functions/lib/deps.ts';
import { createIdentity } from '#functions/lib/identity.ts';
import { invite } from '#functions/lib/registration.ts';
import { liveResealing } from '#functions/lib/sealing.ts';
import { liveProviders } from '#functions/tasks/providers/live.ts';
import { drainDeployment } from './admin/drain.ts';
import { rekey } from './admin/rekey.ts';
import { restoreTable } from './admin/restore.ts';
import { readArguments } from './local/arguments.ts';

const COMMANDS = ['invite', 'drain-deployment', 'allow-creates', 'restore', 'rekey'] as const;
const USAGE = `npm run admin -- ${COMMANDS.join('|')} [options]

  invite             makes an account for an address and mails its code
  drain-deployment   switches creates off, deletes every cluster, waits until none is left, here or in the cloud: before cdk destroy
  allow-creates      switches creates on again
  restore            after the table came back from a backup: agents take what it says as newer than what they have seen
  rekey              after the key was rotated or replaced: seals every kept secret anew; may be repeated
`;

const [command, ...rest] = process.argv.slice(2);
const options = readArguments(
  USAGE,
  {
    email: { type: 'string', help: 'the address to invite' },
    outputs: {
      type: 'string',
      default: 'cdk-outputs.json',
      help: 'what `cdk deploy --outputs-file` wrote (default cdk-outputs.json)',
    },
    patience: { type: 'string', default: '3600', help: 'seconds to wait for a drain (default 3600)' },
  },
  command === '--help' ? ['--help'] : rest,
);

/** Outputs of the stack: `{ "<stack>": { "TableName": … } }`. */
const Outputs = z.record(
  z.string(),
  z.object({
    TableName: z.string(),
    UserPoolId: z.string(),
    ClientId: z.string(),
    DeploymentId: z.string(),
    KeyArn: z.string(),
  }),
);

const deployment = () => {
  if (!existsSync(options.outputs))
    throw new Error(
      `${options.outputs} is not there: deploy with \`npx cdk deploy --outputs-file cdk-outputs.json\`, or name it with --outputs`,
    );
  const [first] = Object.values(Outputs.parse(JSON.parse(readFileSync(options.outputs, 'utf8'))));
  if (first === undefined) throw new Error(`${options.outputs} names no stack`);
  return { ...first, deps: liveDeps({ TABLE: first.TableName, LOG_LEVEL: 'WARN' }, 'admin') };
};

try {
  switch (command) {
    case 'invite': {
      const { deps, UserPoolId, ClientId } = deployment();
      const email = Email.parse(options.email);
      const account = await invite(
        { ...deps, identity: createIdentity({ pool: UserPoolId, clientId: ClientId }) },
        email,
        'system',
      );
      console.log(
        account.state === 'Active'
          ? `${email} has an account that can sign in: ${account.id}`
          : `${email} was mailed a code; POST /api/v1/auth/confirm takes it (${account.id})`,
      );
      break;
    }
    case 'drain-deployment': {
      const { deps, DeploymentId } = deployment();
      const count = await drainDeployment(
        {
          ...deps,
          providers: [...liveProviders({ DEPLOYMENT_ID: DeploymentId }).values()],
          timings: {
            createDeadline: timings.CreateDeadline.seconds,
            deleteDeadline: timings.DeleteDeadline.seconds,
            startGrace: timings.StartGrace.seconds,
          },
          sleep: (milliseconds) => sleep(milliseconds),
          say: console.log,
        },
        Number(options.patience),
      );
      console.log(`${count} clusters were deleted, none is left. Now: npx cdk destroy
Kept on purpose, to be removed by hand when nobody needs them: the table, the user pool, the key (schedule its deletion), the VPC, the clusters' roles.`);
      break;
    }
    case 'allow-creates': {
      await deployment().deps.store.clusters.stopCreates(false);
      console.log('Creating clusters is switched on.');
      break;
    }
    case 'restore': {
      const { epoch, seats } = await restoreTable(deployment().deps);
      console.log(`Epoch ${epoch}: ${seats} dev pods are wanted anew, as the table has them.`);
      break;
    }
    case 'rekey': {
      const { deps, KeyArn } = deployment();
      const count = await rekey({ ...deps, sealing: liveResealing(KeyArn) });
      console.log(`${count} secrets were sealed anew.`);
      break;
    }
    default:
      console.error(`${command === undefined ? 'Which command?' : `"${command}" is not a command.`}\n${USAGE}`);
      process.exitCode = 2;
  }
} catch (error) {
  console.error(`admin: ${(error as Error).message}`);
  process.exitCode = 1;
}
