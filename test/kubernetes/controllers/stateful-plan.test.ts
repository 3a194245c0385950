import { describe, expect, test } from 'vitest';
import type { Pod, StatefulSet } from '#local/kubernetes/controllers/machinery/types.ts';
import { plan } from '#local/kubernetes/controllers/stateful-set/plan.ts';
import { statefulSetStatus } from '#local/kubernetes/controllers/stateful-set/status.ts';
import { meta } from './builders.ts';

const revisions = { current: 'db-old', update: 'db-new' };
const setOf = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
  metadata: meta('db', { generation: 1 }),
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'db' } },
    template: { metadata: { labels: { app: 'db' } } },
    ...spec,
  },
});
type State = 'ready' | 'pending' | 'failed' | 'going';
const podOf = (ordinal: number, state: State = 'ready', revision = revisions.update): Pod => ({
  metadata: meta(`db-${ordinal}`, {
    labels: { 'controller-revision-hash': revision },
    ...(state === 'going' && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
  }),
  spec: { containers: [] },
  status: {
    phase: state === 'pending' ? 'Pending' : state === 'failed' ? 'Failed' : 'Running',
    conditions: [
      {
        type: 'Ready',
        status: state === 'ready' || state === 'going' ? 'True' : 'False',
        lastTransitionTime: '2020-01-01T00:00:00Z',
      },
    ],
  },
});
const old = (ordinal: number, state: State = 'ready') => podOf(ordinal, state, revisions.current);
const said = (set: StatefulSet, pods: Pod[]) =>
  plan(set, pods, revisions).map((step) =>
    'remove' in step ? `-${step.remove.metadata.name}` : `+${step.create} ${step.revision}`,
  );
const parallel = { podManagementPolicy: 'Parallel' };

describe('in order', () => {
  test('one pod at a time is made, when all before it serve', () => {
    expect(said(setOf(), [])).toEqual(['+0 db-new']);
    expect(said(setOf(), [podOf(0, 'pending')])).toEqual([]);
    expect(said(setOf(), [podOf(0)])).toEqual(['+1 db-new']);
  });

  test('a pod that is going is waited for: never two of one name', () => {
    expect(said(setOf(), [podOf(0), podOf(1, 'going'), podOf(2)])).toEqual([]);
    expect(said(setOf(), [podOf(0), podOf(1), podOf(2, 'going')])).toEqual([]);
  });

  test('a pod that has ended is replaced', () => {
    expect(said(setOf(), [podOf(0), podOf(1, 'failed'), podOf(2)])).toEqual(['-db-1']);
  });

  test('the highest goes first when fewer are wanted, and one that does not serve is waited for', () => {
    const one = setOf({ replicas: 1 });
    expect(said(one, [podOf(0), podOf(1), podOf(2)])).toEqual(['-db-2']);
    expect(said(one, [podOf(0), podOf(1), podOf(2, 'going')])).toEqual([]);
    expect(said(one, [podOf(0), podOf(1, 'pending'), podOf(2)])).toEqual(['-db-2']);
    expect(said(one, [podOf(0), podOf(1, 'pending'), podOf(2, 'pending')])).toEqual([]);
    expect(said(one, [podOf(0), podOf(1, 'pending')])).toEqual(['-db-1']);
  });

  test('a broken pod stays, though its fix is there: upstream does not replace it either', () => {
    expect(said(setOf(), [old(0, 'pending')])).toEqual([]);
  });
});

describe('at once', () => {
  test('all that are missing are made and all beyond go', () => {
    expect(said(setOf(parallel), [podOf(1)])).toEqual(['+0 db-new', '+2 db-new']);
    expect(said(setOf({ ...parallel, replicas: 0 }), [podOf(0), podOf(1, 'going')])).toEqual(['-db-0']);
  });

  test('a broken image is replaced by its fix', () => {
    expect(said(setOf({ ...parallel, replicas: 1 }), [old(0, 'pending')])).toEqual(['-db-0']);
  });

  test('but not more serving pods than may be away', () => {
    expect(said(setOf(parallel), [old(0), old(1), old(2)])).toEqual(['-db-2']);
    expect(said(setOf(parallel), [old(0), old(1, 'pending'), old(2)])).toEqual(['-db-1']);
  });
});

describe('updates', () => {
  test('go from the highest down, one at a time, or as many as maxUnavailable says', () => {
    expect(said(setOf(), [old(0), old(1), old(2)])).toEqual(['-db-2']);
    expect(said(setOf(), [old(0), old(1), podOf(2)])).toEqual(['-db-1']);
    const two = setOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } } });
    expect(said(two, [old(0), old(1), old(2)])).toEqual(['-db-2', '-db-1']);
  });

  test('stop at the partition, below which missing pods come back as they were', () => {
    const set = setOf({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    expect(said(set, [old(0), old(1), podOf(2)])).toEqual([]);
    expect(said(set, [old(0)])).toEqual(['+1 db-old']);
  });

  test('wait for a person with OnDelete', () => {
    const set = setOf({ updateStrategy: { type: 'OnDelete' } });
    expect(said(set, [old(0), old(1), old(2)])).toEqual([]);
    expect(said(set, [old(0), old(1)])).toEqual(['+2 db-new']);
  });
});

test('numbers may start elsewhere, and names that are no numbers of the set are left alone', () => {
  const set = setOf({ ...parallel, replicas: 1, ordinals: { start: 5 } });
  expect(said(set, [podOf(0)])).toEqual(['+5 db-new', '-db-0']);
  const stranger = podOf(7);
  stranger.metadata.name = 'db-07';
  expect(said(setOf({ ...parallel, replicas: 0 }), [stranger])).toEqual([]);
});

describe('the status', () => {
  const status = (pods: Pod[], spec = {}) => statefulSetStatus(setOf(spec), pods, revisions, 0);

  test('counts pods by revision and readiness', () => {
    expect(status([old(0), old(1), podOf(2, 'pending')])).toMatchObject({
      replicas: 3,
      readyReplicas: 2,
      currentReplicas: 2,
      updatedReplicas: 1,
      currentRevision: 'db-old',
      updateRevision: 'db-new',
    });
  });

  test('a finished update makes the new revision the current one', () => {
    expect(status([podOf(0), podOf(1), podOf(2)])).toMatchObject({ currentRevision: 'db-new', currentReplicas: 3 });
    const partition = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } };
    expect(status([old(0), podOf(1), podOf(2)], partition)).toMatchObject({ currentRevision: 'db-old' });
  });

  test('a ready pod becomes available after minReadySeconds', () => {
    const fresh = podOf(0);
    for (const condition of fresh.status?.conditions ?? []) condition.lastTransitionTime = new Date().toISOString();
    expect(status([fresh], { replicas: 1, minReadySeconds: 60 })).toMatchObject({
      readyReplicas: 1,
      availableReplicas: 0,
    });
  });
});
