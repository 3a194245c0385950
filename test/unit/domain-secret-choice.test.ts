import { expect, it } from 'vitest';
import type { SecretState } from '#core/domain/secret.ts';
import { secretsInReach } from '#core/domain/secret-choice.ts';

const secret = (holder: string, name: string): SecretState => ({
  entity: 'Secret',
  id: `${holder}/${name}`,
  version: 1,
  holder,
  name,
  latest: 1,
  sealed: {},
  updatedAt: '2026-11-21T12:00:00.000Z',
  updatedBy: 'acc_a',
});

it('keys that open a pod by ssh are a person’s own, never a team’s', () => {
  const of = (holder: string) => [secret(holder, 'SSH_AUTHORIZED_KEYS'), secret(holder, 'TOKEN')];
  const seen = (personal: boolean) =>
    secretsInReach({ environment: [], personal }, of('acc_a'), of('team_b')).map(({ id }) => id);
  expect(seen(true)).toEqual(['acc_a/SSH_AUTHORIZED_KEYS', 'acc_a/TOKEN', 'team_b/TOKEN']);
  expect(seen(false)).toEqual(['team_b/TOKEN']);
});
