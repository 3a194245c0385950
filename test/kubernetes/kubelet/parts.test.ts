import { describe, expect, test } from 'vitest';
import type { Container, ContainerStatus } from '#local/kubernetes/controllers/machinery/types.ts';
import { Addresses } from '#local/kubernetes/kubelet/addresses.ts';
import { environment, expand, type Sources } from '#local/kubernetes/kubelet/environment.ts';
import { runHook, runInside } from '#local/kubernetes/kubelet/health.ts';
import { knownImage, repositoryOf } from '#local/kubernetes/kubelet/images.ts';
import { rewrite } from '#local/kubernetes/kubelet/paths.ts';
import { nextWait, stateAfterCrash, waitText } from '#local/kubernetes/kubelet/restart.ts';
import type { Runnable } from '#local/kubernetes/kubelet/runnable.ts';
import type { Tether } from '#local/kubernetes/kubelet/tether.ts';
import { pod } from '../controllers/builders.ts';

describe('images', () => {
  const images = {
    'registry.local:5000/team/agent': { command: ['agent'] },
    'registry.local:5000/team/agent:2': { command: ['agent', '2'] },
  };

  test('an exact reference wins over the repository', () => {
    expect(knownImage(images, 'registry.local:5000/team/agent:2')?.command).toEqual(['agent', '2']);
    expect(knownImage(images, `registry.local:5000/team/agent@sha256:${'a'.repeat(64)}`)?.command).toEqual(['agent']);
    expect(knownImage(images, 'registry.local:5000/team/other')).toBeUndefined();
  });

  test('what is no reference has no repository', () => {
    expect(repositoryOf('Not/An/Image')).toBeUndefined();
    expect(repositoryOf('web:')).toBeUndefined();
    expect(repositoryOf('localhost:5000/a_b/c--d:v1.2')).toBe('localhost:5000/a_b/c--d');
  });
});

describe('paths', () => {
  const mounts = [
    { mountPath: '/etc/config', folder: '/state/config' },
    { mountPath: '/etc/config/inner', folder: '/state/inner' },
  ];
  test.each([
    ['/etc/config', '/state/config'],
    ['/etc/config/a.txt', '/state/config/a.txt'],
    ['/etc/config/inner/b', '/state/inner/b'],
    ['/etc/configuration', '/etc/configuration'],
    ['--file=/etc/config', '--file=/etc/config'],
  ])('%s becomes %s', (from, to) => {
    expect(rewrite(from, mounts)).toBe(to);
  });
});

describe('addresses', () => {
  test('every pod has its own, and keeps it over a restart', () => {
    const addresses = new Addresses('127.42');
    expect(addresses.forPod('a', '127.42.1.7')).toBe('127.42.1.7');
    expect(addresses.forPod('b', '127.42.1.7')).toBe('127.42.1.1');
    expect(addresses.forPod('c', '10.0.0.1')).toBe('127.42.1.2');
    expect([addresses.forPod('c'), addresses.forNode('n'), addresses.forNode('n')]).toEqual([
      '127.42.1.2',
      '127.42.0.1',
      '127.42.0.1',
    ]);
  });

  test('one that was given back is not handed out at once', () => {
    const addresses = new Addresses('127.42');
    const first = addresses.forPod('a');
    addresses.release('a');
    expect(addresses.forPod('b')).not.toBe(first);
  });

  test('a network that is not loopback is refused', () => {
    expect(() => new Addresses('10.0')).toThrow('write 127.42');
  });
});

