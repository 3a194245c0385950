import { readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LocalCluster, startCluster } from '#local/kubernetes/cluster.ts';
import type { ClusterSettings } from '#local/kubernetes/cluster-parts.ts';
import { persistentVolumeClaims, pods, storageClasses } from '#local/kubernetes/controllers/machinery/resources.ts';
import { settings, speak, temporary } from '../cluster/harness.ts';
import { devPod, kubectl, ready, startKubectl } from './support.ts';

let dir: string;
const clusters: LocalCluster[] = [];
/** A duration that no other process sleeps for. */
const MARK = `30${process.pid}.5`;

beforeAll(async () => {
  dir = await temporary();
});
afterAll(async () => {
  await Promise.all(clusters.map((cluster) => cluster.stop()));
  await rm(dir, { recursive: true, force: true });
});

/** How many processes were told to sleep that long. */
const sleepers = () =>
  readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${MARK}\0`;
    } catch {
      return false;
    }
  }).length;

async function start(more: Partial<ClusterSettings>) {
  const cluster = await startCluster({ ...settings(dir, '127.88'), ...more });
  clusters.push(cluster);
  return cluster;
}

test.each([['user-namespace'], ['process']] as const)(
  'a cluster that is killed leaves no process of a dev pod (%s) behind, and finds its volumes again',
  async (isolation) => {
    const more = isolation === 'process' ? { isolation } : {};
    const first = await start(more);
    const words = speak(first);
    const name = `seat-${isolation}`;
    const volume = { name: 'work', persistentVolumeClaim: { claimName: name } };
    const mount = { name: 'work', mountPath: '/workspace' };
    if ((await words.client.find(storageClasses, undefined, 'gp3')) === undefined) {
      await words.node('n1');
      await words.create(storageClasses, {
        metadata: { name: 'gp3' },
        provisioner: 'ebs.csi.eks.amazonaws.com',
        volumeBindingMode: 'Immediate',
      });
    }
    const claim = {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'gp3',
      resources: { requests: { storage: '1Gi' } },
    };
    await words.create(persistentVolumeClaims, { metadata: { name }, spec: claim });
    await words.create(pods, devPod(name, { volumeMounts: [mount] }, { volumes: [volume] }));
    await ready(first.adminKubeconfig, name);
    // One process in the foreground of an exec, one that went its own way.
    const script = `echo kept > file; setsid sleep ${MARK} & exec sleep ${MARK}`;
    const exec = startKubectl(first.adminKubeconfig, ['exec', name, '--', 'sh', '-c', script]);
    await expect.poll(sleepers, { timeout: 10_000 }).toBe(2);

    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    await exec.ended;
    words.client.close();
    await expect.poll(sleepers, { timeout: 10_000 }).toBe(0);

    const second = await start(more);
    await ready(second.adminKubeconfig, name);
    expect((await kubectl(second.adminKubeconfig, ['exec', name, '--', 'cat', '/workspace/file'])).out).toBe('kept\n');
    const again = speak(second);
    await again.client.delete(pods, { metadata: { name, namespace: 'default' } } as never, { gracePeriodSeconds: 0 });
    again.client.close();
    await second.stop();
  },
);
