/** Deletes that do not come to an end: what they wait for is said, and goes as soon as it can. */
import { expect, test } from 'vitest';
import { KubernetesError } from '#agent/kubernetes/client.ts';
import { kinds, pathOf } from '#agent/kubernetes/kinds.ts';
import type { Mirrors } from '#agent/seats/mirrors.ts';
import type { Message } from '#agent/seats/outbox.ts';
import { type UndertakerOptions, undertaker } from '#agent/seats/undertaker.ts';
import { REASONS } from '#core/domain/seat/reasons.ts';
import { heldClock } from './support/clock.ts';
import { testCluster } from './support/cluster.ts';
import { eventually, seatName, seatsWorld } from './support/seats.ts';

const cluster = testCluster('127.75');

test('a delete that a finalizer holds says which, and comes to its end when that is taken away', async () => {
  const world = await seatsWorld(cluster());
  const { id } = world.want();
  await world.start();
  await world.running(id);
  const claim = pathOf(kinds.PersistentVolumeClaim, world.namespace, `home-${seatName(id)}`);
  const hold = async (finalizers: string[]) => {
    const contentType = 'application/merge-patch+json';
    await cluster().admin.request('PATCH', claim, { contentType, body: { metadata: { finalizers } } });
  };
  await hold(['example.com/backup']);
  world.bury(id, 'DeleteVolumes');
  const stuck = await world.until(
    id,
    ({ phase, conditions }) => phase === 'Deleting' && (conditions[0]?.message.includes('example.com/backup') ?? false),
  );
  expect(stuck).toMatchObject({ observedRevision: 2 });
  const held = `PersistentVolumeClaim ${world.namespace}/home-${seatName(id)} held by the finalizer example.com/backup`;
  expect(stuck.conditions).toEqual([
    { type: 'Ready', status: 'False', reason: 'Deleting', message: `${REASONS.Deleting} (${held})` },
  ]);
  expect(world.plane.received('workspace.gone')).toEqual([]);
  await hold([]);
  await eventually(() => world.plane.received('workspace.gone')[0]?.payload).toEqual({ id, revision: 2, kept: [] });
});

const id = `wsp_${'1'.repeat(26)}`;
const known = { namespace: 'team', uid: 'u', version: '1', deleting: true };
const pod = { ...known, name: 'the-pod', seat: seatName(id), spec: { nodeName: 'one' }, status: {} };

/** An undertaker with one tombstone in a world where only the pod is left. */
const burying = (nodes: Record<string, { ready: boolean }>, kubernetes: object = {}, resources: object[] = []) => {
  const said: Message[] = [];
  const clock = heldClock(() => 0);
  const empty = { all: () => [], get: () => undefined, within: () => [] };
  const having = { Pod: { all: () => [pod] }, Workspace: { all: () => resources } } as Record<string, object>;
  const bury = undertaker({
    kubernetes,
    mirrors: new Proxy({}, { get: (_, kind: string) => having[kind] ?? empty }) as Mirrors,
    ensure: {},
    desired: { tombstone: () => ({ id, revision: 3, fate: 'KeepVolumes' }), buried: () => undefined },
    outbox: { state: (_: string, message: Message) => said.push(message) },
    nodes: new Map(Object.entries(nodes)),
    slowMs: 60_000,
    lookMs: 5_000,
    clock,
    signal: new AbortController().signal,
  } as unknown as UndertakerOptions);
  const message = () => {
    const last = said.at(-1);
    return last?.type === 'workspace.status' ? last.payload.status.conditions[0]?.message : undefined;
  };
  return { bury, clock, said, message };
};

test('nothing is said while a pod has its minute to end', async () => {
  const { bury, clock, said } = burying({ one: { ready: true } });
  expect(await bury(id)).toBe(5_000);
  await clock.advance(59_000);
  await bury(id);
  expect(said).toEqual([]);
  await clock.advance(1_000);
  await bury(id);
  expect(said).toHaveLength(1);
});

test.each([
  ['answers', { one: { ready: true } }, '(Pod team/the-pod on the node one)'],
  ['is not ready', { one: { ready: false } }, '(Pod team/the-pod on the node one which is not ready)'],
  ['is gone', { two: { ready: true } }, '(Pod team/the-pod on the node one which is gone)'],
  ['is not known yet', {}, '(Pod team/the-pod on the node one)'],
])('a pod whose node %s is said so', async (_, nodes, words) => {
  const { bury, clock, message } = burying(nodes);
  await bury(id);
  await clock.advance(60_000);
  await bury(id);
  expect(message()?.endsWith(words)).toBe(true);
});

test('a cluster that refuses a delete is quoted, and asked again', async () => {
  const kubernetes = {
    request: async () => {
      throw new KubernetesError(403, 'Forbidden', 'a webhook said no');
    },
  };
  const workspace = { ...known, name: seatName(id), deleting: false, origin: 'ControlPlane' };
  const { bury, clock, message } = burying({}, kubernetes, [workspace]);
  await expect(bury(id)).rejects.toThrow('a webhook said no');
  await clock.advance(60_000);
  await expect(bury(id)).rejects.toThrow('a webhook said no');
  expect(message()).toContain('a webhook said no');
});
