import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type LocalCluster, startCluster } from '#local/kubernetes/cluster.ts';
import { deployments, namespaces, pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { app, deploymentOf, settings, speak, temporary } from './harness.ts';
import { processesOf } from './processes.ts';

const clusters: LocalCluster[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
  await Promise.all(folders.splice(0).map((dir) => rm(dir, { recursive: true, force: true })));
});
const folder = async () => {
  const dir = await temporary();
  folders.push(dir);
  return dir;
};
const start = async (dir: string, network: string) => {
  const cluster = await startCluster(settings(dir, network));
  clusters.push(cluster);
  return cluster;
};
describe('a cluster in its own process', () => {
  test('is ready soon, has a private kubeconfig, and ends when told', async () => {
    const dir = await folder();
    const began = performance.now();
    const cluster = await start(dir, '127.73');
    // Goal: 1.5 s; the bar is loose, as the machine of a test run is busy.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(statSync(cluster.adminKubeconfig).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'cluster.json')).mode & 0o777).toBe(0o600);
    await cluster.stop();
    await cluster.exited;
    expect(processesOf(dir)).toEqual([]);
  });

  test('resumes on its folder: same address, same trust, same objects, pods started again', async () => {
    const dir = await folder();
    const first = await start(dir, '127.74');
    const words = speak(first);
    await words.node('n1');
    await words.create(namespaces, { metadata: { name: 'kept' } });
    await words.create(deployments, deploymentOf('web', app()));
    const before = await words.ready('web');
    words.client.close();
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    await expect.poll(() => processesOf(dir), { timeout: 5_000 }).toEqual([]);

    const second = await start(dir, '127.74');
    expect([second.server, second.caPem, second.adminToken]).toEqual([first.server, first.caPem, first.adminToken]);
    const again = speak(second);
    expect(await again.client.find(namespaces, undefined, 'kept')).toBeDefined();
    await again
      .eventually(async () => {
        const status = (await again.client.find(pods, again.ns, before.metadata.name))?.status?.containerStatuses?.[0];
        return [status?.restartCount, status?.ready];
      })
      .toEqual([1, true]);
    const after = await again.ready('web');
    expect(after.status?.podIP).toBe(before.status?.podIP);
    expect(JSON.parse(await again.ask(after, '/')).env.HOSTNAME).toBe(before.metadata.name);
    again.client.close();
  });

  test('ends with its pods when whoever started it is killed', async () => {
    const dir = await folder();
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      const { startCluster } = await import(${url('../../../local/kubernetes/cluster.ts')});
      const cluster = await startCluster(${JSON.stringify(settings(dir, '127.75'))});
      process.stdout.write(JSON.stringify(cluster));`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: process.cwd(),
    });
    const facts = JSON.parse(
      await new Promise<string>((resolve) => parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()))),
    ) as LocalCluster;
    const words = speak(facts);
    await words.node('n1');
    await words.create(deployments, deploymentOf('web', app()));
    const pod = await words.ready('web');
    const { pid } = JSON.parse(await words.ask(pod, '/')) as { pid: number };
    expect(processesOf(dir)).toContain(pid);
    words.client.close();
    parent.kill('SIGKILL');
    await expect.poll(() => processesOf(dir), { timeout: 10_000 }).toEqual([]);
    await expect(words.ask(pod, '/')).rejects.toThrow();
  });

  test('that cannot have its port says so', async () => {
    const busy = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => busy.once('listening', resolve));
    const { port } = busy.address() as { port: number };
    await expect(startCluster({ ...settings(await folder(), '127.76'), port })).rejects.toThrow(
      /did not start.*(EADDRINUSE|in use)/s,
    );
    busy.close();
  });
});
