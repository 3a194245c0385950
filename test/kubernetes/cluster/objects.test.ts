import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  configMaps,
  customResourceDefinitions,
  endpointSlices,
  endpoints,
  leases,
  namespaces,
  nodePools,
  nodes,
  pathOf,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  serviceAccounts,
  services,
  statefulSets,
  storageClasses,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import { app, startTestCluster } from './harness.ts';

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster('127.72');
  await cluster.node('n1', { 'topology.kubernetes.io/zone': 'us-east-1a', pool: 'static' });
});
afterAll(() => cluster?.stop());

describe('namespaces', () => {
  test('have a default account and the CA from the start, also after somebody removed them', async () => {
    await cluster.create(namespaces, { metadata: { name: 'fresh' } });
    await cluster.eventually(() => cluster.client.find(serviceAccounts, 'fresh', 'default')).toBeDefined();
    const ca = async () => (await cluster.client.find(configMaps, 'fresh', 'kube-root-ca.crt'))?.data?.['ca.crt'];
    await cluster.eventually(ca).toBe(cluster.parts.caPem);
    const account = await cluster.client.get(serviceAccounts, 'fresh', 'default');
    await cluster.client.delete(serviceAccounts, account);
    await cluster
      .eventually(
        async () =>
          (await cluster.client.find(serviceAccounts, 'fresh', 'default'))?.metadata.uid !== account.metadata.uid,
      )
      .toBe(true);
  });

  test('are emptied and then gone when they are deleted', async () => {
    const made = await cluster.create(namespaces, { metadata: { name: 'doomed' } });
    await cluster.create(configMaps, { metadata: { name: 'a' } }, 'doomed');
    await cluster.create(
      pods,
      { metadata: { name: 'p' }, spec: { terminationGracePeriodSeconds: 1, containers: [app()] } },
      'doomed',
    );
    await cluster
      .eventually(async () => (await cluster.client.find(pods, 'doomed', 'p'))?.status?.phase)
      .toBe('Running');
    await cluster.client.delete(namespaces, made);
    await cluster.eventually(() => cluster.client.find(namespaces, undefined, 'doomed')).toBeUndefined();
    expect(
      (await cluster.client.list(configMaps)).items.filter(({ metadata }) => metadata.namespace === 'doomed'),
    ).toEqual([]);
  });

  test('that cannot be emptied say what holds them', async () => {
    const made = await cluster.create(namespaces, { metadata: { name: 'held' } });
    const map = await cluster.create(configMaps, { metadata: { name: 'a', finalizers: ['example.com/hold'] } }, 'held');
    await cluster.client.delete(namespaces, made);
    const condition = async () =>
      (await cluster.client.find(namespaces, undefined, 'held'))?.status?.conditions?.find(
        ({ type }) => type === 'NamespaceFinalizersRemaining',
      )?.message;
    await cluster
      .eventually(condition)
      .toBe('Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances');
    await cluster.client.patch(configMaps, map, { metadata: { finalizers: null } });
    await cluster.eventually(() => cluster.client.find(namespaces, undefined, 'held')).toBeUndefined();
  });
});

describe('garbage collection', () => {
  const owned = async (owner: string, child: string) => {
    const parent = await cluster.create(configMaps, { metadata: { name: owner } });
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: owner,
      uid: parent.metadata.uid,
      blockOwnerDeletion: true,
    };
    await cluster.create(configMaps, { metadata: { name: child, ownerReferences: [reference] } });
    return parent;
  };
  const find = (name: string) => cluster.client.find(configMaps, cluster.ns, name);

  test('removes what lost its owner', async () => {
    await cluster.client.delete(configMaps, await owned('owner-a', 'child-a'), { propagationPolicy: 'Background' });
    await cluster.eventually(() => find('child-a')).toBeUndefined();
  });

  test('in the foreground the owner goes last', async () => {
    await cluster.client.delete(configMaps, await owned('owner-b', 'child-b'), { propagationPolicy: 'Foreground' });
    await cluster.eventually(() => find('owner-b')).toBeUndefined();
    expect(await find('child-b')).toBeUndefined();
  });

  test('orphans stay and lose their reference', async () => {
    await cluster.client.delete(configMaps, await owned('owner-c', 'child-c'), { propagationPolicy: 'Orphan' });
    await cluster.eventually(() => find('owner-c')).toBeUndefined();
    expect((await find('child-c'))?.metadata.ownerReferences ?? []).toEqual([]);
  });

  test('an owner that never was there takes its dependent along', async () => {
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: '00000000-0000-4000-8000-000000000000' },
    ];
    await cluster.create(configMaps, { metadata: { name: 'lost', ownerReferences } });
    await cluster.eventually(() => find('lost')).toBeUndefined();
  });

  test('custom kinds are owners too', async () => {
    const group = 'example.com';
    const gadgets = { apiVersion: `${group}/v1`, plural: 'gadgets', kind: 'Gadget', namespaced: true };
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
    const versions = [{ name: 'v1', served: true, storage: true, schema }];
    await cluster.create(customResourceDefinitions, {
      metadata: { name: `gadgets.${group}` },
      spec: { group, scope: 'Namespaced', names, versions },
    });
    let gadget: Awaited<ReturnType<typeof cluster.client.create>> | undefined;
    await cluster
      .eventually(async () => {
        gadget ??= await cluster.client.create(gadgets, cluster.ns, { metadata: { name: 'g' } }).catch(() => undefined);
        return gadget !== undefined;
      })
      .toBe(true);
    const ownerReferences = [{ apiVersion: gadgets.apiVersion, kind: 'Gadget', name: 'g', uid: gadget?.metadata.uid }];
    await cluster.create(configMaps, { metadata: { name: 'of-gadget', ownerReferences } });
    await cluster.client.call('DELETE', pathOf(gadgets, cluster.ns, 'g'));
    await cluster.eventually(() => find('of-gadget')).toBeUndefined();
  });
});

