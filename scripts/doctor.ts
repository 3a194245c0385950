/** `npm run doctor [-- --port 7070] [-- --aws [--azs a,b]]`: is this machine, and this AWS account, fit for Roadstead? */
import { parseArgs } from 'node:util';
import { LIMITS } from '#infra/parameters.ts';
import { checkAccount } from './doctor/aws.ts';
import { exitCodeOf, type Finding, linesOf } from './doctor/finding.ts';
import { liveMachine } from './doctor/live-machine.ts';
import { checkMachine } from './doctor/machine.ts';

const options = () => {
  const { values } = parseArgs({
    options: {
      aws: { type: 'boolean', default: false },
      azs: { type: 'string' },
      port: { type: 'string', default: '7070' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Error(`--port is a number from 1 to 65535, given ${values.port}`);
  return { aws: values.aws, zones: values.azs?.split(','), port };
};

const checkAws = async (zones: readonly string[] | undefined): Promise<Finding[]> => {
  try {
    // Only now: the clients are slow to load.
    const { liveAccount } = await import('./doctor/live-account.ts');
    return await checkAccount(await liveAccount(), { zones, vcpu: LIMITS.deploymentVcpu });
  } catch (error) {
    return [{ what: 'AWS', found: (error as Error).message, level: 'fail', todo: 'set AWS_REGION' }];
  }
};

try {
  const { aws, zones, port } = options();
  const findings = [...(await checkMachine(liveMachine, port)), ...(aws ? await checkAws(zones) : [])];
  for (const line of linesOf(findings)) console.log(line);
  process.exitCode = exitCodeOf(findings);
} catch (error) {
  console.error(`doctor: ${(error as Error).message}`);
  process.exitCode = 2;
}
