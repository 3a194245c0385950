/** Dev pods on a cluster of the local AWS, used as people use them: kubectl, files that survive, colleagues, secrets, groups. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Group } from '#core/contract/group.ts';
import type { Workspace } from '#core/contract/workspace.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { Session, Watch } from '#scripts/journey/client.ts';
import {
  adminKubeconfig,
  createCluster,
  deleteCluster,
  expectNothingLeft,
  type Product,
  startProduct,
  until,
} from './support/product.ts';
import { createSeat, getSeat, type Kubectl, kubectlOf, kubectlWith, shell, untilSeat } from './support/seats.ts';

let product: Product;
let ada: Session;
let watching: Watch;
let cluster: string;
let admin: Kubectl;
let seat: Workspace;
let kubectl: Kubectl;

beforeAll(async () => {
  product = await startProduct();
  ada = await product.person();
  const made = await createCluster(ada, 'seats', ['Ready', 'Failed'], { takesWorkspaces: true });
  expect([made.cluster.phase, made.cluster.error]).toEqual(['Ready', undefined]);
  ({ watching } = made);
  cluster = made.cluster.id;
  admin = kubectlWith(adminKubeconfig(product, infrastructureName(cluster)));
  seat = await createSeat(ada, 'first', cluster, { template: { name: 'claude-terraform' } });
  kubectl = await kubectlOf(ada, seat);
}, 180_000);
afterAll(() => product?.stop());

describe('the person who holds a seat', () => {
  it('enters it, finds the folders of its volumes, and is uid 1000', async () => {
    expect(await shell(kubectl, seat, 'id -u; cd /workspace && pwd; ls -d /commandhistory /home/node/.claude')).toBe(
      '1000\n/workspace\n/commandhistory\n/home/node/.claude',
    );
  });

  it('copies files in and out, follows its log, and reaches a port that something listens on there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-cp-'));
    writeFileSync(join(folder, 'in'), 'carried');
    await kubectl('cp', join(folder, 'in'), `${seat.pod}:/workspace/carried`);
    await kubectl('cp', `${seat.pod}:/workspace/carried`, join(folder, 'out'));
    expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('carried');
    expect(await kubectl('logs', seat.pod)).toContain('roadstead:');

    const serve = "require('http').createServer((_, a) => a.end('from the pod')).listen(8080)";
    const there = "fetch('http://127.0.0.1:8080').catch(() => process.exit(1))";
    await shell(
      kubectl,
      seat,
      `nohup node -e "${serve}" >/dev/null 2>&1 & until node -e "${there}"; do sleep 0.2; done`,
    );
    const forward = spawn('kubectl', [...kubectl.base, 'port-forward', seat.pod, ':8080'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, HOME: folder },
    });
    try {
      let said = '';
      forward.stdout.on('data', (chunk) => (said += chunk));
      const port = await until('the forwarded port', () => /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]);
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('from the pod');
    } finally {
      forward.kill();
    }
  });

  it('may do nothing else in the cluster', async () => {
    for (const args of [
      ['get', 'pods'],
      ['get', 'secrets'],
      ['delete', 'pod', seat.pod],
      ['get', 'pods', '-n', 'roadstead-system'],
    ])
      await expect(kubectl(...args)).rejects.toThrow(/forbidden/i);
  });
});

describe('files', () => {
  it('survive the end of the pod, a stop and a start, and a new agent', async () => {
    await shell(
      kubectl,
      seat,
      'echo kept | tee /workspace/note /commandhistory/note /home/node/.claude/note; echo lost > /tmp/note',
    );
    const read = async () =>
      shell(
        await kubectlOf(ada, seat),
        seat,
        'cat /workspace/note /commandhistory/note /home/node/.claude/note; test -e /tmp/note || echo lost',
      );
    const { node: _, ...before } = await getSeat(ada, seat.id);
    const uid = () => admin('-n', seat.namespace, 'get', 'pod', seat.pod, '-o', 'jsonpath={.metadata.uid}');
    const first = await uid();
    await admin('-n', seat.namespace, 'delete', 'pod', seat.pod, '--wait=false');
    await until(
      'another pod that is ready',
      async () => {
        const next = await uid().catch(() => first);
        if (next === first) return undefined;
        const ready = await admin(
          '-n',
          seat.namespace,
          'get',
          'pod',
          seat.pod,
          '-o',
          'jsonpath={.status.containerStatuses[0].ready}',
        );
        return ready === 'true';
      },
      60,
    );
    await untilSeat(ada, seat.id, 'Running');
    expect(await read()).toBe('kept\nkept\nkept\nlost');

    await admin('-n', 'roadstead-system', 'rollout', 'restart', 'deployment/roadstead-agent');
    await ada.call('POST', `/api/v1/workspaces/${seat.id}/stop`, {});
    await untilSeat(ada, seat.id, 'Stopped');
    await expect(uid()).rejects.toThrow('not found');
    await ada.call('POST', `/api/v1/workspaces/${seat.id}/start`, {});
    const after = await untilSeat(ada, seat.id, 'Running');
    expect(await read()).toBe('kept\nkept\nkept\nlost');
    expect([after.id, after.pod]).toEqual([before.id, before.pod]);
    kubectl = await kubectlOf(ada, seat);
  }, 180_000);
});

describe('secrets', () => {
  it('reach the pod as files, and a new value as well, without a restart', async () => {
    // A name that the template does not ask for in the environment.
    await ada.call('POST', '/api/v1/secrets', { name: 'DEPLOY_TOKEN', value: 'dep_first' });
    const read = () => shell(kubectl, seat, 'cat /run/secrets/roadstead/DEPLOY_TOKEN 2>/dev/null || true');
    await until('the file', async () => (await read()) === 'dep_first', 60);
    const pod = await admin('-n', seat.namespace, 'get', 'pod', seat.pod, '-o', 'jsonpath={.metadata.uid}');
    await ada.call('POST', '/api/v1/secrets', { name: 'DEPLOY_TOKEN', value: 'dep_second' });
    await until('the new file', async () => (await read()) === 'dep_second', 60);
    expect(await admin('-n', seat.namespace, 'get', 'pod', seat.pod, '-o', 'jsonpath={.metadata.uid}')).toBe(pod);
    expect(await admin('get', 'ws', '-A', '-o', 'yaml')).not.toContain('dep_');
  });
});

describe('a repository that cannot be cloned', () => {
  it('keeps nobody from the dev pod, and says why', async () => {
    const broken = await createSeat(ada, 'broken', cluster, {
      git: { repository: 'https://127.0.0.1:1/nobody/there' },
    });
    const condition = await until(
      'the word of the start script',
      async () => {
        const { conditions } = await getSeat(ada, broken.id);
        return conditions.find(({ type, status }) => type === 'RepositoryReady' && status === 'False');
      },
      60,
    );
    expect(condition.message).toMatch(/could not be cloned: .*127\.0\.0\.1/);
    expect((await getSeat(ada, broken.id)).phase).toBe('Running');
    await ada.call('DELETE', `/api/v1/workspaces/${broken.id}?volumes=DeleteVolumes`);
  }, 120_000);
});

describe('a class', () => {
  it('has a seat each; nobody reads another’s; fewer replicas stop seats and delete nothing', async () => {
    const group = await ada.call<Group>('POST', '/api/v1/groups', {
      name: 'class',
      replicas: 2,
      placement: { cluster },
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '1Gi' }, gpus: 0 },
    });
    const path = `/api/v1/groups/${group.id}`;
    const seats = await until('two seats', async () => {
      const { seats: made } = await ada.call<Group>('GET', path);
      return made.length === 2 && made;
    });
    const [one, two] = await Promise.all(seats.map(({ workspace }) => untilSeat(ada, workspace, 'Running')));
    const mine = await kubectlOf(ada, one as Workspace);
    expect(await shell(mine, one as Workspace, 'echo here')).toBe('here');
    await expect(shell(mine, two as Workspace, 'echo here')).rejects.toThrow(/forbidden/i);
    await expect(shell(mine, seat, 'echo here')).rejects.toThrow(/forbidden/i);

    await ada.call('POST', `${path}/scale`, { replicas: 1 });
    await untilSeat(ada, (two as Workspace).id, 'Stopped');
    expect((await getSeat(ada, (one as Workspace).id)).phase).toBe('Running');
    await ada.call('POST', `${path}/scale`, { replicas: 2 });
    await untilSeat(ada, (two as Workspace).id, 'Running');
    await ada.call('DELETE', `${path}?volumes=DeleteVolumes`);
    for (const each of seats) await untilSeat(ada, each.workspace, 'Deleted');
  }, 180_000);
});

describe('the cluster’s admin', () => {
  it('sees seats with kubectl, and reads in the schema what they are', async () => {
    const table = await admin('get', 'ws', '-A');
    expect(table).toMatch(/NAMESPACE\s+NAME\s+CALLED\s+OWNER\s+WANTED\s+PHASE\s+WHY\s+AGE/);
    expect(table).toMatch(/Running\s+Running\s+Running/);
    expect(await admin('explain', 'ws.spec.idleTimeoutSeconds')).toMatch(/DESCRIPTION:\s+\S+/);
  });

  it('makes a seat by hand, which runs, is shown in its team and is entered by its owner, but is not changed from there', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'roadstead-ws-')), 'ws.yaml');
    const { owner } = await getSeat(ada, seat.id);
    writeFileSync(
      file,
      `apiVersion: roadstead.dev/v1alpha1
kind: Workspace
metadata: { name: byhand, namespace: ${seat.namespace} }
spec:
  origin: Cluster
  owner: ${owner}
  runState: Running
  template: { name: node, version: "1" }
  image: ghcr.io/roadstead/node:1
  volumes: [{ name: home, size: 1Gi, mounts: [{ mountPath: /home/node }] }]
`,
    );
    await admin('apply', '-f', file);
    const shown = await until(
      'the mirror',
      async () => {
        const { items } = await ada.call<{ items: Workspace[] }>('GET', '/api/v1/workspaces');
        return items.find((each) => each.origin === 'Cluster' && each.phase === 'Running');
      },
      60,
    );
    const entered = await kubectlOf(ada, shown);
    expect(await shell(entered, shown, 'head -1 /run/secrets/roadstead/ssh_host_key')).toContain('EC PRIVATE KEY');
    await expect(shell(entered, seat, 'echo here')).rejects.toThrow(/forbidden/i);
    await expect(ada.call('POST', `/api/v1/workspaces/${shown.id}/stop`, {})).rejects.toThrow(
      'workspace.managed_in_cluster',
    );
    await admin('-n', seat.namespace, 'delete', 'ws', 'byhand');
    await untilSeat(ada, shown.id, 'Deleted');
  }, 120_000);

  it('cannot change a spec that the control plane owns, unless the break-glass annotation says so', async () => {
    const name = seat.id.replace('_', '-');
    const patch = (body: string) => admin('-n', seat.namespace, 'patch', 'ws', name, '--type=merge', '-p', body);
    await expect(patch('{"spec":{"runState":"Stopped"}}')).rejects.toThrow('managed by the Roadstead control plane');
    await expect(patch('{"spec":{"owner":"somebody"}}')).rejects.toThrow();
  });
});

describe('the end', () => {
  it('of a cluster with dev pods is refused, unless it is forced; then all of them are gone', async () => {
    await expect(ada.call('DELETE', `/api/v1/clusters/${cluster}`)).rejects.toThrow('cluster.has_workspaces');
    await ada.call('DELETE', `/api/v1/clusters/${cluster}?force=true`);
    await deleteCluster(ada, watching, cluster);
    expect((await getSeat(ada, seat.id)).phase).toBe('Deleted');
    await watching.close();
    await expectNothingLeft(product);
  }, 120_000);
});
