import { describe, expect, it } from 'vitest';
import { repositoryOf } from '#agent/seats/repository.ts';

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
