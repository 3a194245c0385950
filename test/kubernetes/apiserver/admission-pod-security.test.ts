/** Pod Security: each way out of a container is refused by its level, in the words of a real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type TestServer, testServer } from './support/server.ts';

let server: TestServer;

const labels = (level: string, more: object = {}) => ({ 'pod-security.kubernetes.io/enforce': level, ...more });
const decent = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const context = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
const pod = (spec: object = {}, securityContext: object = {}, container: object = {}) => ({
  metadata: { name: 'p' },
  spec: {
    securityContext: context,
    containers: [{ name: 'c', image: 'i', securityContext: { ...decent, ...securityContext }, ...container }],
    ...spec,
  },
});
const run = (namespace: string, body: object) => server.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, body);
const refused = ({ status, body }: Answer, level: string): string => {
  expect(status, JSON.stringify(body)).toBe(403);
  const start = `pods "p" is forbidden: violates PodSecurity "${level}:latest": `;
  expect(body.message.startsWith(start), body.message).toBe(true);
  return body.message.slice(start.length);
};

beforeAll(async () => {
  server = await testServer();
  for (const level of ['baseline', 'restricted']) {
    await server.namespace(level);
    await server.merge(`/api/v1/namespaces/${level}`, { metadata: { labels: labels(level) } });
  }
});
afterAll(() => server.stop());

describe('the level baseline', () => {
  it.each([
    [
      'host namespaces',
      pod({ hostNetwork: true, hostPID: true, hostIPC: true }),
      'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
    ],
    [
      'privileges',
      pod({}, { privileged: true, allowPrivilegeEscalation: true }),
      'privileged (container "c" must not set securityContext.privileged=true)',
    ],
    [
      'capabilities',
      pod({}, { capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'NET_RAW'] } }),
      'non-default capabilities (container "c" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [
      'folders of the host',
      pod({ volumes: [{ name: 'h', hostPath: { path: '/' } }] }),
      'hostPath volumes (volume "h")',
    ],
    [
      'ports of the host',
      pod(
        {},
        {},
        {
          ports: [
            { containerPort: 1, hostPort: 80 },
            { containerPort: 2, hostPort: 81 },
          ],
        },
      ),
      'hostPorts (container "c" uses hostPorts 80, 81)',
    ],
    [
      'no seccomp',
      pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      'no AppArmor',
      pod({}, { appArmorProfile: { type: 'Unconfined' } }),
      'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")',
    ],
    [
      'another SELinux type',
      pod({}, { seLinuxOptions: { type: 'spc_t', user: 'root' } }),
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set)',
    ],
    [
      'sysctls',
      pod({
        securityContext: {
          sysctls: [
            { name: 'kernel.msgmax', value: '1' },
            { name: 'net.ipv4.tcp_syncookies', value: '1' },
          ],
        },
      }),
      'forbidden sysctls (kernel.msgmax)',
    ],
    [
      'processes of a Windows host',
      pod({}, { windowsOptions: { hostProcess: true } }),
      'hostProcess (container "c" must not set securityContext.windowsOptions.hostProcess=true)',
    ],
  ])('refuses %s', async (_title, body, detail) => {
    expect(refused(await run('baseline', body), 'baseline')).toBe(detail);
  });

  it('refuses the whole /proc where users of its own do not yet count', async () => {
    await server.namespace('older');
    await server.merge('/api/v1/namespaces/older', {
      metadata: { labels: labels('baseline', { 'pod-security.kubernetes.io/enforce-version': 'v1.34' }) },
    });
    const body = pod({ hostUsers: false }, { procMount: 'Unmasked' });
    expect(await run('older', body)).toMatchObject({
      status: 403,
      body: {
        message: expect.stringContaining(
          'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
        ),
      },
    });
    expect((await run('baseline', body)).status).toBe(201);
  });

  it('takes root', async () => {
    expect((await run('baseline', pod({ securityContext: {} }, { runAsUser: 0 }))).status).toBe(201);
  });

  it('names all containers that are at fault together, of every sort', async () => {
    const bad = (name: string) => ({ name, image: 'i', securityContext: { privileged: true } });
    const answer = await run('baseline', pod({ initContainers: [bad('a')], containers: [bad('b'), bad('c')] }));
    expect(refused(answer, 'baseline')).toBe(
      'privileged (containers "a", "b", "c" must not set securityContext.privileged=true)',
    );
  });
});

describe('the level restricted', () => {
  it.each([
    [
      'more privileges',
      pod({}, { allowPrivilegeEscalation: undefined }),
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false)',
    ],
    [
      'capabilities that are kept',
      pod({}, { capabilities: { drop: ['KILL'], add: ['CHOWN'] } }),
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ],
    [
      'root by leave',
      pod({ securityContext: { ...context, runAsNonRoot: undefined } }),
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
    ],
    [
      'root by word',
      pod({}, { runAsNonRoot: false }),
      'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    ],
    [
      'root by number',
      pod({ securityContext: { ...context, runAsUser: 0 } }, { runAsUser: 0 }),
      'runAsUser=0 (pod must not set runAsUser=0, container "c" must not set runAsUser=0)',
    ],
    [
      'no word of seccomp',
      pod({ securityContext: { runAsNonRoot: true } }),
      'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ],
    [
      'volumes from elsewhere',
      pod({ volumes: [{ name: 'n', nfs: { server: 's', path: '/' } }] }),
      'restricted volume types (volume "n" uses restricted volume type "nfs")',
    ],
  ])('refuses %s', async (_title, body, detail) => {
    expect(refused(await run('restricted', body), 'restricted')).toBe(detail);
  });

  it('takes what is decent', async () => {
    const sources = { configMap: { name: 'm' }, emptyDir: {}, projected: {} };
    const volumes = Object.entries(sources).map(([kind, source]) => ({ name: kind.toLowerCase(), [kind]: source }));
    expect((await run('restricted', pod({ volumes }))).status).toBe(201);
  });

  it('only warns of workloads, whose pods will be refused', async () => {
    await server.merge('/api/v1/namespaces/restricted', {
      metadata: { labels: { 'pod-security.kubernetes.io/warn': 'restricted' } },
    });
    const { spec } = pod({ securityContext: {} });
    const { status, headers } = await server.post('/apis/apps/v1/namespaces/restricted/statefulsets', {
      metadata: { name: 's' },
      spec: {
        serviceName: 's',
        selector: { matchLabels: { a: 's' } },
        template: { metadata: { labels: { a: 's' } }, spec },
      },
    });
    expect(status).toBe(201);
    expect(headers.warning).toContain('would violate PodSecurity \\"restricted:latest\\": runAsNonRoot != true');
  });
});

describe('the labels of a namespace', () => {
  it('that say no level count as the strictest', async () => {
    await server.namespace('later');
    const bad = await server.merge('/api/v1/namespaces/later', { metadata: { labels: labels('strict') } });
    expect(bad.status).toBe(422);
    expect(bad.body.message).toContain('must be one of privileged, baseline, restricted');
  });

  it('warn of pods that are there when they are raised', async () => {
    await server.namespace('raised');
    for (const name of ['a', 'b', 'c'])
      await server.post('/api/v1/namespaces/raised/pods', {
        ...pod({ hostNetwork: name === 'c' }),
        metadata: { name },
      });
    const { status, headers } = await server.merge('/api/v1/namespaces/raised', {
      metadata: { labels: labels('baseline') },
    });
    expect(status).toBe(200);
    expect(headers.warning).toContain(
      'existing pods in namespace \\"raised\\" violate the new PodSecurity enforce level \\"baseline:latest\\"',
    );
    expect(headers.warning).toContain('c: host namespaces');
  });
});

describe('a container that is added to a running pod', () => {
  it('is held to the level of its namespace', async () => {
    const path = '/api/v1/namespaces/restricted/pods';
    const { status } = await server.post(path, pod());
    expect(status).toBe(201);
    const add = (name: string, securityContext: object) =>
      server.call(
        'PATCH',
        `${path}/p/ephemeralcontainers`,
        { spec: { ephemeralContainers: [{ name, image: 'i', securityContext }] } },
        { type: 'application/strategic-merge-patch+json' },
      );

    expect(refused(await add('bad', { ...decent, privileged: true }), 'restricted')).toContain(
      'privileged (container "bad" must not set securityContext.privileged=true)',
    );
    expect((await add('good', decent)).status).toBe(200);
  });
});
