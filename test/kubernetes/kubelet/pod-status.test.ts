import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ContainerStatus, Pod } from '#local/kubernetes/controllers/machinery/types.ts';
import { watchDeadline } from '#local/kubernetes/kubelet/deadline.ts';
import { phaseOf, podStatus } from '#local/kubernetes/kubelet/pod-status.ts';
import { pod } from '../controllers/builders.ts';

describe('the status of a pod', () => {
  const status = (state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus => ({
    name: 'main',
    image: 'web:1',
    imageID: '',
    ready: false,
    restartCount: 0,
    state,
    ...more,
  });
  const at = (restartPolicy: string, containers: ContainerStatus[], of: Pod = pod({ restartPolicy })) =>
    phaseOf({ pod: of, containers, initContainers: [] });
  const running = status({ running: {} }, { ready: true, started: true });
  const ended = (exitCode: number) => status({ terminated: { exitCode } });
  const backingOff = status(
    { waiting: { reason: 'CrashLoopBackOff' } },
    { lastState: { terminated: { exitCode: 1 } } },
  );
  const waiting = status({ waiting: { reason: 'PodInitializing' } });

  test.each([
    ['Always', 'Pending', status({ waiting: { reason: 'ContainerCreating' } })],
    ['Always', 'Running', status({ running: {} })],
    [
      'Always',
      'Running',
      status({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: { terminated: { exitCode: 1 } } }),
    ],
    ['Never', 'Failed', status({ terminated: { exitCode: 1 } })],
    ['Never', 'Succeeded', status({ terminated: { exitCode: 0 } })],
    ['OnFailure', 'Running', status({ terminated: { exitCode: 1 } })],
  ])('with restart policy %s it is %s', (policy, phase, container) => {
    expect(at(policy, [container])).toBe(phase);
  });

  describe('of one with a sidecar', () => {
    const view = (restartPolicy: string, sidecar: ContainerStatus, main: ContainerStatus) => {
      const initContainers = [{ name: 'side', restartPolicy: 'Always' }];
      const of = podStatus({
        pod: pod({ restartPolicy, initContainers }, { metadata: { ...pod().metadata, generation: 3 } }),
        podIP: 'a',
        hostIP: 'b',
        startTime: '',
        containers: [main],
        initContainers: [{ ...sidecar, name: 'side' }],
        conditions: [],
      });
      const is = (type: string) => of.conditions?.find((condition) => condition.type === type)?.status;
      return [of.phase, is('Initialized'), is('Ready')];
    };

    test.each([
      ['has not started: it waits', 'Always', status({ running: {} }), waiting, ['Pending', 'False', 'False']],
      ['runs with the others', 'Always', running, running, ['Running', 'True', 'True']],
      ['crashed: it goes on, not ready', 'Always', ended(1), running, ['Running', 'True', 'False']],
      ['waits for its restart: it goes on', 'Always', backingOff, running, ['Running', 'True', 'False']],
      ['outlives the others: it still runs', 'OnFailure', running, ended(0), ['Running', 'True', 'False']],
      ['was ended after the others: it succeeded', 'OnFailure', ended(137), ended(0), ['Succeeded', 'True', 'False']],
      ['was ended after a failure: it failed', 'Never', ended(0), ended(2), ['Failed', 'True', 'False']],
    ])('that %s', (_, policy, sidecar, main, expected) => {
      expect(view(policy, sidecar, main)).toEqual(expected);
    });
  });

  test.each([
    ['Succeeded', [ended(0), ended(0)]],
    ['Failed', [ended(0), ended(143)]],
    ['Failed', [waiting, ended(0)]],
  ])('of one that is about to go is %s', (phase, containers) => {
    expect(phaseOf({ pod: pod(), containers, initContainers: [], over: true })).toBe(phase);
  });

  test('and its conditions say of which generation of the spec they speak', () => {
    const of = podStatus({
      pod: pod({}, { metadata: { ...pod().metadata, generation: 3 } }),
      podIP: 'a',
      hostIP: 'b',
      startTime: '',
      containers: [running],
      initContainers: [],
      conditions: [{ type: 'example.com/gate', status: 'True' }],
    });
    expect(of.observedGeneration).toBe(3);
    const generations = Object.groupBy(of.conditions ?? [], ({ observedGeneration }) => String(observedGeneration));
    expect(generations['3']).toHaveLength(5);
    expect(generations.undefined?.map(({ type }) => type)).toEqual(['example.com/gate']);
  });

  test('a pod is ready when all its containers are', () => {
    const view = (ready: boolean) =>
      podStatus({
        pod: pod(),
        podIP: 'a',
        hostIP: 'b',
        startTime: '',
        containers: [status({ running: {} }, { ready })],
        initContainers: [],
        conditions: [],
      });
    const ready = (of: ReturnType<typeof view>) => of.conditions?.find(({ type }) => type === 'Ready');
    expect(ready(view(true))).toMatchObject({ status: 'True' });
    expect(ready(view(false))).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [main]',
    });
  });
});

describe('a deadline', () => {
  const DAY_MS = 86_400_000;
  const within = (activeDeadlineSeconds: number) => pod({ activeDeadlineSeconds });
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('counts from the start, may become shorter, and is exceeded once', () => {
    const exceeded = vi.fn();
    const deadline = watchDeadline(Date.now() - 1_000, exceeded);
    deadline.follow(within(60));
    deadline.follow(within(5));
    vi.advanceTimersByTime(3_999);
    expect(exceeded).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    deadline.follow(within(4));
    vi.runAllTimers();
    expect(exceeded).toHaveBeenCalledOnce();
  });

  test('is nothing to a pod that is done', () => {
    const exceeded = vi.fn();
    const deadline = watchDeadline(Date.now(), exceeded);
    deadline.follow(within(5));
    deadline.end();
    deadline.follow(within(1));
    vi.runAllTimers();
    expect(exceeded).not.toHaveBeenCalled();
  });

  test('may be further away than a timer reaches', () => {
    const exceeded = vi.fn();
    watchDeadline(Date.now(), exceeded).follow(within((60 * DAY_MS) / 1000));
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    expect(exceeded).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(exceeded).toHaveBeenCalledOnce();
  });
});
