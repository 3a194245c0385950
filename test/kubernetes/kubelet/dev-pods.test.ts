import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  persistentVolumeClaims,
  pods,
  secrets,
  storageClasses,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Container, PodSpec } from '#local/kubernetes/controllers/machinery/types.ts';
import { isolationFault } from '#local/kubernetes/kubelet/isolation.ts';
import { startTestCluster } from '../cluster/harness.ts';
import { DEV_IMAGE, devPod, kubectl, ready, startKubectl } from './support.ts';

type Cluster = Awaited<ReturnType<typeof startTestCluster>>;
let cluster: Cluster;
/** Why this machine cannot keep pods apart; undefined: it can. */
let fault: string | undefined;
const run = (...args: string[]) => kubectl(cluster.parts.adminKubeconfig, args);
const sh = (pod: string, script: string) => run('exec', pod, '--', 'sh', '-c', script);

const mounts = [
  { name: 'home', mountPath: '/workspace', subPath: 'workspace' },
  { name: 'home', mountPath: '/home/node', subPath: 'home' },
  { name: 'claude', mountPath: '/home/node/.claude' },
  { name: 'keys', mountPath: '/run/secrets/roadstead', readOnly: true },
];
const seat = (name: string, container: Partial<Container> = {}, spec: Partial<PodSpec> = {}) =>
  devPod(
    name,
    { volumeMounts: mounts, ...container },
    {
      volumes: [
        { name: 'home', persistentVolumeClaim: { claimName: `home-${name}` } },
        { name: 'claude', emptyDir: {} },
        { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o440 } },
      ],
      ...spec,
    },
  );
const claim = (name: string) => ({
  metadata: { name: `home-${name}` },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'gp3', resources: { requests: { storage: '1Gi' } } },
});

beforeAll(async () => {
  const trial = await mkdtemp(join(tmpdir(), 'isolation-'));
  fault = await isolationFault(trial);
  await rm(trial, { recursive: true, force: true });
  cluster = await startTestCluster('127.83');
  await cluster.node('n1');
  await cluster.create(storageClasses, {
    metadata: { name: 'gp3' },
    provisioner: 'ebs.csi.eks.amazonaws.com',
    volumeBindingMode: 'Immediate',
  });
  await cluster.create(secrets, { metadata: { name: 'keys' }, stringData: { TOKEN: 's3cret' } });
  for (const name of ['ann', 'bob']) {
    await cluster.create(persistentVolumeClaims, claim(name));
    await cluster.create(pods, seat(name));
  }
  await ready(cluster.parts.adminKubeconfig, 'ann', 'bob');
});
afterAll(() => cluster?.stop());

test('a pod says how far it is kept apart from this machine', async () => {
  const { out } = await run('describe', 'pod', 'ann');
  expect(out).toContain(`roadstead.dev/isolation: ${fault === undefined ? 'user-namespace' : 'process'}`);
});

