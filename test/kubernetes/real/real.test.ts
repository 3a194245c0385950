import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type LocalCluster, startCluster } from '#local/kubernetes/cluster.ts';
import { configMaps, deployments, namespaces } from '#local/kubernetes/controllers/machinery/resources.ts';
import { findAssets } from '#local/kubernetes/real/assets.ts';
import { app, deploymentOf, settings, speak } from '../cluster/harness.ts';
import { processesOf } from '../cluster/processes.ts';

const standIn = fileURLToPath(new URL('./stand-in-main.ts', import.meta.url));
const folders: string[] = [];
const clusters: LocalCluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
  await Promise.all(folders.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
});
const folder = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-real-'));
  folders.push(dir);
  return dir;
};
/** A folder of binaries: shell scripts by name, executable unless their mode says otherwise. */
async function assetsOf(scripts: Record<string, string>, mode = 0o755): Promise<string> {
  const dir = await folder();
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(dir, name), mode);
  }
  return dir;
}
const works = (name: string) => `exec '${process.execPath}' '${standIn}' ${name} "$@"`;
const working = () => assetsOf({ etcd: works('etcd'), 'kube-apiserver': works('kube-apiserver') });
const start = async (assets: string, dir: string, network = '127.61') => {
  const cluster = await startCluster({ ...settings(dir, network), tokenWebhook: 'http://127.0.0.1:9/review', assets });
  clusters.push(cluster);
  return cluster;
};

describe('with binaries that serve', () => {
  test('the pair is started with flags that name the cluster’s files, and controllers and kubelet work on it', async () => {
    const dir = await folder();
    const cluster = await start(await working(), dir);
    const words = speak(cluster);
    await words.node('n1');
    await words.create(namespaces, { metadata: { name: 'made' } });
    await words
      .eventually(async () => (await words.client.find(configMaps, 'made', 'kube-root-ca.crt'))?.data?.['ca.crt'])
      .toBe(cluster.caPem);
    await words.create(configMaps, { metadata: { name: 'kept' } });
    await words.create(deployments, deploymentOf('web', app()));
    expect(JSON.parse(await words.ask(await words.ready('web'), '/')).env.POD_IP).toMatch(/^127\.61\./);

    const real = join(dir, 'real');
    const flagsOf = async (name: string) =>
      (await readFile(join(real, `${name}.log`), 'utf8')).split('\n').map((line) => line.replace(/^\S+ stdout F /, ''));
    const port = new URL(cluster.server).port;
    const flags = await flagsOf('kube-apiserver');
    for (const flag of [
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--client-ca-file=${join(dir, 'apiserver', 'ca.crt')}`,
      `--tls-cert-file=${join(dir, 'apiserver', 'tls.crt')}`,
      `--service-account-signing-key-file=${join(dir, 'apiserver', 'sa.key')}`,
      `--token-auth-file=${join(real, 'tokens.csv')}`,
      `--authentication-token-webhook-config-file=${join(real, 'webhook.json')}`,
      '--authentication-token-webhook-version=v1',
      `--kubelet-client-certificate=${join(dir, 'pki', 'kube-apiserver-kubelet-client.crt')}`,
      `--kubelet-certificate-authority=${join(dir, 'apiserver', 'ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
    ])
      expect(flags).toContain(flag);
    const etcdUrl = flags.find((flag) => flag.startsWith('--etcd-servers='))?.split('=')[1];
    expect(await flagsOf('etcd')).toEqual(
      expect.arrayContaining([`--data-dir=${join(real, 'etcd')}`, `--listen-client-urls=${etcdUrl}`]),
    );
    // Whoever lists processes or reads logs learns no token.
    expect([...flags, ...(await flagsOf('etcd'))].join('\n')).not.toContain(cluster.adminToken);

    words.client.close();
    await cluster.stop();
    expect(await readFile(join(real, 'api-server-ended'), 'utf8')).toBe('etcd alive');
    expect(processesOf(dir)).toEqual([]);

    const again = await start(await working(), dir);
    expect([again.server, again.caPem, again.adminToken]).toEqual([cluster.server, cluster.caPem, cluster.adminToken]);
    const after = speak(again);
    expect(await after.client.find(configMaps, 'default', 'kept')).toBeDefined();
    after.client.close();
    process.kill(again.pid, 'SIGKILL');
    await expect.poll(() => processesOf(dir), { timeout: 10_000 }).toEqual([]);
  });

  test('the cluster’s process ends when its etcd does, so that whoever started it can start it again', async () => {
    const dir = await folder();
    const cluster = await start(await working(), dir, '127.62');
    const [etcd] = processesOf(join(dir, 'real', 'etcd'));
    process.kill(etcd ?? 0, 'SIGKILL');
    await cluster.exited;
    await expect.poll(() => processesOf(dir), { timeout: 10_000 }).toEqual([]);
  });
});

describe('what is wrong with KUBEBUILDER_ASSETS is said', () => {
  const complaint = async (assets: string): Promise<string> => {
    const dir = await folder();
    const said = await startCluster({ ...settings(dir, '127.63'), assets }).then(
      (cluster) => cluster.stop().then(() => 'it started'),
      (error: Error) => error.message,
    );
    await expect.poll(() => processesOf(dir), { timeout: 10_000 }).toEqual([]);
    return said;
  };
  const fault = (assets: string): Promise<string> =>
    findAssets(assets).then(
      () => 'nothing',
      (error: Error) => error.message,
    );

  test('a folder that is not there, or is a file', async () => {
    const dir = await folder();
    const missing = join(dir, 'nowhere');
    const said = await complaint(missing);
    expect(said).toContain(`KUBEBUILDER_ASSETS=${missing}: there is no such folder`);
    expect(said).toMatch(/setup-envtest.*unset it for the embedded Kubernetes/);
    await writeFile(join(dir, 'file'), '');
    expect(await fault(join(dir, 'file'))).toContain(`KUBEBUILDER_ASSETS=${join(dir, 'file')} is no folder`);
  });

  test('a binary that is not there, no file, or not executable', async () => {
    expect(await fault(await assetsOf({ etcd: 'exit' }))).toMatch(/there is no "kube-apiserver" in it/);
    const nested = await assetsOf({ etcd: 'exit' });
    await mkdir(join(nested, 'kube-apiserver'));
    expect(await fault(nested)).toMatch(/"kube-apiserver" in it is no file/);
    const plain = await assetsOf({ etcd: 'exit', 'kube-apiserver': 'exit' }, 0o644);
    expect(await fault(plain)).toContain(`${join(plain, 'etcd')} is not executable: chmod +x`);
  });

  test('a binary that ends at once is quoted, and its etcd does not stay', async () => {
    const said = await complaint(
      await assetsOf({ etcd: works('etcd'), 'kube-apiserver': 'echo "Error: unknown flag: --profiling" >&2; exit 3' }),
    );
    expect(said).toMatch(
      /kube-apiserver ended with code 3; .*kube-apiserver\.log.*\nError: unknown flag: --profiling/s,
    );
  });

  test('a binary of another kind of machine', async () => {
    const foreign = await assetsOf({ etcd: works('etcd'), 'kube-apiserver': '' });
    await writeFile(join(foreign, 'kube-apiserver'), Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 0]));
    expect(await complaint(foreign)).toContain(`is it a program for ${process.platform} ${process.arch}?`);
  });
});
