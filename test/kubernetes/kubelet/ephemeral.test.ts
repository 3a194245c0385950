import { spawn as openTerminal } from '@lydell/node-pty';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterParts, startParts } from '#local/kubernetes/cluster-parts.ts';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { ContainerStatus } from '#local/kubernetes/controllers/machinery/types.ts';
import { settings, startTestCluster } from '../cluster/harness.ts';
import { processesOf } from '../cluster/processes.ts';
import { DEV_IMAGE, devPod, KUBECTL, kubectl, type Ran, ready } from './support.ts';

const SOON = { timeout: 15_000 };
const NETWORK = '127.96';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let restarted: ClusterParts | undefined;
const run = (...args: string[]): Promise<Ran> => kubectl(cluster.parts.adminKubeconfig, args);
const debug = (name: string, command: string[], more: string[] = []): Promise<Ran> =>
  run(
    'debug',
    'seat',
    `--image=${DEV_IMAGE}`,
    `--container=${name}`,
    '--profile=restricted',
    ...more,
    '--',
    ...command,
  );
const status = async (name: string, pod = 'seat'): Promise<ContainerStatus | undefined> =>
  (await cluster.pod(pod))?.status?.ephemeralContainerStatuses?.find((one) => one.name === name);

beforeAll(async () => {
  cluster = await startTestCluster(NETWORK);
  await cluster.node('n1');
  await cluster.create(
    pods,
    devPod('seat', { command: ['sh', '-c', 'echo $$ > /tmp/main; exec sleep 4711'] }, { volumes: [] }),
  );
  await ready(cluster.parts.adminKubeconfig, 'seat');
});
afterAll(async () => {
  await restarted?.stop();
  await cluster?.stop();
});

