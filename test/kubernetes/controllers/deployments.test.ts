import { describe, expect, test } from 'vitest';
import {
  configMaps,
  deployments,
  events,
  pods,
  replicaSets,
  resourceQuotas,
} from '#local/kubernetes/controllers/machinery/resources.ts';
import type { Deployment } from '#local/kubernetes/controllers/machinery/types.ts';
import { eventually, podSpec, type Space, testWorld } from './world.ts';

const world = testWorld();
const REVISION = 'deployment.kubernetes.io/revision';

const deploymentOf = (name: string, spec: Partial<Deployment['spec']> = {}, annotations = {}) => ({
  metadata: { name, annotations },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: podSpec({ schedulerName: 'nobody' }) },
    ...spec,
  },
});
const setImage = (space: Space, image: string, annotations = {}) =>
  space.patch(deployments, 'web', {
    metadata: { annotations },
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  });
const images = async (space: Space) => (await space.list(pods)).map(({ spec }) => spec.containers[0]?.image).sort();
const allRun = async (space: Space) => {
  for (const { metadata, status } of await space.list(pods))
    if (status?.phase !== 'Running') await space.runs(metadata.name).catch(() => undefined);
};
const rolledOut = (space: Space) =>
  eventually(async () => {
    await allRun(space);
    const { metadata, status, spec } = await space.get(deployments, 'web');
    return (
      status?.observedGeneration === metadata.generation &&
      status?.updatedReplicas === spec.replicas &&
      status?.replicas === spec.replicas &&
      status?.availableReplicas === spec.replicas
    );
  }).toBe(true);
const condition = async (space: Space, type: string) =>
  (await space.get(deployments, 'web')).status?.conditions?.find((one) => one.type === type);