describe('a dev pod', () => {
  test('is its user, in its folder, with its host name, and finds its volumes where the pod names them', async () => {
    const { out } = await sh(
      'ann',
      'id -un; id -u; hostname; pwd; cat /run/secrets/roadstead/TOKEN; echo; ls -d /home/node/.claude; echo $HOME',
    );
    expect(out).toBe('node\n1000\nann\n/workspace\ns3cret\n/home/node/.claude\n/home/node\n');
  });

  test('sees no other seat, no process and no file of this machine beside its programs', async () => {
    await sh('bob', 'echo private > /workspace/of-bob');
    const { out } = await sh('ann', `ls /; ls /home /tmp; ps -e -o args=; cat /proc/mounts; ls ${cluster.dir} 2>&1`);
    expect(out).not.toContain('of-bob');
    expect(out).not.toContain('tether');
    expect(out).not.toMatch(/^root$/m);
    expect(out).toContain('No such file or directory');
    const { code } = await sh(
      'ann',
      `cat $(find /workspace /home /tmp /run /var -name of-bob 2>/dev/null) </dev/null | grep private`,
    );
    expect(code).not.toBe(0);
  });

  test('has no capability, gains none, and writes neither to programs, secrets nor the kernel', async () => {
    const { out } = await sh('ann', 'grep -E "CapEff|NoNewPrivs" /proc/self/status');
    expect(out).toMatch(/CapEff:\s0+\n/);
    expect(out).toMatch(/NoNewPrivs:\s1\n/);
    for (const path of ['/usr/x', '/run/secrets/roadstead/TOKEN', '/proc/sys/kernel/domainname'])
      expect((await sh('ann', `echo x > ${path}`)).code, path).not.toBe(0);
  });

  test('gives nothing of its variables to the programs that enter it', async () => {
    const env = [
      { name: 'LD_PRELOAD', value: '/workspace/evil.so' },
      { name: 'tls.crt', value: "it's odd" },
      { name: 'LINES', value: 'one\ntwo' },
    ];
    await cluster.create(pods, devPod('loaded', { env }));
    await cluster.ready('loaded');
    const { out, err } = await run('exec', 'loaded', '--', 'env');
    expect(out).toContain("tls.crt=it's odd\n");
    expect(out).toContain('LINES=one\ntwo\n');
    // Only what runs inside is told to load it: the shell's own start of `env`, nothing before.
    expect(err).not.toContain('nsenter');
    expect(err).not.toContain('unshare');
  });

  test('keeps its volume when it is deleted and made again, and nothing else', async () => {
    expect((await sh('ann', 'echo kept > /workspace/file; echo lost > /tmp/file; mkdir -p /home/node/.cfg')).code).toBe(
      0,
    );
    await run('delete', 'pod', 'ann');
    await cluster.create(pods, seat('ann'));
    await cluster.ready('ann');
    expect(await sh('ann', 'cat /workspace/file; ls -d /home/node/.cfg; ls /tmp')).toEqual({
      code: 0,
      out: 'kept\n/home/node/.cfg\n',
      err: '',
    });
  });

  test('runs what its image runs: the home is prepared, activity is noted', async () => {
    await cluster.eventually(() => cluster.log('ann')).toContain('kubectl exec works, ssh does not');
    const { out } = await sh('ann', 'grep HISTFILE= ~/.bashrc; git config --global credential.helper');
    expect(out).toBe('HISTFILE=/commandhistory/.bash_history\n!sh /opt/roadstead/credentials\n');
    await cluster.eventually(async () => (await sh('ann', 'cat /run/roadstead/activity')).out).toMatch(/^\d+\n$/);
    // As the agent asks for it.
    const log = async () => (await run('logs', 'ann', '--since=900s', '--limit-bytes=65536')).out;
    await cluster.eventually(log).toMatch(/^roadstead: idle 0$/m);
  });

  test('sees a changed secret', async () => {
    await run('patch', 'secret', 'keys', '-p', '{"stringData":{"TOKEN":"newer"}}');
    await cluster.eventually(async () => (await sh('bob', 'cat /run/secrets/roadstead/TOKEN')).out).toBe('newer');
  });

  test('ends within its grace when it is told to', async () => {
    const command = ['sh', '-c', 'trap "echo bye; exit 0" TERM; echo hi; while :; do sleep 0.1; done'];
    await cluster.create(pods, devPod('brief', { command }));
    await cluster.ready('brief');
    const log = startKubectl(cluster.parts.adminKubeconfig, ['logs', '-f', 'brief']);
    await cluster.eventually(async () => log.out()).toBe('hi\n');
    await run('delete', 'pod', 'brief');
    expect((await log.ended).out).toBe('hi\nbye\n');
  });

  test('may have a root file system that cannot be written', async () => {
    const container = {
      securityContext: { readOnlyRootFilesystem: true },
      volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
    };
    await cluster.create(pods, devPod('fixed', container, { volumes: [{ name: 'tmp', emptyDir: {} }] }));
    await cluster.ready('fixed');
    expect((await sh('fixed', 'touch /home/node/x')).code).not.toBe(0);
    expect((await sh('fixed', 'touch /tmp/x')).code).toBe(0);
  });

  test('kubectl cp takes files there and back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cp-'));
    const content = Buffer.from('z'.repeat(200_000));
    await writeFile(join(folder, 'there'), content);
    // An older kubectl may read the first message, an empty one, before it has made the stream for it, and says so (kubernetes/kubernetes#131203).
    const { err } = await run('cp', join(folder, 'there'), 'bob:/workspace/copied');
    expect(err.replace(/^E\d.*\] Unknown stream id 1, discarding message\n/, '')).toBe('');
    expect((await run('cp', 'bob:/workspace', join(folder, 'back'))).code).toBe(0);
    expect(await readFile(join(folder, 'back', 'copied'))).toEqual(content);
    await rm(folder, { recursive: true, force: true });
  });
});

