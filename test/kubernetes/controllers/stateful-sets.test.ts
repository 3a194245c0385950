import { describe, expect, test } from 'vitest';
import {
  controllerRevisions,
  persistentVolumeClaims,
  pods,
  resourceQuotas,
  statefulSets,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { StatefulSet } from '#local/kubernetes/controllers/machinery/types.ts';
import { eventually, podSpec, testWorld } from './world.ts';

const world = testWorld();

const setOf = (name: string, spec: Partial<StatefulSet['spec']> = {}, image = 'main:1') => ({
  metadata: { name },
  spec: {
    replicas: 2,
    serviceName: name,
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: podSpec({ schedulerName: 'nobody', containers: [{ name: 'main', image }] }),
    },
    ...spec,
  },
});
const data = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

describe('pods of a stateful set', () => {
  test('have numbers, claims of their own and labels that say who they are; events tell of each', async () => {
    const space = await world().space();
    await space.create(statefulSets, setOf('db', { volumeClaimTemplates: [data] }));
    await eventually(() => space.names(pods)).toEqual(['db-0', 'db-1']);
    expect(await space.names(persistentVolumeClaims)).toEqual(['data-db-0', 'data-db-1']);
    const pod = await space.get(pods, 'db-1');
    const [revision] = await space.names(controllerRevisions);
    expect(pod.metadata).toMatchObject({
      generateName: 'db-',
      labels: {
        app: 'db',
        'apps.kubernetes.io/pod-index': '1',
        'statefulset.kubernetes.io/pod-name': 'db-1',
        'controller-revision-hash': revision,
      },
    });
    expect(pod.spec).toMatchObject({ hostname: 'db-1', subdomain: 'db' });
    await eventually(() => space.said('db')).toEqual(
      expect.arrayContaining([
        'Normal SuccessfulCreate: create Claim data-db-1 Pod db-1 in StatefulSet db success',
        'Normal SuccessfulCreate: create Pod db-1 in StatefulSet db successful',
      ]),
    );
  });

  test('are made one after the other when each serves', async () => {
    const space = await world().space();
    await space.create(statefulSets, setOf('db', { podManagementPolicy: 'OrderedReady' }));
    await eventually(() => space.names(pods)).toEqual(['db-0']);
    await space.runs('db-0');
    await eventually(() => space.names(pods)).toEqual(['db-0', 'db-1']);
    await space.runs('db-1');
    const status = async () => (await space.get(statefulSets, 'db')).status;
    await eventually(status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2, updatedReplicas: 2 });
  });

  test('keep their name to themselves: the next one waits until the one that is going is gone', async () => {
    const space = await world().space();
    const node = await world().node();
    const template = { metadata: { labels: { app: 'db' } }, spec: podSpec({ nodeName: node }) };
    const spec = setOf('db', { replicas: 1, template });
    await space.create(statefulSets, spec);
    await eventually(async () => (await space.find(pods, 'db-0'))?.spec.nodeName).toBe(node);
    const first = await space.runs('db-0');
    await space.remove(statefulSets, 'db', { propagationPolicy: 'Background' });
    await eventually(() => space.find(statefulSets, 'db')).toBeUndefined();
    await eventually(async () => (await space.get(pods, 'db-0')).metadata.deletionTimestamp).toBeDefined();
    await space.create(statefulSets, spec);
    await eventually(async () => (await space.get(statefulSets, 'db')).status?.updateRevision).toBeDefined();
    expect((await space.get(pods, 'db-0')).metadata.uid).toBe(first.metadata.uid);
    await space.ended('db-0');
    await eventually(async () => (await space.find(pods, 'db-0'))?.metadata.uid).not.toBe(first.metadata.uid);
    await world().removeNode(node);
  });

  test('with a broken image are replaced by the fix, where all run at once', async () => {
    const space = await world().space();
    await space.create(statefulSets, setOf('db', { replicas: 1 }, 'no-such:1'));
    await eventually(() => space.names(pods)).toEqual(['db-0']);
    const [container] = podSpec({ containers: [{ name: 'main', image: 'main:2' }] }).containers;
    await space.patch(statefulSets, 'db', { spec: { template: { spec: { containers: [container] } } } });
    await eventually(async () => (await space.find(pods, 'db-0'))?.spec.containers[0]?.image).toBe('main:2');
    await space.runs('db-0');
    const { updateRevision } = (await space.get(statefulSets, 'db')).status ?? {};
    await eventually(async () => (await space.get(statefulSets, 'db')).status?.currentRevision).toBe(updateRevision);
    expect(await space.list(controllerRevisions)).toHaveLength(2);
  });

  test('go back to an earlier template as a new revision of the old one', async () => {
    const space = await world().space();
    const image = async (value: string) => {
      const containers = [{ name: 'main', image: value }];
      await space.patch(statefulSets, 'db', { spec: { template: { spec: { containers } } } });
      await eventually(async () => (await space.find(pods, 'db-0'))?.spec.containers[0]?.image).toBe(value);
    };
    await space.create(statefulSets, setOf('db', { replicas: 1 }));
    await eventually(() => space.names(pods)).toEqual(['db-0']);
    await image('main:2');
    await image('main:1');
    expect((await space.list(controllerRevisions)).map(({ revision }) => revision).sort()).toEqual([2, 3]);
  });
});

