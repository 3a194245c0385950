import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Container, Pod, PodSpec } from '#local/kubernetes/controllers/machinery/types.ts';
import { startTestCluster } from '../cluster/harness.ts';
import { devPod } from './support.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster('127.98');
  await cluster.node('n1');
});
afterAll(() => cluster?.stop());

/** A container that is a shell of this machine. */
const shell = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'registry.test/app:1',
  command: ['sh', '-c', script],
  ...more,
});
const create = (name: string, containers: Container[], spec: Partial<PodSpec> = {}) =>
  cluster.create(pods, { metadata: { name }, spec: { terminationGracePeriodSeconds: 5, ...spec, containers } });
const status = async (name: string) => (await cluster.pod(name))?.status;
const main = async (name: string) => (await status(name))?.containerStatuses?.[0];
const ended = async (name: string) => (await main(name))?.state?.terminated;
const condition = async (name: string, wanted: string) =>
  (await status(name))?.conditions?.find(({ type }) => type === wanted);
/** Each status of a pod from now on, until it is gone. */
const watched = async (name: string): Promise<NonNullable<Pod['status']>[]> => {
  const seen: NonNullable<Pod['status']>[] = [];
  for (let pod = await cluster.pod(name); pod; pod = await cluster.pod(name)) if (pod.status) seen.push(pod.status);
  return seen;
};

const FOREVER = 'trap "exit 0" TERM; while :; do sleep 0.05; done';

