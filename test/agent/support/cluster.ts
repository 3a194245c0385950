/**
 * A cluster for the tests of dev pods: the embedded one, or the one that KUBECONFIG_CONFORMANCE names. That one must run pods, have a default storage
 * class that grows, nothing of Roadstead's in it, and is for one file at a time (`vitest run --project agent --no-file-parallelism test/agent/seats-`).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { parse } from 'yaml';
import { connectKubernetes, hasStatus, type Item, type Kubernetes } from '#agent/kubernetes/client.ts';
import { renderCrds } from '#core/domain/seat/crds.ts';
import { type ClusterOptions, startCluster } from '#local/kubernetes/cluster.ts';

/** What dev pods of the tests are made of: here nothing runs of it, on a real cluster it must answer on port 2222. */
export const IMAGE = process.env.CONFORMANCE_IMAGE ?? 'registry.test/team/dev:1';

export interface TestCluster {
  readonly host: string;
  readonly port: number;
  /** As an agent's pod has it, with the admin's token. */
  readonly serviceAccountDir: string;
  /** Speaks as the admin. */
  readonly admin: Kubernetes;
}

interface Access {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
  readonly stop: () => Promise<void>;
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly { readonly user: { readonly token?: string } }[];
}

const named = async (path: string): Promise<Access> => {
  const { clusters, users } = parse(await readFile(path, 'utf8')) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (!cluster || user?.token === undefined) {
    throw new Error(
      `${path} (KUBECONFIG_CONFORMANCE): one cluster with its CA inside, and one user with a token, are needed`,
    );
  }
  const ca = Buffer.from(cluster['certificate-authority-data'], 'base64').toString();
  return { server: cluster.server, ca, token: user.token, stop: async () => undefined };
};

type Images = ClusterOptions['images'];

const embedded = async (dir: string, podNetwork: string, images: Images): Promise<Access> => {
  const started = await startCluster({ dir, name: 'test', version: '1.35', podNetwork, images });
  return { server: started.server, ca: started.caPem, token: started.adminToken, stop: () => started.stop() };
};

export const apply = (kubernetes: Kubernetes, path: string, body: unknown) =>
  kubernetes.request<Item>('PATCH', path, {
    query: { fieldManager: 'test', force: true },
    contentType: 'application/apply-patch+yaml',
    body,
  });

const ready = async (admin: Kubernetes) => {
  for (const crd of renderCrds({})) {
    await apply(admin, `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata.name}`, crd);
  }
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'roadstead-system' } };
  await apply(admin, '/api/v1/namespaces/roadstead-system', namespace);
  if (process.env.KUBECONFIG_CONFORMANCE === undefined) {
    for (const name of ['one', 'two']) {
      await apply(admin, `/api/v1/nodes/${name}`, {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': 'zone-a' } },
      });
    }
    await apply(admin, '/apis/storage.k8s.io/v1/storageclasses/folders', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'folders', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'folders.test',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    });
  }
  for (;;) {
    const served = await admin.request('GET', '/apis/roadstead.dev/v1alpha1/workspaces').catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
    if (served) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** One cluster for all tests of a file. `podNetwork`: its own for each file; `images`: programs of this machine that pods can be. */
export const testCluster = (podNetwork: string, images: Images = {}): (() => TestCluster) => {
  let cluster: TestCluster | undefined;
  beforeAll(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'roadstead-agent-cluster-'));
    const given = process.env.KUBECONFIG_CONFORMANCE;
    const access = given === undefined ? await embedded(join(dir, 'cluster'), podNetwork, images) : await named(given);
    await writeFile(join(dir, 'ca.crt'), access.ca);
    await writeFile(join(dir, 'token'), access.token);
    const { hostname: host, port } = new URL(access.server);
    const place = { host, port: Number(port || 443), serviceAccountDir: dir };
    const admin = await connectKubernetes(place);
    await ready(admin);
    cluster = { ...place, admin };
    return async () => {
      admin.close();
      await access.stop();
      await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    };
  });
  afterAll(() => {
    cluster = undefined;
  });
  return () => {
    if (!cluster) throw new Error('the cluster is not up');
    return cluster;
  };
};
