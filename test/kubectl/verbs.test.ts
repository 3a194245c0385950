import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { ASSETS_VARIABLE } from '#local/kubernetes/real/assets.ts';
import { APP, app, startTestCluster } from '../kubernetes/cluster/harness.ts';
import { devPod, ready, startKubectl } from '../kubernetes/kubelet/support.ts';
import { findKubectls } from './kubectls.ts';

const kubectls = findKubectls({ everywhere: true });
const assets = process.env[ASSETS_VARIABLE];
console.log(
  `kubectl: ${kubectls.map(({ version, path }) => `${version} (${path})`).join(', ') || 'none of 1.31 or later on PATH or in KUBECTLS'}; on ${assets ? `the API server of ${assets}` : 'the embedded API server'}`,
);

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-verbs-'));
  cluster = await startTestCluster('127.83', assets ? { assets } : {});
  await cluster.node('n1');
  await cluster.create(pods, devPod('seat'));
  await cluster.create(pods, { metadata: { name: 'web', labels: { app: 'served' } }, spec: { containers: [app()] } });
  await ready(cluster.parts.adminKubeconfig, 'seat', 'web');
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('there is a kubectl to try', () => {
  expect(kubectls).not.toEqual([]);
});

const settings = (colour: string) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour } });
const deployment = (greeting: string) =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [app({ env: [{ name: 'GREETING', value: greeting }] })] },
      },
    },
  });