describe('the environment', () => {
  const sources: Sources = {
    configMap: async (_namespace, name) => (name === 'settings' ? { COLOUR: 'blue', SIZE: 'big' } : undefined),
    secret: async (_namespace, name) => (name === 'keys' ? { TOKEN: Buffer.from('s3cret') } : undefined),
  };
  const facts = { podIP: '127.42.1.1', hostIP: '127.42.0.1' };
  const of = (container: Partial<Container>, base = {}) =>
    environment(pod({ nodeName: 'n1' }), { name: 'main', ...container }, sources, facts, base);

  test('literals, fields, secrets and config maps are resolved, later ones may use earlier ones', async () => {
    const env = await of({
      envFrom: [{ prefix: 'S_', configMapRef: { name: 'settings' } }],
      env: [
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'TOKEN' } } },
        { name: 'URL', value: 'http://$(IP):80/$(S_COLOUR)/$(NOBODY)/$$(IP)' },
      ],
    });
    expect(env).toEqual({
      S_COLOUR: 'blue',
      S_SIZE: 'big',
      IP: '127.42.1.1',
      NODE: 'n1',
      TOKEN: 's3cret',
      URL: 'http://127.42.1.1:80/blue/$(NOBODY)/$(IP)',
    });
  });

  test('what is missing keeps the container from starting, unless it is optional', async () => {
    const ref = (name: string, key: string, optional = false) => ({
      env: [{ name: 'X', valueFrom: { secretKeyRef: { name, key, optional } } }],
    });
    await expect(of(ref('nothing', 'a'))).rejects.toThrow('secret "nothing" not found');
    await expect(of(ref('keys', 'a'))).rejects.toThrow("couldn't find key a in Secret default/keys");
    await expect(of(ref('nothing', 'a', true))).resolves.toEqual({});
  });

  test('an unknown field is refused with the ones there are', async () => {
    const env = [{ name: 'X', valueFrom: { fieldRef: { fieldPath: 'status.phase' } } }];
    await expect(of({ env })).rejects.toThrow('field "status.phase" has no value: allowed are metadata.name');
  });

  test('two dollars are one', () => {
    expect(expand('$$HOME $(A)', { A: '1' })).toBe('$HOME 1');
  });
});

describe('restarts', () => {
  const backoff = { baseMs: 10_000, maxMs: 300_000, resetMs: 600_000 };

  test('the first comes at once, then 10 s doubling to 5 min; a long run forgives', () => {
    const waits: number[] = [];
    for (let last: number | undefined, i = 0; i < 8; i += 1) {
      last = nextWait(backoff, last, 1_000);
      waits.push(last / 1000);
    }
    expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(nextWait(backoff, 300_000, 700_000)).toBe(0);
    expect([10_000, 160_000].map(waitText)).toEqual(['10s', '2m40s']);
  });

  test('what ran under an earlier kubelet is dead, what had ended stays ended, what never ran is new', () => {
    const at = (state: ContainerStatus['state']) =>
      stateAfterCrash({
        name: 'main',
        image: 'web:1',
        imageID: '',
        ready: false,
        restartCount: 2,
        state,
        containerID: 'x',
      });
    expect(at({ running: { startedAt: '2026-01-01T00:00:00Z' } })?.terminated).toMatchObject({
      exitCode: 137,
      startedAt: '2026-01-01T00:00:00Z',
    });
    expect(at({ terminated: { exitCode: 0 } })?.terminated?.exitCode).toBe(0);
    expect(at({ waiting: { reason: 'ContainerCreating' } })).toBeUndefined();
  });
});

test('a command for a container that cannot be entered fails with the reason, and so does a hook', async () => {
  const gone = { beside: () => Promise.reject(new Error('its first process did not start')) } as unknown as Runnable;
  const exec = () => runInside({} as Tether, gone, ['true'], 1000);
  expect(await exec()).toEqual({ code: 126, output: 'its first process did not start' });
  const events: string[][] = [];
  const target = { container: { name: 'main', image: 'main:1' }, podIP: '127.0.0.1', exec };
  const hook = { exec: { command: ['true'] } };
  const told = (...event: string[]) => void events.push(event);
  expect(await runHook(target, hook, 'PostStart', 1000, told)).toBe(false);
  expect(events).toEqual([
    ['Warning', 'FailedPostStartHook', 'PostStart hook failed: its first process did not start'],
  ]);
});
