import { describe, expect, it } from 'vitest';
import { systemClock } from '#agent/clock.ts';
import type { Kubernetes } from '#agent/kubernetes/client.ts';
import { workspaceOf } from '#agent/seats/facts.ts';
import { podOf } from '#agent/seats/pod-facts.ts';
import { repositories, repositoryOf } from '#agent/seats/repository.ts';
import { seatSpec } from './support/seats.ts';

describe('what the start script said of the repository', () => {
  it('is nothing before it has said anything', () => {
    expect(repositoryOf('roadstead: dotfiles Ready\nhello\n')).toBeUndefined();
  });

  it('is ready, or failed with git’s own reason and what to do', () => {
    expect(repositoryOf('roadstead: repository Ready\n')).toMatchObject({ status: 'True', reason: 'Cloned' });
    const failed = repositoryOf('roadstead: repository Failed fatal: repository not found\n');
    expect(failed).toMatchObject({ status: 'False', reason: 'CloneFailed' });
    expect(failed?.message).toMatch(/fatal: repository not found\. Clone it by hand/);
  });

  it('is its last word, whatever else the pod writes, without what would steer a terminal', () => {
    const log =
      'x roadstead: repository Failed not ours\nroadstead: repository Failed first\u001b[31m\u202e\nroadstead: repository Ready\n';
    expect(repositoryOf(log)?.status).toBe('True');
    const steering = repositoryOf('roadstead: repository Failed \u001b]52;c;eA==\u0007bad\u202e')?.message ?? '';
    expect(['\u001b', '\u202e'].some((each) => steering.includes(each))).toBe(false);
  });
});

describe('a look at the log', () => {
  it('finds the word also behind what sshd says of an hour of probes', async () => {
    const probe =
      'kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 40000\n';
    const log = `${probe.repeat(360)}roadstead: repository Ready\n`;
    const kubernetes: Partial<Kubernetes> = {
      text: async (_path, options) => log.slice(0, Number(options?.query?.limitBytes)),
    };
    const metadata = (name: string) => ({ name, namespace: 'team', uid: `uid-of-${name}`, resourceVersion: '1' });
    const spec = seatSpec(`wsp_${'0'.repeat(26)}`, { git: { repository: 'https://git.test/one' } });
    const { about } = repositories(kubernetes as Kubernetes, systemClock, new AbortController().signal);
    const workspace = workspaceOf({ metadata: metadata('seat'), spec: spec as never });
    expect((await about(workspace, podOf({ metadata: metadata('seat-0') }))).condition).toMatchObject({
      status: 'True',
    });
  });
});
