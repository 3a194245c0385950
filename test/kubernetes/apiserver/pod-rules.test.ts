/** Pods that a real API server refuses, with its words, and those that it warns of. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let ns: string;
beforeAll(async () => {
  server = await testServer();
  ns = await server.namespace('rules');
});
afterAll(() => server.stop());

type Part = Record<string, unknown>;
const container = (more: Part = {}): Part => ({ name: 'main', image: 'busybox', ...more });
/** A pod spec with one container, of which `of` says more. */
const pod = (more: Part = {}, of: Part = {}): Part => ({ containers: [container(of)], ...more });
const volume = (source: Part): Part => pod({ volumes: [{ name: 'v', ...source }] });

const make = (spec: Part) => server.post(`${ns}/pods?dryRun=All`, { metadata: { name: 'a' }, spec });
const said = (body: { details?: { causes?: { field: string; message: string }[] } }): string[] =>
  (body.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

const LABEL = /a lowercase RFC 1123 label/;
const SUBDOMAIN = /a lowercase RFC 1123 subdomain/;
const PORT = 'Invalid value: 0: must be between 1 and 65535, inclusive';
const at = 'spec.containers[0]';
const get = (more: Part = {}): Part => ({ httpGet: { port: 80 }, ...more });

describe('a pod', () => {
  it.each<[string, Part, string, string | RegExp]>([
    ['httpGet without a port', pod({}, { livenessProbe: { httpGet: {} } }), `${at}.livenessProbe.httpGet.port`, PORT],
    [
      'a bad port name of a probe',
      pod({}, { readinessProbe: { tcpSocket: { port: 'a_b' } } }),
      `${at}.readinessProbe.tcpSocket.port`,
      'Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    [
      'exec without a command',
      pod({}, { livenessProbe: { exec: {} } }),
      `${at}.livenessProbe.exec.command`,
      'Required value',
    ],
    [
      'a liveness probe that must succeed twice',
      pod({}, { livenessProbe: get({ successThreshold: 2 }) }),
      `${at}.livenessProbe.successThreshold`,
      'Invalid value: 2: must be 1',
    ],
    [
      'a startup probe that must succeed twice',
      pod({}, { startupProbe: get({ successThreshold: 2 }) }),
      `${at}.startupProbe.successThreshold`,
      'Invalid value: 2: must be 1',
    ],
    [
      'a negative count of a probe',
      pod({}, { readinessProbe: get({ periodSeconds: -1 }) }),
      `${at}.readinessProbe.periodSeconds`,
      'Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a probe of a plain init container',
      pod({ initContainers: [container({ name: 'first', livenessProbe: get() })] }),
      'spec.initContainers[0].livenessProbe',
      'Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
    [
      'a request of an extended resource without a limit',
      pod({}, { resources: { requests: { 'nvidia.com/gpu': '1' } } }),
      `${at}.resources.limits`,
      'Required value: Limit must be set for non overcommitable resources',
    ],
    [
      'less of an extended resource than its limit',
      pod({}, { resources: { requests: { 'nvidia.com/gpu': '1' }, limits: { 'nvidia.com/gpu': '2' } } }),
      `${at}.resources.requests`,
      'Invalid value: "1": must be equal to nvidia.com/gpu limit of 2',
    ],
    [
      'half of an extended resource',
      pod({}, { resources: { limits: { 'nvidia.com/gpu': '500m' } } }),
      `${at}.resources.limits[nvidia.com/gpu]`,
      'Invalid value: "500m": must be an integer',
    ],
    [
      'a negative user',
      pod({}, { securityContext: { runAsUser: -1 } }),
      `${at}.securityContext.runAsUser`,
      'Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'a negative group of the pod',
      pod({ securityContext: { fsGroup: -1 } }),
      'spec.securityContext.fsGroup',
      'Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
    [
      'a seccomp profile of the node without its name',
      pod({ securityContext: { seccompProfile: { type: 'Localhost' } } }),
      'spec.securityContext.seccompProfile.localhostProfile',
      'Required value: must be set when seccomp type is Localhost',
    ],
    [
      'a name for a seccomp profile of the runtime',
      pod({}, { securityContext: { seccompProfile: { type: 'RuntimeDefault', localhostProfile: 'a' } } }),
      `${at}.securityContext.seccompProfile.localhostProfile`,
      'Invalid value: {"Type":"RuntimeDefault","LocalhostProfile":"a"}: can only be set when seccomp type is Localhost',
    ],
    [
      'processes shared with the node and with the pod',
      pod({ hostPID: true, shareProcessNamespace: true }),
      'spec.securityContext.shareProcessNamespace',
      'Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    [
      'an affinity without terms',
      pod({
        affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      }),
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms',
      'Required value: must have at least one node selector term',
    ],
    [
      'a preference without weight',
      pod({
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, podAffinityTerm: { topologyKey: 'a' } }],
          },
        },
      }),
      'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight',
      'Invalid value: 0: must be in the range 1-100',
    ],
    [
      'a spread without skew',
      pod({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }] }),
      'spec.topologySpreadConstraints[0].maxSkew',
      'Invalid value: 0: must be greater than zero',
    ],
    [
      'a spread without a key',
      pod({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey: '', whenUnsatisfiable: 'DoNotSchedule' }] }),
      'spec.topologySpreadConstraints[0].topologyKey',
      'Required value: can not be empty',
    ],
    [
      'a spread of another kind',
      pod({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'Maybe' }] }),
      'spec.topologySpreadConstraints[0].whenUnsatisfiable',
      'Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
    [
      'a time for a taint that does not evict',
      pod({ tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule', tolerationSeconds: 1 }] }),
      'spec.tolerations[0].effect',
      'Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
    [
      'a toleration by another operator',
      pod({ tolerations: [{ key: 'a', operator: 'Like' }] }),
      'spec.tolerations[0].operator',
      'Unsupported value: "Like": supported values: "Equal", "Exists"',
    ],
    [
      'a secret outside of its volume',
      volume({ secret: { secretName: 's', items: [{ key: 'k', path: '../x' }] } }),
      'spec.volumes[0].secret.items[0].path',
      'Invalid value: "../x": must not contain \'..\'',
    ],
    [
      'a projected config map outside of its volume',
      volume({ projected: { sources: [{ configMap: { name: 'm', items: [{ key: 'k', path: '/x' }] } }] } }),
      'spec.volumes[0].projected.sources[0].configMap.items[0].path',
      'Invalid value: "/x": must be a relative path',
    ],
    ['a secret without a name', volume({ secret: {} }), 'spec.volumes[0].secret.secretName', 'Required value'],
    ['a config map without a name', volume({ configMap: {} }), 'spec.volumes[0].configMap.name', 'Required value'],
    [
      'a token for a minute',
      volume({ projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } }),
      'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds',
      'Invalid value: 60: may not specify a duration less than 10 minutes',
    ],
    [
      'a mount outside of its volume',
      pod({ volumes: [{ name: 'v' }] }, { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: '../x' }] }),
      `${at}.volumeMounts.subPath`,
      'Invalid value: "../x": must not contain \'..\'',
    ],
    [
      'no time at all',
      pod({ activeDeadlineSeconds: 0 }),
      'spec.activeDeadlineSeconds',
      'Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
    ['a node that can have no such name', pod({ nodeName: 'A_b' }), 'spec.nodeName', SUBDOMAIN],
    ['a bad subdomain', pod({ subdomain: 'a.b' }), 'spec.subdomain', LABEL],
    ['a bad hostname', pod({ hostname: 'a.b' }), 'spec.hostname', LABEL],
    ['a long hostname', pod({ hostname: 'a'.repeat(64) }), 'spec.hostname', /must be no more than 63/],
    [
      'a bad value of the node selector',
      pod({ nodeSelector: { a: 'b c' } }),
      'spec.nodeSelector',
      /a valid label must be/,
    ],
    [
      'another operating system',
      pod({ os: { name: 'plan9' } }),
      'spec.os',
      'Unsupported value: "plan9": supported values: "linux", "windows"',
    ],
    [
      'another termination message policy',
      pod({}, { terminationMessagePolicy: 'Socket' }),
      `${at}.terminationMessagePolicy`,
      'Unsupported value: "Socket": supported values: "File", "FallbackToLogsOnError"',
    ],
    [
      'a port of the node twice',
      pod({
        containers: [
          container({ ports: [{ containerPort: 80, hostPort: 8080 }] }),
          container({ name: 'other', ports: [{ containerPort: 81, hostPort: 8080 }] }),
        ],
      }),
      'spec.containers[1].ports[0].hostPort',
      'Duplicate value: "TCP//8080"',
    ],
    [
      'a long name of a port',
      pod({}, { ports: [{ name: 'a-name-that-is-long', containerPort: 80 }] }),
      `${at}.ports[0].name`,
      'Invalid value: "a-name-that-is-long": must be no more than 15 characters',
    ],
    [
      'a host alias without an address',
      pod({ hostAliases: [{ ip: 'here', hostnames: ['a'] }] }),
      'spec.hostAliases[0].ip',
      'Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'a nameserver without an address',
      pod({ dnsConfig: { nameservers: ['here'] } }),
      'spec.dnsConfig.nameservers[0]',
      'Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      'names of its own without nameservers',
      pod({ dnsPolicy: 'None', dnsConfig: {} }),
      'spec.dnsConfig.nameservers',
      'Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
    ],
    [
      'a variable with = in its name',
      pod({}, { env: [{ name: 'a=b', value: 'c' }] }),
      `${at}.env[0].name`,
      'Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
    ],
    [
      'a variable of no key',
      pod({}, { env: [{ name: 'a', valueFrom: { secretKeyRef: { name: 's' } } }] }),
      `${at}.env[0].valueFrom.secretKeyRef.key`,
      'Required value',
    ],
    [
      'ephemeral containers from the start',
      pod({ ephemeralContainers: [container({ name: 'debug' })] }),
      'spec.ephemeralContainers',
      'Forbidden: cannot be set on create',
    ],
  ])('is refused for %s', async (_what, spec, field, message) => {
    const { status, body } = await make(spec);
    const found = said(body).filter((text) => text.startsWith(`${field}: `));
    expect({ status, found: found.length > 0 || said(body) }).toEqual({ status: 422, found: true });
    expect(found[0]!.slice(field.length + 2)).toEqual(
      message instanceof RegExp ? expect.stringMatching(message) : message,
    );
  });

  it('is refused as the template of a workload, too', async () => {
    const labels = { app: 'a' };
    const { status, body } = await server.post('/apis/apps/v1/namespaces/rules/deployments?dryRun=All', {
      metadata: { name: 'a' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: pod({ activeDeadlineSeconds: 0 }) },
      },
    });
    expect(status).toBe(422);
    expect(said(body)).toContain(
      'spec.template.spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    );
  });

  it('that says all of it well is taken', async () => {
    const probe = get({ successThreshold: 0, timeoutSeconds: 0 });
    const { status, body } = await make({
      ...pod(
        {
          os: { name: 'linux' },
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          dnsConfig: { nameservers: ['10.0.0.10'], searches: ['_tcp.example.com.', '.'] },
          hostAliases: [{ ip: '::1', hostnames: ['local.example.com'] }],
          tolerations: [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }],
          securityContext: { runAsUser: 0, sysctls: [{ name: 'net.core.somaxconn', value: '1' }] },
          initContainers: [container({ name: 'beside', restartPolicy: 'Always', startupProbe: get() })],
          volumes: [{ name: 'v', secret: { secretName: 's', items: [{ key: 'k', path: 'a/..b' }] } }],
        },
        {
          livenessProbe: probe,
          resources: { limits: { 'nvidia.com/gpu': '1' } },
          ports: [{ name: 'web', containerPort: 80 }],
          env: [{ name: 'dotted.name', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } }],
        },
      ),
    });
    expect(said(body)).toEqual([]);
    expect(status).toBe(201);
    // Go cannot tell 0 from none.
    expect(body.spec.containers[0].livenessProbe).toMatchObject({ successThreshold: 1, timeoutSeconds: 1 });
  });

  it('is warned of for variables and ports that are there twice', async () => {
    const spec = pod(
      {},
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
          { name: 'A', value: '$(A)3' },
        ],
        ports: [{ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, hostPort: 81 }],
      },
    );
    const { status, headers } = await make(spec);
    expect(status).toBe(201);
    expect(headers.warning).toContain(
      `${at}.env[1]: hides previous definition of \\"A\\", which may be dropped when using apply`,
    );
    expect(headers.warning).not.toContain('env[2]');
    expect(headers.warning).toContain(`${at}.ports[1]: duplicate port definition with ${at}.ports[0]`);
    expect(headers.warning).toContain(`${at}.ports[2]: overlapping port definition with ${at}.ports[0]`);
  });
});
