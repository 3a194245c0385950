import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import * as yaml from 'yaml';
import { renderKubeconfig } from '#core/domain/kubeconfig.ts';

const of = {
  id: 'clu_01m7yzp41aexssy4y22e1mqsbm',
  name: 'demo',
  endpoint: 'https://cluster.example:6443',
  certificateAuthority: 'Q0E=',
} as const;
const withToken = renderKubeconfig({
  ...of,
  user: { kind: 'token', token: 'k8s-aws-v1.abc', expiresAt: '2026-11-21T12:14:00.000Z' },
});
const withExec = renderKubeconfig({
  ...of,
  user: { kind: 'exec', apiUrl: 'https://api.example', path: 'clusters/clu_01m7yzp41aexssy4y22e1mqsbm/credentials' },
});

describe('a kubeconfig', () => {
  it('has one cluster, one user and one context that is the current one', () => {
    expect(yaml.parse(withToken)).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'roadstead-demo',
          cluster: { server: of.endpoint, 'certificate-authority-data': of.certificateAuthority },
        },
      ],
      users: [{ name: `roadstead-${of.id}`, user: { token: 'k8s-aws-v1.abc' } }],
      contexts: [{ name: 'roadstead-demo', context: { cluster: 'roadstead-demo', user: `roadstead-${of.id}` } }],
      'current-context': 'roadstead-demo',
    });
  });

  it('says in its first line when the token in it ends', () => {
    expect(withToken.split('\n')[0]).toContain('ends at 2026-11-21T12:14:00.000Z');
  });

  it('names its user by the cluster’s id, since clients cache credentials by that name', () => {
    const other = renderKubeconfig({
      ...of,
      id: 'clu_other',
      user: {
        kind: 'exec',
        apiUrl: 'https://api.example',
        path: 'clusters/clu_01m7yzp41aexssy4y22e1mqsbm/credentials',
      },
    });
    expect(yaml.parse(other).users[0].name).not.toBe(yaml.parse(withExec).users[0].name);
  });

  it('with a command holds no secret', () => {
    expect(withExec).not.toContain('k8s-aws-v1');
    expect(yaml.parse(withExec).users[0].user.exec).toMatchObject({
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      interactiveMode: 'Never',
      provideClusterInfo: false,
    });
  });

  it('has a command that a shell reads as one call of curl with the token from the environment', () => {
    const { args } = yaml.parse(withExec).users[0].user.exec;
    const shown = spawnSync(
      'sh',
      [args[0], `curl() { for each in "$@"; do printf '%s\\n' "$each"; done; }; ${args[1]}`],
      {
        env: { ROADSTEAD_TOKEN: 'the token' },
        encoding: 'utf8',
      },
    );
    expect(shown.stdout.trim().split('\n')).toEqual([
      '-fsS',
      '-X',
      'POST',
      '-H',
      'Authorization: Bearer the token',
      '-H',
      'content-type: application/json',
      '-d',
      '{}',
      `https://api.example/api/v1/clusters/${of.id}/credentials`,
    ]);
  });
});