describe('nodes', () => {
  test('are Ready, renew their lease and say what they hold', async () => {
    const status = async () => (await cluster.client.get(nodes, undefined, 'n1')).status;
    await cluster
      .eventually(async () => (await status())?.conditions?.find(({ type }) => type === 'Ready')?.status)
      .toBe('True');
    expect(await status()).toMatchObject({
      capacity: { cpu: '4' },
      nodeInfo: { kubeletVersion: expect.stringContaining('v1.35') },
    });
    await cluster
      .eventually(async () => (await cluster.client.find(leases, 'kube-node-lease', 'n1'))?.spec.holderIdentity)
      .toBe('n1');
  });

  test('a pod that fits nowhere says so', async () => {
    const resources = { requests: { cpu: '64' } };
    await cluster.create(pods, {
      metadata: { name: 'huge' },
      spec: { nodeSelector: { pool: 'static' }, containers: [{ ...app(), resources }] },
    });
    const condition = async () =>
      (await cluster.pod('huge'))?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    await cluster.eventually(condition).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
      message: expect.stringMatching(/^0\/1 nodes are available: 1 Insufficient cpu\. .*preemption: /),
    });
    await cluster.eventually(() => cluster.reasons('huge')).toContain('FailedScheduling');
  });

  test('are made by a node pool for a pod that fits nowhere, within its limits, and removed when empty', async () => {
    const spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec, status: spec } } };
    const names = { plural: 'nodepools', singular: 'nodepool', kind: 'NodePool', listKind: 'NodePoolList' };
    const versions = [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }];
    const definition = { group: 'karpenter.sh', scope: 'Cluster', names, versions };
    await cluster.create(customResourceDefinitions, { metadata: { name: 'nodepools.karpenter.sh' }, spec: definition });
    const pool = {
      metadata: { name: 'workers' },
      spec: {
        template: { metadata: { labels: { pool: 'workers' } }, spec: { requirements: [] } },
        limits: { cpu: 4 },
        disruption: { consolidationPolicy: 'WhenEmpty', consolidateAfter: '1s' },
      },
    };
    await cluster
      .eventually(async () =>
        cluster.create(nodePools, pool).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const wanting = (name: string, cpu: string) => ({
      metadata: { name, labels: { app: name } },
      spec: {
        nodeSelector: { pool: 'workers' },
        terminationGracePeriodSeconds: 1,
        containers: [{ ...app(), resources: { requests: { cpu } } }],
      },
    });
    await cluster.create(pods, wanting('pooled', '3'));
    const pod = await cluster.ready('pooled');
    const node = await cluster.client.get(nodes, undefined, pod.spec.nodeName ?? '');
    expect(node.metadata.labels).toMatchObject({
      'karpenter.sh/nodepool': 'workers',
      'node.kubernetes.io/instance-type': 'm7i.xlarge',
    });
    expect(node.spec.providerID).toBe(`aws:///us-east-1a/${node.metadata.name}`);

    // The limit is used up: the next pod is told so.
    await cluster.create(pods, wanting('beyond', '2'));
    const told = async () => (await cluster.reasons('beyond')).filter((reason) => reason === 'FailedScheduling').length;
    await cluster.eventually(told).toBeGreaterThanOrEqual(2);

    for (const name of ['beyond', 'pooled']) await cluster.client.delete(pods, { metadata: { ...pod.metadata, name } });
    await cluster.eventually(() => cluster.client.find(nodes, undefined, node.metadata.name)).toBeUndefined();
  });

  test('that are deleted take their pods along', async () => {
    const node = await cluster.node('n2', { only: 'n2' });
    await cluster.create(pods, {
      metadata: { name: 'moored', labels: { app: 'moored' } },
      spec: { nodeSelector: { only: 'n2' }, containers: [app()] },
    });
    await cluster.ready('moored');
    await cluster.client.delete(nodes, node);
    await cluster.eventually(() => cluster.pod('moored')).toBeUndefined();
  });
});