describe('an ephemeral container', () => {
  test('of an image that is run here starts in the running pod, and can be entered and read', async () => {
    const { code, err } = await debug('helper', ['sh', '-c', 'echo I look into $HOSTNAME; exec sleep 300']);
    expect([code, err]).toEqual([0, '']);

    await expect.poll(async () => (await status('helper'))?.state?.running, SOON).toBeDefined();
    expect(await status('helper')).toMatchObject({ image: DEV_IMAGE, ready: false, restartCount: 0, lastState: {} });
    expect(await status('helper')).not.toHaveProperty('started');
    await expect.poll(async () => (await run('logs', 'seat', '-c', 'helper')).out, SOON).toBe('I look into seat\n');
    expect((await run('exec', 'seat', '-c', 'helper', '--', 'sh', '-c', 'echo entered; exit 5')).out).toBe('entered\n');
    const pod = await cluster.pod('seat');
    expect(pod?.status?.phase).toBe('Running');
    expect(pod?.status?.containerStatuses?.map(({ name, restartCount }) => [name, restartCount])).toEqual([['dev', 0]]);
  });

  test('that ends is not started again, and the pod stays as it is', async () => {
    await debug('brief', ['sh', '-c', 'exit 3']);

    await expect.poll(async () => (await status('brief'))?.state?.terminated?.exitCode, SOON).toBe(3);
    expect((await status('brief'))?.restartCount).toBe(0);
    // One more is added: the one that ended stays as it ended.
    await debug('later', ['true']);
    await expect.poll(async () => (await status('later'))?.state?.terminated?.exitCode, SOON).toBe(0);
    expect((await status('brief'))?.state?.terminated?.exitCode).toBe(3);
    expect((await cluster.pod('seat'))?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  });

  test('on a terminal is what kubectl debug -it opens', async () => {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      KUBECONFIG: cluster.parts.adminKubeconfig,
    };
    const words = ['debug', '-it', 'seat', `--image=${DEV_IMAGE}`, '--container=shell', '--profile=restricted'];
    const terminal = openTerminal(KUBECTL, [...words, '--', 'bash', '--norc'], { cols: 90, rows: 20, env });
    let shown = '';
    terminal.onData((text) => {
      shown += text;
    });
    const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
    await expect.poll(async () => (await status('shell'))?.state?.running, SOON).toBeDefined();
    // The prompt may have come before we were attached.
    terminal.write('echo $((40 + 2)) on $HOSTNAME\r');
    await expect.poll(() => shown, SOON).toContain('42 on seat');
    terminal.write('exit\r');
    expect(await ended).toBe(0);
    await expect.poll(async () => (await status('shell'))?.state?.terminated?.exitCode, SOON).toBe(0);
  });

  test('with a target sees the processes of that container, and its own files', async () => {
    const look = 'pgrep -xf "sleep 4711"; ls /tmp/main; exec sleep 300';
    await debug('looker', ['sh', '-c', look], ['--target=dev']);

    await expect
      .poll(async () => (await run('logs', 'seat', '-c', 'looker')).out, SOON)
      .toMatch(/^\d+\n.*\/tmp\/main.*No such file/s);
    expect((await run('exec', 'seat', '-c', 'looker', '--', 'pgrep', '-xf', 'sleep 4711')).code).toBe(0);
    expect((await run('exec', 'seat', '-c', 'helper', '--', 'pgrep', '-xf', 'sleep 4711')).code).toBe(1);
  });

  test('of an image that is not run here says that it is simulated', async () => {
    await run('debug', 'seat', '--image=busybox:1.36', '--container=stone', '--profile=restricted');

    await expect.poll(async () => (await status('stone'))?.state?.running, SOON).toBeDefined();
    await expect.poll(() => cluster.reasons('seat'), SOON).toContain('Simulated');
    expect((await run('exec', 'seat', '-c', 'stone', '--', 'ls')).err).toContain(
      'container "stone" is simulated: its image busybox:1.36 is not run on this machine',
    );
  });

  test('of an image that is not there waits with the reason', async () => {
    await run('debug', 'seat', '--image=missing:1', '--container=none', '--profile=restricted');

    await expect
      .poll(async () => (await status('none'))?.state?.waiting?.reason, SOON)
      .toMatch(/^(ErrImagePull|ImagePullBackOff)$/);
  });

  test('needs a right of its own', async () => {
    const as = (...args: string[]) => run('--as=reader', ...args);
    await run('create', 'clusterrole', 'reads', '--verb=get,list,watch,patch,update', '--resource=pods');
    await run('create', 'clusterrolebinding', 'reads', '--clusterrole=reads', '--user=reader');
    const add = ['debug', 'seat', `--image=${DEV_IMAGE}`, '--container=mine', '--profile=restricted', '--', 'true'];

    expect((await as(...add)).err).toContain(
      'cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "default"',
    );
    await run('create', 'clusterrole', 'adds', '--verb=patch', '--resource=pods/ephemeralcontainers');
    await run('create', 'clusterrolebinding', 'adds', '--clusterrole=adds', '--user=reader');
    expect((await as(...add)).code).toBe(0);
  });

  test('goes with its pod, and is over where the kubelet was restarted', async () => {
    await cluster.create(pods, devPod('other', { command: ['sleep', '4712'] }));
    await ready(cluster.parts.adminKubeconfig, 'other');
    await run(
      'debug',
      'other',
      `--image=${DEV_IMAGE}`,
      '--container=guest',
      '--profile=restricted',
      '--',
      'sleep',
      '4713',
    );
    await expect.poll(async () => (await status('guest', 'other'))?.state?.running, SOON).toBeDefined();
    const began = await status('guest', 'other');

    await cluster.parts.stop();
    restarted = await startParts(settings(cluster.dir, NETWORK));

    await expect.poll(async () => (await status('guest', 'other'))?.state?.terminated?.exitCode, SOON).toBe(137);
    expect(await status('guest', 'other')).toMatchObject({ restartCount: 0, containerID: began?.containerID });
    const seconds = String(100_000 + process.pid);
    // As /proc shows a command line; the first process of the container names it, too.
    const sleeping = () => processesOf(`sleep\0${seconds}`);
    await run(
      'debug',
      'other',
      `--image=${DEV_IMAGE}`,
      '--container=next',
      '--target=dev',
      '--profile=restricted',
      '--',
      'sleep',
      seconds,
    );
    await expect.poll(async () => (await status('next', 'other'))?.state?.running, SOON).toBeDefined();
    await expect.poll(sleeping, SOON).not.toEqual([]);
    await run('delete', 'pod', 'other', '--grace-period=1');
    await expect.poll(sleeping, SOON).toEqual([]);
  });
});