describe('what keeps pods from being made is told', () => {
  test('a quota, in its own words; and the pod comes when there is room', async () => {
    const space = await world().space();
    await space.create(resourceQuotas, { metadata: { name: 'few' }, spec: { hard: { pods: '1' } } });
    await eventually(async () => (await space.get(resourceQuotas, 'few')).status?.used?.pods).toBe('0');
    await space.create(statefulSets, setOf('db'));
    await eventually(() => space.said('db')).toContainEqual(
      expect.stringMatching(
        /^Warning FailedCreate: create Pod db-1 in StatefulSet db failed error: pods "db-1" is forbidden: exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1$/,
      ),
    );
    expect(await space.names(pods)).toEqual(['db-0']);
    await space.patch(resourceQuotas, 'few', { spec: { hard: { pods: '2' } } });
    await eventually(() => space.names(pods)).toEqual(['db-0', 'db-1']);
  });

  test('Pod Security', async () => {
    const space = await world().space({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    await space.create(statefulSets, setOf('db'));
    await eventually(() => space.said('db')).toContainEqual(
      expect.stringContaining('violates PodSecurity "restricted:latest"'),
    );
  });

  test('a name of 53 characters, whose revision is too long a label; one of 52 works', async () => {
    const space = await world().space();
    const [long, fitting] = [53, 52].map((length) => 's'.repeat(length)) as [string, string];
    await space.create(statefulSets, setOf(long, { replicas: 1 }));
    await space.create(statefulSets, setOf(fitting, { replicas: 1 }));
    await eventually(() => space.names(pods)).toEqual([`${fitting}-0`]);
    await eventually(() => space.said(long)).toContainEqual(expect.stringMatching(/FailedCreate.*no more than 63/));
  });
});

describe('claims of a stateful set', () => {
  const retention = (whenDeleted: string, whenScaled: string) =>
    setOf('db', {
      volumeClaimTemplates: [data],
      persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
    });

  test('stay when pods go, unless the policy says otherwise', async () => {
    const space = await world().space();
    await space.create(statefulSets, retention('Retain', 'Retain'));
    await eventually(() => space.names(pods)).toHaveLength(2);
    await space.patch(statefulSets, 'db', { spec: { replicas: 0 } }, 'scale');
    await eventually(() => space.names(pods)).toEqual([]);
    expect(await space.names(persistentVolumeClaims)).toEqual(['data-db-0', 'data-db-1']);
  });

  test('go with the pods that are scaled away, or with the set', async () => {
    const space = await world().space();
    await space.create(statefulSets, retention('Delete', 'Delete'));
    await eventually(() => space.names(persistentVolumeClaims)).toHaveLength(2);
    await eventually(() => space.names(pods)).toHaveLength(2);
    await space.patch(statefulSets, 'db', { spec: { replicas: 1 } }, 'scale');
    await eventually(() => space.names(persistentVolumeClaims)).toEqual(['data-db-0']);
    await space.remove(statefulSets, 'db');
    await eventually(() => space.names(persistentVolumeClaims)).toEqual([]);
  });
});

test('where nothing differs nothing is written', async () => {
  const space = await world().space();
  await space.create(statefulSets, setOf('db', { volumeClaimTemplates: [data] }));
  await eventually(() => space.names(pods)).toHaveLength(2);
  for (const name of ['db-0', 'db-1']) await space.runs(name);
  await eventually(async () => (await space.get(statefulSets, 'db')).status?.readyReplicas).toBe(2);
  // Settled when two readings in a row agree; then a touch that changes nothing wakes every controller.
  let before = await world().versions(space.name);
  await eventually(async () => {
    const now = await world().versions(space.name);
    const same = JSON.stringify(now) === JSON.stringify(before);
    before = now;
    return same;
  }).toBe(true);
  await space.patch(statefulSets, 'db', { metadata: { annotations: { touched: 'yes' } } });
  const { 'statefulsets/db': touched } = await world().versions(space.name);
  // What comes later has been seen to: so was the touch.
  await space.create(statefulSets, setOf('later'));
  await eventually(async () => (await space.get(statefulSets, 'later')).status?.replicas).toBe(2);
  const after = Object.entries(await world().versions(space.name)).filter(([name]) => name in before);
  expect(Object.fromEntries(after)).toEqual({ ...before, 'statefulsets/db': touched });
});