describe('services', () => {
  test('have the addresses of their ready pods', async () => {
    await cluster.create(services, {
      metadata: { name: 'web' },
      spec: { selector: { app: 'served' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await cluster.create(pods, {
      metadata: { name: 'served', labels: { app: 'served' } },
      spec: { containers: [app()] },
    });
    const pod = await cluster.ready('served');
    const subsets = async () => (await cluster.client.find(endpoints, cluster.ns, 'web'))?.subsets;
    await cluster
      .eventually(subsets)
      .toMatchObject([{ addresses: [{ ip: pod.status?.podIP }], ports: [{ port: 8080 }] }]);
    const slice = async () =>
      (await cluster.client.list(endpointSlices, cluster.ns, { labelSelector: 'kubernetes.io/service-name=web' }))
        .items[0]?.endpoints;
    await cluster.eventually(slice).toMatchObject([{ addresses: [pod.status?.podIP], conditions: { ready: true } }]);
  });
});

describe('stateful sets and volumes', () => {
  test('pods have numbers, keep their volume over a scale to 0, and are made in order', async () => {
    const storageClass = {
      metadata: { name: 'fast' },
      provisioner: 'ebs.csi.eks.amazonaws.com',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
    };
    await cluster.create(storageClasses, storageClass);
    const container = app({
      env: [{ name: 'DATA', value: '/data' }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    });
    const set = await cluster.create(statefulSets, {
      metadata: { name: 'db' },
      spec: {
        replicas: 2,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: { terminationGracePeriodSeconds: 1, containers: [container] },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: {
              accessModes: ['ReadWriteOnce'],
              storageClassName: 'fast',
              resources: { requests: { storage: '1Gi' } },
            },
          },
        ],
      },
    });
    const ready = async () => (await cluster.client.get(statefulSets, cluster.ns, 'db')).status?.readyReplicas ?? 0;
    await cluster.eventually(ready).toBe(2);
    const first = await cluster.client.get(pods, cluster.ns, 'db-0');
    const second = await cluster.client.get(pods, cluster.ns, 'db-1');
    expect(Date.parse(second.metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(
      Date.parse(first.metadata.creationTimestamp ?? ''),
    );
    const claim = await cluster.client.get(persistentVolumeClaims, cluster.ns, 'data-db-0');
    expect(claim.status).toMatchObject({ phase: 'Bound', capacity: { storage: '1Gi' } });
    const dataOf = async () =>
      JSON.parse(await cluster.ask(await cluster.client.get(pods, cluster.ns, 'db-0'), '/')).env.DATA as string;
    const before = await dataOf();

    await cluster.client.patch(statefulSets, set, { spec: { replicas: 0 } });
    // Pods that are going still count.
    const replicas = async () => (await cluster.client.get(statefulSets, cluster.ns, 'db')).status?.replicas ?? 0;
    await cluster.eventually(replicas).toBe(0);
    await cluster.client.patch(statefulSets, set, { spec: { replicas: 1 } });
    await cluster.eventually(ready).toBe(1);
    expect(await dataOf()).toBe(before);

    // A claim may grow, and takes its volume along when it is deleted.
    await cluster.client.patch(persistentVolumeClaims, claim, {
      spec: { resources: { requests: { storage: '2Gi' } } },
    });
    const capacity = async () =>
      (await cluster.client.get(persistentVolumeClaims, cluster.ns, 'data-db-0')).status?.capacity?.storage;
    await cluster.eventually(capacity).toBe('2Gi');
    await cluster.client.patch(statefulSets, set, { spec: { replicas: 0 } });
    await cluster.eventually(async () => (await cluster.podsOf('db')).length).toBe(0);
    await cluster.client.delete(persistentVolumeClaims, claim);
    await cluster
      .eventually(() => cluster.client.find(persistentVolumes, undefined, claim.spec.volumeName ?? ''))
      .toBeUndefined();
  });

  test('a changed template replaces the pods, highest first', async () => {
    const spec = (value: string) => ({
      replicas: 2,
      serviceName: 'seat',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'seat' } },
      template: {
        metadata: { labels: { app: 'seat' } },
        spec: { terminationGracePeriodSeconds: 1, containers: [app({ env: [{ name: 'V', value }] })] },
      },
    });
    const set = await cluster.create(statefulSets, { metadata: { name: 'seat' }, spec: spec('1') });
    const status = async () => (await cluster.client.get(statefulSets, cluster.ns, 'seat')).status;
    await cluster.eventually(status).toMatchObject({ readyReplicas: 2, updatedReplicas: 2 });
    await cluster.client.patch(statefulSets, set, { spec: { template: spec('2').template } });
    await cluster
      .eventually(async () => {
        const all = await Promise.all(
          (await cluster.podsOf('seat')).map((pod) => cluster.ask(pod, '/').then(JSON.parse, () => undefined)),
        );
        return all.map((answer) => answer?.env.V);
      })
      .toEqual(['2', '2']);
    await cluster.eventually(status).toMatchObject({ readyReplicas: 2, updatedReplicas: 2 });
  });
});
