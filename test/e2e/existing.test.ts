/** A cluster that was there before: connected with one manifest, used for dev pods, left clean (DESIGN §1 provider existing). */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '#core/contract/cluster.ts';
import { type LocalCluster, startCluster } from '#local/kubernetes/cluster.ts';
import { ApiFailure, type Session } from '#scripts/journey/client.ts';
import { AGENT_IMAGE, agentCommand } from '#scripts/local/up.ts';
import { install } from './support/install.ts';
import { expectNothingLeft, getCluster, type Product, startProduct, until, untilPhase } from './support/product.ts';
import { createSeat, getSeat, type Kubectl, kubectlOf, kubectlWith, shell, untilSeat } from './support/seats.ts';
import { forget } from './support/server.ts';

type Connected = Cluster & { readonly installToken: string; readonly manifest: string; readonly command: string };

/** What a cluster brings that somebody already has. */
const CLUSTER = `
apiVersion: v1
kind: Node
metadata: { name: metal-1 }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: standard, annotations: { storageclass.kubernetes.io/is-default-class: "true" } }
provisioner: example.com/disks
volumeBindingMode: WaitForFirstConsumer
allowVolumeExpansion: true
`;

let product: Product;
let ada: Session;
let folder: string;
let theirs: LocalCluster;
let admin: Kubectl;

beforeAll(async () => {
  product = await startProduct();
  ada = await product.person();
  folder = mkdtempSync(join(tmpdir(), 'roadstead-existing-'));
  theirs = await startCluster({
    dir: join(folder, 'cluster'),
    name: 'theirs',
    version: '1.35',
    podNetwork: '127.199',
    images: { [AGENT_IMAGE]: { command: agentCommand() } },
    refreshMs: 1000,
  });
  admin = kubectlWith(theirs.adminKubeconfig);
  writeFileSync(join(folder, 'cluster.yaml'), CLUSTER);
  await admin('apply', '-f', join(folder, 'cluster.yaml'));
  await admin('create', 'namespace', 'mine');
  await admin('-n', 'mine', 'create', 'configmap', 'untouched', '--from-literal=a=b');
}, 120_000);
afterAll(async () => {
  await theirs?.stop();
  await product?.stop();
  forget(folder);
});

const connect = (body: object = {}) =>
  ada.call<Connected>('POST', '/api/v1/clusters', {
    name: 'theirs',
    provider: 'existing',
    takesWorkspaces: true,
    options: {
      apiServer: { url: theirs.server, certificateAuthority: Buffer.from(theirs.caPem).toString('base64') },
    },
    ...body,
  });
const objects = () => admin('get', 'namespaces,crds,clusterroles,clusterrolebindings', '-o', 'name');

let cluster: Connected;
let before: string;

describe('a connected cluster', () => {
  it('is Ready when its agent dials in, with the one manifest that was answered', async () => {
    before = await objects();
    cluster = await connect();
    expect([cluster.provider, cluster.estimatedUsdPerHour]).toEqual(['existing', 0]);
    await install(cluster, theirs.adminKubeconfig);
    const ready = await untilPhase(ada, cluster.id, ['Ready', 'Failed']);
    expect([ready.phase, ready.error, ready.expiresAt]).toEqual(['Ready', undefined, undefined]);
  }, 120_000);

  it('answers its manifest also on the path of the seed, to whoever holds an install token, and to nobody else', async () => {
    const { installToken } = await ada.call<{ installToken: string }>(
      'POST',
      `/api/v1/clusters/${cluster.id}/tokens`,
      {},
    );
    const ask = (token: string) =>
      fetch(`${product.runtime.url}/api/clusters/register`, { method: 'POST', headers: { 'X-Cluster-Token': token } });
    const answer = await ask(installToken);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(JSON.parse(await answer.text()).kind).toBe('List');
    expect((await ask('rsi_unknown')).status).toBe(401);
  });

  it('runs dev pods, which are entered through the address that its admin gave', async () => {
    const seat = await createSeat(ada, 'here', cluster.id);
    expect(await shell(await kubectlOf(ada, seat), seat, 'echo inside')).toBe('inside');
    await ada.call('DELETE', `/api/v1/workspaces/${seat.id}?volumes=DeleteVolumes`);
    await untilSeat(ada, seat.id, 'Deleted');
    expect(await admin('-n', seat.namespace, 'get', 'sts,pvc,svc', '-o', 'name')).toBe('');
  }, 120_000);
});

describe('a connected cluster whose agent is gone for good', () => {
  it('is forgotten after a grace, and says what may be left there', async () => {
    const lost = await connect({ name: 'lost' });
    await ada.call('DELETE', `/api/v1/clusters/${lost.id}`);
    const gone = await untilPhase(ada, lost.id, ['Deleted', 'Failed']);
    expect(gone.phase).toBe('Deleted');
    expect(gone.remains?.objects).toContain('namespace/roadstead-system');
  }, 120_000);
});

describe('a connected cluster, after a while', () => {
  it('says that it keeps no teams apart, which its agent has tried, and nothing of the try is left', async () => {
    // A policy is given half a minute to take effect before it counts as not enforced.
    await until(
      'networkPolicyEnforced',
      async () => (await getCluster(ada, cluster.id)).info?.networkPolicyEnforced === 'false',
      90,
    );
    const made = await admin('-n', 'roadstead-system', 'get', 'pods,networkpolicies', '-o', 'name');
    expect(made.trim()).toMatch(/^pod\/roadstead-agent-[^\n]*$/);
  }, 120_000);

  it('is left by its agent when it is deleted: nothing else is touched, and what remains is listed with the line that removes it', async () => {
    const seat = await createSeat(ada, 'last', cluster.id);
    await expect(ada.call('DELETE', `/api/v1/clusters/${cluster.id}`)).rejects.toThrow('cluster.has_workspaces');
    await ada.call('DELETE', `/api/v1/clusters/${cluster.id}?force=true`);
    const gone = await untilPhase(ada, cluster.id, ['Deleted', 'Failed']);
    expect([gone.phase, gone.error]).toEqual(['Deleted', undefined]);
    expect((await getSeat(ada, seat.id)).phase).toBe('Deleted');
    expect(
      await admin('-n', seat.namespace, 'get', 'sts,pods,pvc,svc,secrets,roles', '-o', 'name').catch(String),
    ).not.toContain('wsp-');
    expect(await admin('-n', 'mine', 'get', 'configmap', 'untouched', '-o', 'jsonpath={.data.a}')).toBe('b');

    const { remains } = await getCluster(ada, cluster.id);
    expect(remains?.command).toMatch(/^kubectl delete /);
    const [, ...args] = (remains?.command ?? '').split(' ');
    await admin(...args, '--ignore-not-found', '--wait=false');
    await until('the cluster as it was', async () => (await objects()) === before, 30);
  }, 120_000);

  it('leaves nothing behind here', () => expectNothingLeft(product), 60_000);
});

describe('a cluster that is not to be shared', () => {
  it('is refused with a reason', async () => {
    const refused = await connect({ name: 'odd', takesWorkspaces: false, isolation: 'shared' }).catch((error) => error);
    expect(refused).toBeInstanceOf(ApiFailure);
    expect((refused as ApiFailure).code).toBe('cluster.isolation');
  });
});