describe('a rollout', () => {
  test('goes from the old template to the new, says how, and can be undone with its history kept', async () => {
    const space = await world().space();
    await space.create(deployments, deploymentOf('web', {}, { 'kubernetes.io/change-cause': 'first' }));
    await rolledOut(space);
    await setImage(space, 'main:2', { 'kubernetes.io/change-cause': 'second' });
    await rolledOut(space);
    await eventually(() => images(space)).toEqual(['main:2', 'main:2']);
    expect(await condition(space, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    expect(await condition(space, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });

    // What `kubectl rollout undo` does: the template of an earlier set comes back.
    const history = async () =>
      Object.fromEntries(
        (await space.list(replicaSets)).map(({ metadata }) => [
          metadata.annotations?.[REVISION],
          metadata.annotations?.['kubernetes.io/change-cause'],
        ]),
      );
    expect(await history()).toEqual({ 1: 'first', 2: 'second' });
    await setImage(space, 'main:1', { 'kubernetes.io/change-cause': 'first' });
    await rolledOut(space);
    await eventually(() => images(space)).toEqual(['main:1', 'main:1']);
    await eventually(history).toEqual({ 2: 'second', 3: 'first' });
    expect((await space.get(deployments, 'web')).metadata.annotations?.[REVISION]).toBe('3');
    const said = await space.said('web');
    expect(said).toContainEqual(expect.stringMatching(/ScalingReplicaSet: Scaled up replica set web-\w+ from 0 to 2$/));
  });

  test('never has fewer pods serving than it may', async () => {
    const space = await world().space();
    await space.create(
      deployments,
      deploymentOf('web', { replicas: 4, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }),
    );
    await rolledOut(space);
    await setImage(space, 'main:2');
    await eventually(() => images(space)).toEqual(['main:1', 'main:1', 'main:1', 'main:1', 'main:2']);
    expect((await space.get(deployments, 'web')).status?.availableReplicas).toBe(4);
    await rolledOut(space);
  });

  test('that hangs keeps its shares when the deployment is scaled', async () => {
    const space = await world().space();
    await space.create(deployments, deploymentOf('web', { replicas: 4 }));
    await rolledOut(space);
    const sizesOf = async () =>
      (await space.list(replicaSets))
        .map(({ spec }) => `${spec.template.spec?.containers[0]?.image} ${spec.replicas}`)
        .sort();
    await setImage(space, 'main:none');
    await eventually(sizesOf).toEqual(['main:1 3', 'main:none 2']);
    await space.patch(deployments, 'web', { spec: { replicas: 10 } });
    await eventually(sizesOf).toEqual(['main:1 8', 'main:none 5']);
    await space.patch(deployments, 'web', { spec: { replicas: 4 } });
    await eventually(sizesOf).toEqual(['main:1 3', 'main:none 2']);
  });

  test('stands still while it is paused, and scales nevertheless', async () => {
    const space = await world().space();
    await space.create(deployments, deploymentOf('web'));
    await rolledOut(space);
    await space.patch(deployments, 'web', { spec: { paused: true } });
    await setImage(space, 'main:2');
    await space.patch(deployments, 'web', { spec: { replicas: 3 } });
    await eventually(() => images(space)).toEqual(['main:1', 'main:1', 'main:1']);
    expect(await condition(space, 'Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    await space.patch(deployments, 'web', { spec: { paused: null } });
    await rolledOut(space);
    await eventually(() => images(space)).toEqual(['main:2', 'main:2', 'main:2']);
  });

  test('with Recreate starts nothing new before the last old pod is gone', async () => {
    const space = await world().space();
    const node = await world().node();
    const template = { metadata: { labels: { app: 'web' } }, spec: podSpec({ nodeName: node }) };
    await space.create(deployments, deploymentOf('web', { replicas: 1, strategy: { type: 'Recreate' }, template }));
    await rolledOut(space);
    const [old] = await space.names(pods);
    await setImage(space, 'main:2');
    await eventually(async () => (await space.get(pods, old ?? '')).metadata.deletionTimestamp).toBeDefined();
    expect(await images(space)).toEqual(['main:1']);
    await space.ended(old ?? '');
    await eventually(() => images(space)).toEqual(['main:2']);
    await world().removeNode(node);
  });

  test('that a quota stops says so, and goes on when there is room', async () => {
    const space = await world().space();
    await space.create(resourceQuotas, { metadata: { name: 'few' }, spec: { hard: { pods: '1' } } });
    await eventually(async () => (await space.get(resourceQuotas, 'few')).status?.used?.pods).toBe('0');
    await space.create(deployments, deploymentOf('web'));
    await eventually(() => condition(space, 'ReplicaFailure')).toMatchObject({
      status: 'True',
      reason: 'FailedCreate',
      message: expect.stringContaining('exceeded quota: few'),
    });
    // What is refused is tried later and later: nothing that a try writes brings on the next.
    const tries = async () =>
      (await space.list(events))
        .filter(({ reason }) => reason === 'FailedCreate')
        .reduce((sum, { count }) => sum + (count ?? 1), 0);
    await eventually(tries).toBeGreaterThan(4);
    const before = await space.list(replicaSets);
    const soFar = await tries();
    await eventually(tries).toBeGreaterThan(soFar);
    expect(await tries()).toBeLessThan(soFar + 5);
    expect((await space.list(replicaSets))[0]?.metadata.resourceVersion).toBe(before[0]?.metadata.resourceVersion);
    await space.patch(resourceQuotas, 'few', { spec: { hard: { pods: '3' } } });
    await eventually(() => space.names(pods)).toHaveLength(2);
    await eventually(() => condition(space, 'ReplicaFailure')).toBeUndefined();
  });
});

describe('owners and dependents', () => {
  test('an owner in another namespace is none: the dependent is collected', async () => {
    const [here, there] = [await world().space(), await world().space()];
    const owner = await there.create(configMaps, { metadata: { name: 'owner' } });
    const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid };
    await here.create(configMaps, { metadata: { name: 'lost', ownerReferences: [reference] } });
    await eventually(() => here.find(configMaps, 'lost')).toBeUndefined();
  });

  test('what a deployment made goes with it, and stays when it is orphaned', async () => {
    const space = await world().space();
    await space.create(deployments, deploymentOf('web'));
    await eventually(() => space.names(pods)).toHaveLength(2);
    await space.remove(deployments, 'web', { propagationPolicy: 'Orphan' });
    await eventually(() => space.find(deployments, 'web')).toBeUndefined();
    await eventually(async () => (await space.list(replicaSets))[0]?.metadata.ownerReferences ?? []).toEqual([]);
    expect(await space.names(pods)).toHaveLength(2);
    // One of the same selector adopts the set.
    await space.create(deployments, deploymentOf('web'));
    await eventually(async () => (await space.list(replicaSets))[0]?.metadata.ownerReferences?.[0]?.kind).toBe(
      'Deployment',
    );
    await space.remove(deployments, 'web', { propagationPolicy: 'Foreground' });
    await eventually(() => space.names(pods)).toEqual([]);
    await eventually(() => space.find(deployments, 'web')).toBeUndefined();
  });
});