describe('a sidecar', () => {
  const sidecar = (script: string) => [shell(script, { name: 'side', restartPolicy: 'Always' })];

  test('is ended with the containers that it serves, and the pod has succeeded', async () => {
    await create('served', [shell('sleep 0.1')], { restartPolicy: 'OnFailure', initContainers: sidecar(FOREVER) });
    await cluster.eventually(async () => (await status('served'))?.phase).toBe('Succeeded');
    expect(await condition('served', 'Initialized')).toMatchObject({ status: 'True' });
    expect((await status('served'))?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
  });

  test('that crashes is restarted beside the others, which go on', async () => {
    await create('limping', [shell(FOREVER)], { initContainers: sidecar('sleep 0.1; exit 3') });
    await cluster
      .eventually(async () => (await status('limping'))?.initContainerStatuses?.[0]?.restartCount)
      .toBeGreaterThan(1);
    expect((await status('limping'))?.phase).toBe('Running');
    expect(await condition('limping', 'Initialized')).toMatchObject({ status: 'True' });
    expect((await main('limping'))?.restartCount).toBe(0);
  });
});

describe('activeDeadlineSeconds', () => {
  test('ends the pod, which has failed and stays', async () => {
    await create('late', [shell(FOREVER)], { activeDeadlineSeconds: 1 });
    await cluster.eventually(async () => (await status('late'))?.phase).toBe('Failed');
    expect(await status('late')).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    expect(await ended('late')).toMatchObject({ exitCode: 0 });
    await cluster.eventually(() => cluster.reasons('late')).toContain('DeadlineExceeded');
  });

  test('may be set while the pod runs', async () => {
    const made = await create('unhurried', [shell(FOREVER)]);
    await cluster.eventually(async () => (await main('unhurried'))?.state?.running).toBeDefined();
    await cluster.client.patch(pods, made, { spec: { activeDeadlineSeconds: 3600 } });
    // Nothing else of the status changes.
    await cluster.eventually(async () => (await status('unhurried'))?.observedGeneration).toBe(2);
    await cluster.client.patch(pods, made, { spec: { activeDeadlineSeconds: 1 } });
    await cluster.eventually(async () => (await status('unhurried'))?.reason).toBe('DeadlineExceeded');
  });
});

describe('what a container says of its end', () => {
  test('is what it wrote to its termination log, the last 4096 bytes', async () => {
    const dev = (name: string, script: string, more: Partial<Container> = {}) =>
      cluster.create(pods, devPod(name, { command: ['sh', '-c', script], ...more }, { restartPolicy: 'Never' }));
    await dev('spoke', 'echo not this; printf "out of cheese" > /dev/termination-log; exit 4');
    await dev('elsewhere', `head -c 5000 /dev/zero | tr '\\0' x > /tmp/end; printf z >> /tmp/end`, {
      terminationMessagePath: '/tmp/end',
    });
    await cluster.eventually(() => ended('spoke')).toMatchObject({ exitCode: 4, message: 'out of cheese' });
    await cluster.eventually(async () => (await ended('elsewhere'))?.message).toBe(`${'x'.repeat(4095)}z`);
  });

  test('is the end of its log if it failed without a word, where the pod wants that', async () => {
    const policy = { terminationMessagePolicy: 'FallbackToLogsOnError' };
    const once = { restartPolicy: 'Never' };
    await create('cried', [shell('for n in $(seq 100); do echo line $n; done; exit 1', policy)], once);
    await create('content', [shell('echo fine', policy)], once);
    await create('silent', [shell('echo oh no; exit 1')], once);
    await cluster.eventually(async () => (await ended('cried'))?.message).toMatch(/^line 21\n[\s\S]*\nline 100\n$/);
    await cluster.eventually(async () => (await ended('content'))?.reason).toBe('Completed');
    await cluster.eventually(async () => (await ended('silent'))?.reason).toBe('Error');
    expect((await ended('content'))?.message).toBeUndefined();
    expect((await ended('silent'))?.message).toBeUndefined();
  });

  test('begins anew with each run', async () => {
    const script = '[ -e $HOME/ran ] && exit 1; touch $HOME/ran; echo first > $TERMINATION; exit 1';
    const env = [{ name: 'TERMINATION', value: '/dev/termination-log' }];
    await create('twice', [shell(script, { env })]);
    await cluster.eventually(async () => (await main('twice'))?.restartCount).toBeGreaterThan(1);
    expect((await main('twice'))?.lastState?.terminated).toMatchObject({ exitCode: 1 });
    expect((await main('twice'))?.lastState?.terminated?.message).toBeUndefined();
  });
});

describe('another image', () => {
  const image = (of: Pod, next: string) =>
    cluster.client.patch(pods, of, { spec: { containers: [{ ...of.spec.containers[0], image: next }] } });

  test('takes the place of what runs, whatever the restart policy', async () => {
    const made = await create('renewed', [shell(FOREVER)], { restartPolicy: 'Never' });
    await cluster.eventually(async () => (await main('renewed'))?.state?.running).toBeDefined();
    const before = await main('renewed');
    await image(made, 'registry.test/app:2');
    await cluster
      .eventually(() => main('renewed'))
      .toMatchObject({ image: 'registry.test/app:2', restartCount: 1, ready: true });
    expect((await main('renewed'))?.lastState?.terminated?.containerID).toBe(before?.containerID);
    expect((await status('renewed'))?.observedGeneration).toBe(2);
    await cluster.eventually(() => cluster.reasons('renewed')).toContain('Killing');
  });

  test('is tried at once where the one before could not be had', async () => {
    const made = await create('corrected', [shell(FOREVER, { image: 'registry.test/missing:1' })]);
    await cluster.eventually(async () => (await main('corrected'))?.state?.waiting).toBeDefined();
    await image(made, 'registry.test/app:1');
    await cluster
      .eventually(() => main('corrected'))
      .toMatchObject({ image: 'registry.test/app:1', restartCount: 0, ready: true });
  });

  test('that is simulated takes the place of another that is', async () => {
    const made = await create('stone', [{ name: 'main', image: 'nginx:1' }]);
    await cluster.eventually(async () => (await main('stone'))?.ready).toBe(true);
    await image(made, 'nginx:2');
    await cluster.eventually(() => main('stone')).toMatchObject({ image: 'nginx:2', restartCount: 1, ready: true });
  });
});

describe('a pod that is deleted', () => {
  test.each([
    ['Succeeded', 'exit 0'],
    ['Failed', 'exit 7'],
  ])('has %s once its containers have ended (%s)', async (phase, how) => {
    const name = `ends-${phase.toLowerCase()}`;
    const finalizers = ['example.com/seen'];
    const spec = { containers: [shell(FOREVER.replace('exit 0', how))] };
    const made = await cluster.create(pods, { metadata: { name, finalizers }, spec });
    await cluster.eventually(async () => (await main(name))?.state?.running).toBeDefined();
    await cluster.client.delete(pods, made);
    const seen = watched(name);
    await cluster.eventually(async () => (await status(name))?.phase).toBe(phase);
    await cluster.client.patch(pods, made, { metadata: { finalizers: null } });
    const over = (await seen).filter(({ containerStatuses }) => containerStatuses?.[0]?.state?.terminated);
    expect(new Set(over.map((one) => one.phase))).toEqual(new Set([phase]));
  });
});

describe('a program that is not there', () => {
  const CONTAINERD =
    'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ';
  const at = (name: string, command: string[], more: Partial<Container> = {}) =>
    cluster.create(pods, devPod(name, { command, ...more }, { restartPolicy: 'Never' }));

  test('is said as a container runtime says it, and the container never ran', async () => {
    await at('nowhere', ['no-such-program', '-v']);
    await at('no-file', ['/opt/nothing/here']);
    await at('no-program', ['/etc/passwd']);
    await at('no-terminal', ['no-such-shell'], { tty: true, stdin: true });
    await create('plain', [shell('', { command: ['no-such-program'] })], { restartPolicy: 'Never' });
    const absent = (program: string) => `${CONTAINERD}exec: "${program}": executable file not found in $PATH: unknown`;
    await cluster
      .eventually(() => ended('nowhere'))
      .toMatchObject({
        exitCode: 128,
        reason: 'StartError',
        startedAt: '1970-01-01T00:00:00Z',
        message: absent('no-such-program'),
      });
    await cluster
      .eventually(() => ended('plain'))
      .toMatchObject({
        exitCode: 128,
        reason: 'StartError',
        message: absent('no-such-program'),
      });
    await cluster
      .eventually(async () => (await ended('no-file'))?.message)
      .toBe(`${CONTAINERD}exec: "/opt/nothing/here": stat /opt/nothing/here: no such file or directory: unknown`);
    await cluster
      .eventually(async () => (await ended('no-program'))?.message)
      .toBe(`${CONTAINERD}exec: "/etc/passwd": permission denied: unknown`);
    await cluster.eventually(async () => (await ended('no-terminal'))?.message).toBe(absent('no-such-shell'));
    expect(await cluster.log('nowhere')).toBe('');
    await cluster.eventually(() => cluster.reasons('nowhere')).toContain('Failed');
  });

  test('is not what a program says that ends with 127 itself', async () => {
    await at('own-127', ['sh', '-c', 'exit 127']);
    await at('own-128', ['sh', '-c', 'exit 128']);
    await cluster.eventually(() => ended('own-127')).toMatchObject({ exitCode: 127, reason: 'Error' });
    await cluster.eventually(() => ended('own-128')).toMatchObject({ exitCode: 128, reason: 'Error' });
  });
});