describe.each(kubectls.map((kubectl, n) => ({ ...kubectl, n })))('kubectl $version ($path)', ({ path, n }) => {
  const namespace = `verbs-${n}`;
  const begin = (args: string[], input = '', ns = namespace) =>
    startKubectl(
      cluster.parts.adminKubeconfig,
      ['-n', ns, ...args],
      input,
      { KUBECACHEDIR: join(folder, 'cache') },
      path,
    );
  /** What it says where it ends well; else the test fails with what it said. */
  const run = async (line: string, input = '', ns = namespace): Promise<string> => {
    const { code, out, err } = await begin(line.split(' '), input, ns).ended;
    expect([line, code, code === 0 ? '' : err]).toEqual([line, 0, '']);
    return out;
  };
  /** Exit code and all that was said. */
  const fails = async (line: string, input = ''): Promise<[number, string]> => {
    const { code, out, err } = await begin(line.split(' '), input).ended;
    return [code, out + err];
  };
  beforeAll(async () => {
    await run(`create namespace ${namespace}`);
  });
  afterAll(async () => {
    await begin(['delete', 'namespace', namespace, '--wait=false']).ended;
  });

  test('explain tells fields, their types and what they are for', async () => {
    expect(await run('explain pods.spec.containers.image')).toMatch(/KIND:\s+Pod[\s\S]*FIELD: image <string>/);
    expect(await run('explain deployment.spec --recursive')).toMatch(/strategy\s+<DeploymentStrategy>[\s\S]*maxSurge/);
    expect(await fails('explain pods.spec.nothing')).toEqual([
      1,
      expect.stringContaining('field "nothing" does not exist'),
    ]);
  });

  test('diff shows what an apply would change, and changes nothing', async () => {
    await run('apply -f -', settings('blue'));
    expect(await fails('diff -f -', settings('blue'))).toEqual([0, '']);
    const [code, said] = await fails('diff -f -', settings('red'));
    expect([code, said]).toEqual([1, expect.stringMatching(/-\s+colour: blue\n\+\s+colour: red/)]);
    expect(await run('get configmap settings -o jsonpath={.data.colour}')).toBe('blue');
  });

  test('server-side apply names whose fields it would take, and takes them when told to', async () => {
    await run('apply --server-side --field-manager=first -f -', settings('green').replace('settings', 'shared'));
    const taken = settings('red').replace('settings', 'shared');
    const [code, said] = await fails('apply --server-side --field-manager=second -f -', taken);
    expect([code, said]).toEqual([1, expect.stringMatching(/conflict with "first".*\.data\.colour/s)]);
    await run('apply --server-side --field-manager=second --force-conflicts -f -', taken);
    const fields = await run(
      'get configmap shared --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}',
    );
    expect(fields).toContain('second');
    expect(await run('apply --server-side --dry-run=server --field-manager=second -f -', taken)).toContain(
      '(server dry run)',
    );
  });

  test('rollout follows a change, keeps its history, undoes and restarts', async () => {
    await run('apply -f -', deployment('one'));
    expect(await run('rollout status deployment/web --timeout=60s')).toContain('successfully rolled out');
    await run('apply -f -', deployment('two'));
    await run('rollout status deployment/web --timeout=60s');
    expect(await run('rollout history deployment/web')).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>/);
    await run('rollout undo deployment/web');
    await run('rollout status deployment/web --timeout=60s');
    const greeting = 'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="GREETING")].value}';
    expect(await run(`get deployment web -o ${greeting}`)).toBe('one');
    await run('rollout restart deployment/web');
    await run('rollout status deployment/web --timeout=60s');
    await run('scale deployment/web --replicas=2');
    await run('wait --for=jsonpath={.status.readyReplicas}=2 deployment/web --timeout=60s');
    await run(`set image deployment/web main=${APP}2`);
    expect(await run('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}')).toBe(`${APP}2`);
  });

  test('wait ends with the condition, with the deletion, or with its time', async () => {
    await run('wait --for=condition=Ready pod/web --timeout=60s', '', 'default');
    await run('create configmap short');
    const waiting = begin(['wait', '--for=delete', 'configmap/short', '--timeout=60s']);
    await run('delete configmap short');
    expect((await waiting.ended).code).toBe(0);
    const [code, said] = await fails('wait --for=jsonpath={.data.colour}=never configmap/settings --timeout=1s');
    expect([code, said]).toEqual([1, expect.stringContaining('timed out waiting for the condition')]);
  });

  test('exec runs a command with its input and exit code', async () => {
    const { code, out } = await begin(['exec', '-i', 'seat', '--', 'sh', '-c', 'cat; exit 7'], 'hello', 'default')
      .ended;
    expect([code, out]).toEqual([7, 'hello']);
  });

  test('cp takes a file there and back', async () => {
    const [there, back] = [join(folder, `there-${n}`), join(folder, `back-${n}`)];
    await writeFile(there, 'z'.repeat(100_000));
    await run(`cp ${there} seat:/tmp/copied-${n}`, '', 'default');
    await run(`cp seat:/tmp/copied-${n} ${back}`, '', 'default');
    expect(await readFile(back, 'utf8')).toBe('z'.repeat(100_000));
  });

  test('port-forward reaches the pod', async () => {
    const forward = begin(['port-forward', 'pod/web', ':8080', '--address', '127.0.0.1'], '', 'default');
    try {
      await expect.poll(() => forward.out() + forward.err(), { timeout: 30_000 }).toMatch(/Forwarding from|error/);
      const [, port] = /127\.0\.0\.1:(\d+) ->/.exec(forward.out()) ?? [];
      const { env } = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as { env: Record<string, string> };
      expect(env.HOSTNAME).toBe('web');
    } finally {
      forward.kill();
    }
  });

  test('logs -f shows lines as they are written', async () => {
    const pod = await cluster.client.get(pods, 'default', 'web');
    const following = begin(['logs', '-f', 'web', '--tail=1'], '', 'default');
    try {
      await cluster.ask(pod, `/say?text=first-${n}`);
      await expect.poll(() => following.out(), { timeout: 30_000 }).toContain(`first-${n}`);
      await cluster.ask(pod, `/say?text=second-${n}`);
      await expect.poll(() => following.out(), { timeout: 30_000 }).toContain(`second-${n}`);
    } finally {
      following.kill();
    }
  });

  test('auth says who I am and what I may, and a reader may only read', async () => {
    expect(await run('auth can-i delete pods')).toBe('yes\n');
    expect(await run('auth whoami -o jsonpath={.status.userInfo.username}')).toBe('kubernetes-admin');
    await run('create serviceaccount reader');
    await run(`create rolebinding reader --clusterrole=view --serviceaccount=${namespace}:reader`);
    const as = `--as=system:serviceaccount:${namespace}:reader`;
    expect(await run(`auth can-i list configmaps ${as}`)).toBe('yes\n');
    expect(await fails(`auth can-i create configmaps ${as}`)).toEqual([1, 'no\n']);
    expect(await run(`auth can-i --list ${as}`)).toMatch(/configmaps\s+\[\]\s+\[\]\s+\[get list watch\]/);
    expect(await fails(`create configmap no ${as}`)).toEqual([
      1,
      expect.stringContaining('cannot create resource "configmaps"'),
    ]);
  });

  test('label, annotate, patch, expose and events do what they say', async () => {
    await run('label configmap settings tier=gold');
    expect(await run('get configmaps -l tier=gold -o name')).toBe('configmap/settings\n');
    await run('annotate configmap settings note=yes');
    await run('patch configmap settings -p {"data":{"size":"big"}}');
    expect(await run('get configmap settings -o jsonpath={.data.size}/{.metadata.annotations.note}')).toBe('big/yes');
    await run('expose deployment web --port=80 --target-port=8080');
    expect(await run('get service web -o jsonpath={.spec.selector.app}')).toBe('web');
    expect(await run('events')).toMatch(/ScalingReplicaSet/);
  });

  test('cordon and drain move nothing that stays, and uncordon takes pods again', async () => {
    await run('cordon n1');
    expect(await run('get node n1')).toContain('SchedulingDisabled');
    expect(await fails('drain n1 --dry-run=server --timeout=5s')).toEqual([1, expect.stringMatching(/cannot delete/)]);
    await run('uncordon n1');
    expect(await run('get node n1')).not.toContain('SchedulingDisabled');
  });

  // A real API server has metrics only with a metrics-server beside it.
  if (!assets)
    test('top shows what pods and nodes use', async () => {
      await expect
        .poll(async () => (await fails('top pod seat -n default'))[1], { timeout: 60_000 })
        .toMatch(/seat\s+\d+m\s+\d+Mi/);
      expect(await run('top node')).toMatch(/n1\s+\d+m/);
    });
});
