import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  /** Runs the command with a `curl` that writes its arguments and its input to files of their own, and answers this, one after the other. */
  const runs = (...answers: string[]) => {
    const { args } = yaml.parse(withExec).users[0].user.exec;
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-kubeconfig-'));
    answers.forEach((answer, n) => void writeFileSync(join(folder, `answer-${n + 1}`), answer));
    const curl = `calls=0
curl() {
  for each in "$@"; do printf '%s\\n' "$each"; done > ${folder}/arguments
  cat > ${folder}/input
  echo >> ${folder}/calls
  cat ${folder}/answer-$(($(wc -l < ${folder}/calls)))
}
`;
    const shown = spawnSync('sh', [args[0], curl + args[1]], {
      env: { PATH: process.env.PATH, ROADSTEAD_TOKEN: 'the token' },
      encoding: 'utf8',
    });
    const read = (name: string) => readFileSync(join(folder, name), 'utf8').trim();
    const made = { ...shown, arguments: read('arguments').split('\n'), input: read('input'), calls: read('calls') };
    rmSync(folder, { recursive: true });
    return made;
  };
  const credential = '{"kind":"ExecCredential"}';

  it('has a command that asks with curl, which reads the token from its input: no argument holds it', () => {
    const { stdout, status, arguments: given, input } = runs(credential);
    expect([stdout, status]).toEqual([credential, 0]);
    expect(given).toEqual([
      '-fsS',
      '--config',
      '-',
      '-X',
      'POST',
      '-H',
      'content-type: application/json',
      '-d',
      '{}',
      `https://api.example/api/v1/clusters/${of.id}/credentials`,
    ]);
    expect(input).toBe('header = "Authorization: Bearer the token"');
  });

  it('has a command that asks again for what is not there yet, and gives up with a sentence', () => {
    const waits = '{"retryAfterSeconds":5}';
    expect(runs(waits, credential)).toMatchObject({ stdout: credential, status: 0 });
    const { stdout, stderr, status } = runs(waits, waits, waits, credential);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr).toContain('has not answered yet');
  });

  it.each([
    ['https://10.1.2.3:6443', true],
    ['https://172.31.0.1', true],
    ['https://172.32.0.1', false],
    ['https://100.64.0.1', true],
    ['https://[fd00::1]:6443', true],
    ['https://[2600:1f18::1]', false],
    ['https://[::ffff:10.0.0.1]', true],
    ['https://8.8.8.8', false],
    ['https://kubernetes', true],
    ['https://kubernetes.default.svc', true],
    ['https://api.corp.internal:443', true],
    ['https://abc.gr7.eu-central-1.eks.amazonaws.com', false],
  ])('says of %s whether it is reached from its own network alone: %s', (endpoint, isPrivate) => {
    const text = renderKubeconfig({
      ...of,
      endpoint,
      user: { kind: 'exec', apiUrl: 'https://api.example', path: 'x' },
    });
    expect(text.includes('is private')).toBe(isPrivate);
    expect(yaml.parse(text).clusters[0].cluster.server).toBe(endpoint);
  });
});
