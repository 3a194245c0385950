/** Validating admission policies as Roadstead uses them: the fence around the agent, the owner of a workspace's spec, the pods of seats. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  created,
  type Fenced,
  fencedServer,
  MANAGED,
  namespaces,
  RBAC,
  RESTRICTED,
  refusal,
} from './support/policies.ts';
import type { TestServer } from './support/server.ts';

let server: TestServer;
let agent: Fenced['agent'];
let applied: Fenced['applied'];
beforeAll(async () => {
  ({ server, agent, applied } = await fencedServer());
});
afterAll(() => server.stop());

describe('the fence around the agent', () => {
  const roleBinding = (namespace: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'tenant', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'roadstead-tenant' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'roadstead-system', name: 'roadstead-agent' }],
  });
  const bind = (namespace: string) =>
    applied(`${RBAC}/namespaces/${namespace}/rolebindings/tenant`, roleBinding(namespace));
  const said = (message: string) =>
    `ValidatingAdmissionPolicy 'roadstead-agent-fence' with binding 'roadstead-agent-fence' denied request: ${message}`;

  it('refuses to bind its rights in kube-system', async () => {
    expect(refusal(await bind('kube-system'))).toBe(
      `rolebindings.rbac.authorization.k8s.io "tenant" is forbidden: ${said('the agent writes only in namespaces that Roadstead made')}`,
    );
  });

  it('refuses to strip the labels of a namespace', async () => {
    const bare = { metadata: { labels: { 'pod-security.kubernetes.io/enforce': null } } };
    const patch = { ...agent, type: 'application/merge-patch+json' };
    expect(refusal(await server.call('PATCH', `${namespaces}/rs-team`, bare, patch))).toContain(
      said('a namespace of ours is labelled and enforces restricted'),
    );
  });

  it('refuses to adopt a namespace', async () => {
    const other = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other', labels: RESTRICTED } };
    expect(refusal(await applied(`${namespaces}/other`, other))).toContain(said('no adoption of a namespace'));
  });

  it('refuses to make a privileged namespace', async () => {
    const labels = { ...MANAGED, 'pod-security.kubernetes.io/enforce': 'privileged' };
    const open = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rs-open', labels } };
    const answer = await applied(`${namespaces}/rs-open`, open);
    expect(refusal(answer)).toContain('a namespace of ours is labelled and enforces restricted');
    expect(answer.body.details).toEqual({
      name: 'rs-open',
      kind: 'namespaces',
      causes: [{ message: said('a namespace of ours is labelled and enforces restricted') }],
    });
  });

  it('lets it work in its own namespaces, and at the scope of the cluster', async () => {
    created(await bind('rs-team'));
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'home' } };
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    const one = `${namespaces}/rs-team/persistentvolumeclaims/home`;
    created(await applied(one, { ...claim, spec }));
    expect((await server.del(one, undefined, agent)).status).toBe(200);
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workspaces.roadstead.dev';
    const note = { metadata: { annotations: { note: 'x' } } };
    const patch = { ...agent, type: 'application/merge-patch+json' };
    expect((await server.call('PATCH', definitions, note, patch)).status).toBe(200);
  });

  it('holds for nobody else', async () => {
    created(await server.post(`${namespaces}/other/configmaps`, { metadata: { name: 'free' } }));
  });
});

describe('the owner of the spec of a workspace', () => {
  const all = '/apis/roadstead.dev/v1alpha1/namespaces/rs-team/workspaces';
  const workspace = (name: string, spec: object) => ({
    apiVersion: 'roadstead.dev/v1alpha1',
    kind: 'Workspace',
    metadata: { name },
    spec: { owner: 'ann', template: { name: 'node', version: '1' }, image: 'node', ...spec },
  });
  const controlled = { origin: 'ControlPlane', id: `wsp_${'0'.repeat(20)}`, revision: 1 };
  const denied = 'managed by the Roadstead control plane';

  it('is the cluster, where the workspace says so', async () => {
    created(await server.post(all, workspace('own', { origin: 'Cluster' })));
    expect((await server.merge(`${all}/own`, { spec: { runState: 'Running' } })).status).toBe(200);
  });

  it('is the agent otherwise: others may look, label and break the glass', async () => {
    expect(refusal(await server.post(all, workspace('theirs', controlled)))).toContain(denied);
    created(await applied(`${all}/theirs`, workspace('theirs', controlled)));
    const one = `${all}/theirs`;
    const run = { spec: { runState: 'Running' } };
    expect(refusal(await server.merge(one, run))).toContain(denied);
    expect(refusal(await server.del(one))).toContain(denied);
    expect((await server.merge(one, { metadata: { labels: { a: 'b' } } })).status).toBe(200);
    const broken = { metadata: { annotations: { 'roadstead.dev/break-glass': 'the control plane is down' } } };
    expect((await server.merge(one, broken)).status).toBe(200);
    expect((await server.merge(one, run)).status).toBe(200);
    expect((await server.del(one)).status).toBe(200);
  });
});

describe('the pods of seats', () => {
  const container = {
    name: 'dev',
    image: 'i',
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
  const pod = (spec: object = {}, labels: object = { 'roadstead.dev/workspace': 'w1' }) => ({
    metadata: { name: 'w1-0', labels },
    spec: {
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        fsGroup: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [container],
      ...spec,
    },
  });
  const run = (body: object) => server.post(`${namespaces}/rs-team/pods?dryRun=All`, body);
  const withEnv = (env: object) => pod({ containers: [{ ...container, ...env }] });

  it('are taken as the agent renders them', async () => {
    created(
      await run(
        pod({
          serviceAccountName: 'default',
          nodeSelector: { 'kubernetes.io/arch': 'amd64' },
          tolerations: [{ key: 'roadstead.dev/gpu', operator: 'Exists' }],
          volumes: [
            { name: 'home', persistentVolumeClaim: { claimName: 'home-w1' } },
            { name: 'secrets', secret: { secretName: 'w1' } },
            { name: 'tmp', emptyDir: {} },
          ],
        }),
      ),
    );
  });

  it.each([
    ['no workspace', pod({}, {}), 'label or service account'],
    ['a token', pod({ automountServiceAccountToken: true }), 'label or service account'],
    ['a priority', pod({ priorityClassName: 'system-cluster-critical' }), 'priority, nodeName, scheduler'],
    ['a node', pod({ nodeName: 'n1' }), 'priority, nodeName, scheduler'],
    ['a scheduler', pod({ schedulerName: 'mine' }), 'priority, nodeName, scheduler'],
    ['a toleration of everything', pod({ tolerations: [{ operator: 'Exists' }] }), 'toleration'],
    [
      'a selector of control planes',
      pod({ nodeSelector: { 'node-role.kubernetes.io/control-plane': '' } }),
      'node selector',
    ],
    ['host aliases', pod({ hostAliases: [{ ip: '1.2.3.4', hostnames: ['a'] }] }), 'host aliases, DNS, affinity'],
    [
      'another group',
      pod({ securityContext: { runAsNonRoot: true, fsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } } }),
      'host aliases, DNS, affinity',
    ],
    [
      "a colleague's claim",
      pod({ volumes: [{ name: 'home', persistentVolumeClaim: { claimName: 'home-w2' } }] }),
      'volume of another seat or kind',
    ],
    [
      "a colleague's secret",
      pod({ volumes: [{ name: 's', secret: { secretName: 'w2' } }] }),
      'volume of another seat or kind',
    ],
    [
      'a volume of another kind',
      pod({ volumes: [{ name: 'c', csi: { driver: 'x' } }] }),
      'volume of another seat or kind',
    ],
    [
      'an environment of a colleague',
      withEnv({ envFrom: [{ secretRef: { name: 'w2' } }] }),
      'environment of another seat',
    ],
    [
      'a variable of a colleague',
      withEnv({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'w2', key: 'a' } } }] }),
      'environment of another seat',
    ],
    ['a pull secret', pod({ imagePullSecrets: [{ name: 'mine' }] }), 'pull secret'],
  ])('are refused with %s', async (_title, body, message) => {
    expect(refusal(await run(body))).toContain(`denied request: ${message}`);
  });

  it('are free where Roadstead has no say', async () => {
    created(
      await server.post(`${namespaces}/other/pods?dryRun=All`, pod({ tolerations: [{ operator: 'Exists' }] }, {})),
    );
  });
});
