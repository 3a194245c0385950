import { PassThrough } from 'node:stream';
import {
  ApiException,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  type V1ConfigMap,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { ASSETS_VARIABLE } from '#local/kubernetes/real/assets.ts';
import { startTestCluster } from '../kubernetes/cluster/harness.ts';
import { devPod, ready } from '../kubernetes/kubelet/support.ts';

const assets = process.env[ASSETS_VARIABLE];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  cluster = await startTestCluster('127.84', assets ? { assets } : {});
  config = new KubeConfig();
  config.loadFromFile(cluster.parts.adminKubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => cluster?.stop());
const map = (name: string, data: Record<string, string>): V1ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});

test('an informer tells of what is there, then of every change', async () => {
  await core.createNamespacedConfigMap({ namespace: 'default', body: map('before', { n: '0' }) });
  const told: string[] = [];
  const informer = makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/default/configmaps', () =>
    core.listNamespacedConfigMap({ namespace: 'default' }),
  );
  for (const event of ['add', 'update', 'delete'] as const)
    informer.on(event, ({ metadata, data }) => {
      if (metadata?.name !== 'kube-root-ca.crt') told.push(`${event} ${metadata?.name} ${data?.n}`);
    });
  await informer.start();
  await core.createNamespacedConfigMap({ namespace: 'default', body: map('after', { n: '1' }) });
  await core.replaceNamespacedConfigMap({ namespace: 'default', name: 'after', body: map('after', { n: '2' }) });
  await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'after' });
  await expect
    .poll(() => told, { timeout: 30_000 })
    .toEqual(['add before 0', 'add after 1', 'update after 2', 'delete after 2']);
  await informer.stop();
});

test('a watch begins where it is told to', async () => {
  const from = (await core.listNamespacedConfigMap({ namespace: 'default' })).metadata?.resourceVersion ?? '';
  await core.createNamespacedConfigMap({ namespace: 'default', body: map('watched', { n: '1' }) });
  const told: string[] = [];
  const watching = await new Watch(config).watch(
    '/api/v1/namespaces/default/configmaps',
    { resourceVersion: from, allowWatchBookmarks: true },
    (phase, object: V1ConfigMap) => void told.push(`${phase} ${object.metadata?.name}`),
    () => undefined,
  );
  await expect.poll(() => told, { timeout: 30_000 }).toContain('ADDED watched');
  expect(told).not.toContain('ADDED before');
  watching.abort();
});

test('server-side apply owns fields, and a conflict names the owner', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const apply = (manager: string, colour: string, force?: boolean) =>
    objects.patch(map('applied', { colour }), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
  await apply('first', 'blue');
  const refused = await apply('second', 'red').then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(ApiException);
  expect([(refused as ApiException<unknown>).code, String(refused)]).toEqual([409, expect.stringContaining('first')]);
  expect(((await apply('second', 'red', true)) as V1ConfigMap).data).toEqual({ colour: 'red' });
});

test('exec carries outputs and the status of the command', async () => {
  await cluster.node('n1');
  await cluster.create(pods, devPod('seat'));
  await ready(cluster.parts.adminKubeconfig, 'seat');
  const [out, err] = [new PassThrough(), new PassThrough()];
  const said = { out: '', err: '' };
  out.on('data', (chunk) => (said.out += chunk));
  err.on('data', (chunk) => (said.err += chunk));
  const status = await new Promise<V1Status>((resolve, reject) => {
    new Exec(config)
      .exec('default', 'seat', 'dev', ['sh', '-c', 'echo one; echo two >&2; exit 3'], out, err, null, false, resolve)
      .catch(reject);
  });
  expect(said).toEqual({ out: 'one\n', err: 'two\n' });
  expect(status.details?.causes).toEqual([expect.objectContaining({ reason: 'ExitCode', message: '3' })]);
});
