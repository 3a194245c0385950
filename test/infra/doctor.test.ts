import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Account, checkAccount } from '#scripts/doctor/aws.ts';
import { exitCodeOf, type Finding, linesOf } from '#scripts/doctor/finding.ts';
import { liveMachine } from '#scripts/doctor/live-machine.ts';
import { checkMachine, type Machine } from '#scripts/doctor/machine.ts';

const machine = (over: Partial<Machine> = {}): Machine => ({
  nodeVersion: 'v24.21.0',
  run: async (command) =>
    command === 'java' ? 'openjdk version "17.0.9" 2023-10-17' : '{ "clientVersion": { "gitVersion": "v1.34.1" } }',
  isPortFree: async () => true,
  freeBytes: async () => 5 * 1024 ** 3,
  ...over,
});

const account = (over: Partial<Account> = {}): Account => ({
  region: 'us-east-1',
  zones: async () => [
    { name: 'us-east-1a', id: 'use1-az1' },
    { name: 'us-east-1b', id: 'use1-az2' },
    { name: 'us-east-1c', id: 'use1-az4' },
  ],
  quota: async () => 1000,
  bootstrapVersion: async () => 28,
  hasRole: async () => true,
  ...over,
});

const wanted = { zones: undefined, vcpu: 64 };
const found = (findings: readonly Finding[], what: string): Finding => {
  const one = findings.find((each) => each.what === what);
  if (one === undefined) throw new Error(`nothing about ${what}`);
  return one;
};

describe('the doctor of a machine', () => {
  it('finds nothing to do on a fit one', async () => {
    const findings = await checkMachine(machine(), 7070);
    expect(findings.map(({ level }) => level)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(exitCodeOf(findings)).toBe(0);
  });

  it.each([
    ['Node', { nodeVersion: 'v20.20.2' }, 'npm run doctor'],
    ['Java', { run: async (): Promise<undefined> => undefined }, '17 or newer'],
    ['Java', { run: async (): Promise<string> => 'java version "1.8.0_392"' }, '17 or newer'],
    ['port 7070', { isPortFree: async () => false }, '--port 7171'],
    ['disk', { freeBytes: async () => 1024 }, 'make room'],
  ] as const)('says what to do about %s', async (what, over, todo) => {
    const findings = await checkMachine(machine(over), 7070);
    expect(found(findings, what)).toMatchObject({ level: 'fail', todo: expect.stringContaining(todo) });
    expect(exitCodeOf(findings)).toBe(1);
  });

  it('only warns where kubectl is missing or old: nothing needs it', async () => {
    const run = async (command: string) => (command === 'java' ? 'openjdk version "21"' : '{"gitVersion": "v1.28.0"}');
    const findings = await checkMachine(machine({ run }), 7070);
    expect(found(findings, 'kubectl')).toMatchObject({ level: 'warn', found: '1.28' });
    expect(exitCodeOf(findings)).toBe(0);
  });

  it('shows a line for each: what, found, what to do', async () => {
    const lines = linesOf(await checkMachine(machine({ isPortFree: async () => false }), 7070));
    expect(lines[0]).toMatch(/^✓ Node\s+v24\.21\.0$/);
    expect(lines[2]).toMatch(/^✗ port 7070\s+taken {2}→ end what listens there/);
  });
});

describe('the machine that this runs on', () => {
  it('tells a taken port from a free one', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    expect(await liveMachine.isPortFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await liveMachine.isPortFree(port)).toBe(true);
  });

  it('tells what a command prints, also to its error stream, and nothing where there is none', async () => {
    expect(await liveMachine.run(process.execPath, '-e', 'console.error("hello")')).toBe('hello\n');
    expect(await liveMachine.run('roadstead-no-such-command')).toBeUndefined();
    expect(await liveMachine.freeBytes()).toBeGreaterThan(0);
  });
});

describe('the doctor of an account', () => {
  it('finds nothing to do in a fit one', async () => {
    const findings = await checkAccount(account(), wanted);
    expect(findings.filter(({ level }) => level !== 'ok')).toEqual([]);
  });

  it('knows the zones that EKS refuses and names others', async () => {
    const zones = async () => [
      { name: 'us-east-1a', id: 'use1-az3' },
      { name: 'us-east-1b', id: 'use1-az1' },
      { name: 'us-east-1c', id: 'use1-az4' },
    ];
    expect(found(await checkAccount(account({ zones }), wanted), 'zones')).toEqual({
      what: 'zones',
      found: 'us-east-1a (use1-az3), us-east-1b (use1-az1)',
      level: 'fail',
      todo: 'EKS takes other zones: deploy with --context azs=us-east-1b,us-east-1c',
    });
    const chosen = { ...wanted, zones: ['us-east-1b', 'us-east-1c'] };
    expect(found(await checkAccount(account({ zones }), chosen), 'zones').level).toBe('ok');
  });

  it('refuses a zone of another region and a single one', async () => {
    const one = { ...wanted, zones: ['us-east-1b'] };
    expect(found(await checkAccount(account(), one), 'zones').level).toBe('fail');
    const foreign = { ...wanted, zones: ['us-east-1a', 'eu-west-1a'] };
    expect(found(await checkAccount(account(), foreign), 'zones').found).toContain('eu-west-1a (not in this region)');
  });

  it.each([
    ['Lambda', { quota: async (service: string) => (service === 'lambda' ? 10 : 1000) }, 'fail', 'L-B99A9384'],
    ['vCPU', { quota: async (service: string) => (service === 'ec2' ? 5 : 1000) }, 'warn', 'DeploymentVcpuLimit=5'],
    ['bootstrap', { bootstrapVersion: async (): Promise<undefined> => undefined }, 'fail', 'npx cdk bootstrap'],
    ['bootstrap', { bootstrapVersion: async (): Promise<number> => 5 }, 'fail', 'npx cdk bootstrap'],
    ['EKS', { hasRole: async () => false }, 'warn', 'the first cluster makes it'],
  ] as const)('says what to do about %s', async (what, over, level, todo) => {
    const finding = found(await checkAccount(account(over), wanted), what);
    expect(finding).toMatchObject({ level, todo: expect.stringContaining(todo) });
  });

  it('tells of a call that was refused, and goes on with the others', async () => {
    const quota = () => Promise.reject(Object.assign(new Error('no rights'), { name: 'AccessDenied' }));
    const findings = await checkAccount(account({ quota }), wanted);
    expect(found(findings, 'Lambda')).toMatchObject({ level: 'fail', found: 'could not ask: AccessDenied: no rights' });
    expect(found(findings, 'zones').level).toBe('ok');
  });
});