describe('the start of a dev pod', () => {
  /** As the agent makes seats, more impatient. */
  const startupProbe = {
    tcpSocket: { port: 2222 },
    periodSeconds: 1,
    failureThreshold: 3,
    terminationGracePeriodSeconds: 1,
  };
  const home = { volumeMounts: [{ name: 'home', mountPath: '/home/node' }] };
  const volumes = [{ name: 'home', emptyDir: {} }];

  test('waits for no host of a repository, and its end does not either', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const repository = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/nobody/there`;
      const env = [{ name: 'ROADSTEAD_REPOSITORY', value: repository }];
      await cluster.create(pods, devPod('silent', { env, startupProbe }, { terminationGracePeriodSeconds: 300 }));
      await cluster.ready('silent');
      await cluster.eventually(async () => (await sh('silent', 'ps -e -o args=')).out).toContain(repository);
      expect(await cluster.log('silent')).not.toContain('roadstead: repository');
      // Its grace is longer than this test may take.
      expect((await run('delete', 'pod', 'silent')).code).toBe(0);
      expect(await cluster.reasons('silent')).not.toContain('Unhealthy');
    } finally {
      silent.close();
    }
  });

  test('that hangs before sshd fails its startup probe, again and again, though the run before it came further', async () => {
    // git waits for somebody to write to what it takes for its configuration.
    const hang = { name: 'hang', image: DEV_IMAGE, command: ['mkfifo', '/home/node/.gitconfig'], ...home };
    const runtime = { name: 'run', mountPath: '/run/roadstead' };
    const before = { ...hang, name: 'before', command: ['touch', '/run/roadstead/started'], volumeMounts: [runtime] };
    const container = { startupProbe, volumeMounts: [...home.volumeMounts, runtime] };
    const spec = { volumes: [...volumes, { name: 'run', emptyDir: {} }], initContainers: [hang, before] };
    await cluster.create(pods, devPod('hanging', container, spec));
    await cluster
      .eventually(() => cluster.reasons('hanging'))
      .toEqual(expect.arrayContaining(['Unhealthy', 'Killing']));
    const status = async () => (await cluster.pod('hanging'))?.status?.containerStatuses?.[0];
    await cluster.eventually(async () => (await status())?.restartCount).toBeGreaterThan(0);
    expect((await status())?.ready).toBe(false);
    await run('delete', 'pod', 'hanging');
  });
});

describe('a volume that a tenant has written to', () => {
  test('does not lead a mount out of it by a link', async () => {
    await sh('bob', 'ln -s /etc /workspace/out; rm -rf /home/node/.claude 2>/dev/null; true');
    await run('delete', 'pod', 'bob');
    const volumeMounts = [{ name: 'home', mountPath: '/mnt', subPath: 'workspace/out' }];
    await cluster.create(pods, seat('bob', { volumeMounts }));
    const waiting = async () => (await cluster.pod('bob'))?.status?.containerStatuses?.[0]?.state?.waiting;
    await cluster.eventually(async () => (await waiting())?.reason).toBe('CreateContainerConfigError');
    expect((await waiting())?.message).toContain('leads through a symbolic link');
  });
});

describe('an image that is not there', () => {
  test('is waited for with the reasons and events of a real kubelet', async () => {
    await cluster.create(pods, {
      metadata: { name: 'absent' },
      spec: { containers: [{ name: 'main', image: 'registry.test/missing:1' }] },
    });
    const waiting = async () => (await cluster.pod('absent'))?.status?.containerStatuses?.[0]?.state?.waiting;
    await cluster.eventually(async () => (await waiting())?.reason).toBe('ImagePullBackOff');
    expect((await waiting())?.message).toContain('registry.test/missing:1: not found');
    await cluster
      .eventually(() => cluster.reasons('absent'))
      .toEqual(expect.arrayContaining(['Pulling', 'Failed', 'BackOff']));
    expect((await cluster.pod('absent'))?.status?.phase).toBe('Pending');
  });
});

test('where namespaces are switched off, a dev pod is a plain process that says so', async () => {
  const plain = await startTestCluster('127.84', { isolation: 'process' });
  try {
    await plain.node('n1');
    await plain.create(storageClasses, {
      metadata: { name: 'gp3' },
      provisioner: 'ebs.csi.eks.amazonaws.com',
      volumeBindingMode: 'Immediate',
    });
    await plain.create(secrets, { metadata: { name: 'keys' }, stringData: { TOKEN: 's3cret' } });
    await plain.create(persistentVolumeClaims, claim('cat'));
    await plain.create(pods, seat('cat'));
    await plain.ready('cat');
    const inside = (...words: string[]) => kubectl(plain.parts.adminKubeconfig, ['exec', 'cat', '--', ...words]);
    expect((await plain.pod('cat'))?.metadata.annotations?.['roadstead.dev/isolation']).toBe('process');
    // Paths that a command names are those of the volumes; it starts in the folder of its workspace.
    const said = (out: string) => ({ code: 0, out, err: '' });
    expect(await inside('sh', '-c', 'echo mine > file')).toEqual(said(''));
    expect(await inside('cat', '/workspace/file')).toEqual(said('mine\n'));
    expect(await inside('cat', '/run/secrets/roadstead/TOKEN')).toEqual(said('s3cret'));
    await plain.eventually(() => plain.log('cat')).toContain('kubectl exec works, ssh does not');
    expect(plain.said.join('\n')).toContain('dev pods are plain processes');
    expect(await readdir(join(plain.dir, 'volumes'))).toHaveLength(1);
  } finally {
    await plain.stop();
  }
});
