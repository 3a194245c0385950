/** The agent as a process, bundled as in its image: it starts, answers probes, stops on SIGTERM, stays small. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildWorld, INSTALL_TOKEN, LEASE, SECRET, type World } from './support/world.ts';

let directory: string;
let bundle: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'roadstead-agent-bundle-'));
  bundle = join(directory, 'agent.cjs');
  await build({
    entryPoints: ['agent/main.ts'],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    minify: true,
    mainFields: ['module', 'main'],
    define: { 'process.env.AGENT_VERSION': '"9.9.9"' },
  });
  return () => rm(directory, { recursive: true });
});

const run = (environment: Record<string, string>) => {
  const child = spawn(process.execPath, [bundle], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, exited, output: () => output };
};

const inPod = (world: World) => run({ ...world.environment, POD_NAME: 'agent-1', POD_UID: 'uid-1', NODE_NAME: 'one' });

test('a process without its environment ends with 1 and names what is missing', async () => {
  const { exited, output } = run({ POD_NAME: 'agent-1' });
  expect(await exited).toBe(1);
  expect(JSON.parse(output())).toMatchObject({ level: 'error', message: 'the agent failed' });
  expect(output()).toMatch(/ROADSTEAD_CONFIG_DIR.*KUBERNETES_SERVICE_HOST/);
  expect(output()).not.toContain('POD_NAME:');
});

test('the bundle connects, answers its probes, keeps secrets out of its log, stops with 0 and stays under 100 MB', async () => {
  const world = await buildWorld();
  const { clock, kubernetes, plane } = world;
  for (let i = 0; i < 500; i++) {
    const spec = { nodeName: 'one', containers: [{ resources: { requests: { cpu: '10m' } } }] };
    kubernetes.put(`/api/v1/namespaces/default/pods/p${i}`, { spec, padding: 'x'.repeat(4000) });
  }
  const { child, exited, output } = inPod(world);
  await clock.settle('cluster.info', () => plane.received('cluster.info').length === 1);
  expect(plane.received('hello').at(-1)?.payload.agentVersion).toBe('9.9.9');

  const port = /"healthPort":(\d+)/.exec(output())?.[1];
  const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect([await probe('/healthz'), await probe('/readyz'), await probe('/secrets')]).toEqual([200, 200, 404]);

  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => undefined);
  const residentKiB = Number(/VmRSS:\s+(\d+)/.exec(status ?? '')?.[1] ?? 0);
  expect(residentKiB).toBeLessThan(100 * 1024);

  const begun = performance.now();
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  expect(performance.now() - begun).toBeLessThan(5000);
  await clock.settle('the close', () => plane.links.at(-1)?.open === false);
  expect(plane.links.at(-1)?.closeCode).toBe(1000);
  expect(kubernetes.get(LEASE)?.spec).toMatchObject({ holderIdentity: '' });

  const lines = output().trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).message)).toContain('stopped');
  for (const secret of [INSTALL_TOKEN, kubernetes.secret(SECRET, 'agent-token') ?? '?', 'service-account-token']) {
    expect(output()).not.toContain(secret);
  }
});

test('an agent whose control plane is away is alive, not ready, and stops with 0', async () => {
  const world = await buildWorld();
  world.plane.refuse = 503;
  const { child, exited, output } = inPod(world);
  await world.clock.settle('an attempt', () => world.plane.attempts.length > 0);
  const port = /"healthPort":(\d+)/.exec(output())?.[1];
  const probe = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect([await probe('/healthz'), await probe('/readyz')]).toEqual([200, 503]);
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});

test('a socket address that would send the token in the clear is refused before anything is dialled', async () => {
  const world = await buildWorld();
  await writeFile(join(world.environment.ROADSTEAD_CONFIG_DIR ?? '', 'url'), 'ws://example.com/agent');
  const { child, exited, output } = inPod(world);
  await world.clock.settle('the log', () => output().includes('must begin with wss://'));
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
});
