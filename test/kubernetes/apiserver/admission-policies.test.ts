/** Validating admission policies: the fence around the agent, the owner of a workspace's spec, the pods of seats, and what policies can say. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderFence } from '#core/domain/seat/fence.ts';
import { manifests } from './fixtures/read.ts';
import { type Answer, type TestServer, testServer } from './support/server.ts';

let server: TestServer;
let agent: { as: string };

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const policies = `${REGISTRATION}/validatingadmissionpolicies`;
const bindings = `${REGISTRATION}/validatingadmissionpolicybindings`;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const namespaces = '/api/v1/namespaces';
const MANAGED = { 'roadstead.dev/managed': 'true' };
const RESTRICTED = { ...MANAGED, 'pod-security.kubernetes.io/enforce': 'restricted' };

const binding = (policyName: string, spec: object = {}) => ({
  metadata: { name: policyName },
  spec: { policyName, validationActions: ['Deny'], ...spec },
});
const created = (answer: Answer): Answer => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer;
};
const refusal = ({ status, body }: Answer): string => {
  expect(status, JSON.stringify(body)).toBe(422);
  expect(body.reason).toBe('Invalid');
  return body.message;
};
/** The agent applies, as it does everything. */
const applied = (path: string, body: object) =>
  server.call('PATCH', `${path}?fieldManager=agent`, body, { ...agent, type: 'application/apply-patch+yaml' });

beforeAll(async () => {
  server = await testServer();
  await server.namespace('roadstead-system');
  await server.namespace('other');
  await server.post(`${namespaces}/roadstead-system/serviceaccounts`, { metadata: { name: 'roadstead-agent' } });
  for (const role of manifests('agent-rights.yaml')) created(await server.post(`${RBAC}/clusterroles`, role));
  created(
    await server.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'roadstead-agent' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'roadstead-agent' },
      subjects: [{ kind: 'ServiceAccount', namespace: 'roadstead-system', name: 'roadstead-agent' }],
    }),
  );
  const definition = manifests('workspace-definition.yaml')[0];
  created(await server.post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition));
  for (const policy of manifests('fence.yaml')) {
    created(await server.post(policies, policy));
    created(await server.post(bindings, binding(policy.metadata.name)));
  }
  const token = await server.post(`${namespaces}/roadstead-system/serviceaccounts/roadstead-agent/token`, {});
  agent = { as: token.body.status.token };
  const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rs-team', labels: RESTRICTED } };
  created(await applied(`${namespaces}/rs-team`, team));
  await server.post(`${namespaces}/rs-team/serviceaccounts`, { metadata: { name: 'default' } });
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

describe('a policy', () => {
  const maps = `${namespaces}/other/configmaps`;
  const policy = (name: string, spec: object) => ({
    metadata: { name },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] },
        ],
      },
      // Other tests make config maps, too.
      matchConditions: [{ name: 'mine', expression: `object.metadata.name.startsWith('${name}-')` }],
      ...spec,
    },
  });
  const install = async (name: string, spec: object, bindingSpec?: object) => {
    created(await server.post(policies, policy(name, spec)));
    created(await server.post(bindings, binding(name, bindingSpec)));
  };
  const make = (name: string, data: object = {}) => server.post(maps, { metadata: { name }, data });

  it('gets its defaults', async () => {
    const { body } = await server.get(`${policies}/roadstead-seat-pods`);
    expect(body.spec.matchConstraints).toMatchObject({ matchPolicy: 'Equivalent', objectSelector: {} });
    expect(body.spec.matchConstraints.resourceRules[0].scope).toBe('*');
    expect(body.status).toEqual({ observedGeneration: 1, typeChecking: {} });
  });

  it('computes its message, and answers with its reason', async () => {
    await install('computed', {
      variables: [
        { name: 'size', expression: 'size(object.?data.orValue({}))' },
        { name: 'text', expression: "'%d keys'.format([variables.size])" },
      ],
      validations: [{ expression: 'variables.size < 2', messageExpression: 'variables.text', reason: 'Forbidden' }],
    });
    created(await make('computed-small', { a: '1' }));
    const { status, body } = await make('computed-large', { a: '1', b: '2' });
    expect(status).toBe(403);
    expect(body.message).toBe(
      "configmaps \"computed-large\" is forbidden: ValidatingAdmissionPolicy 'computed' with binding 'computed' denied request: 2 keys",
    );
  });

  it('is only a warning where its binding says so', async () => {
    await install(
      'warned',
      { validations: [{ expression: 'has(object.data)' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const { status, headers } = await make('warned-a', {});
    expect(status).toBe(201);
    expect(headers.warning).toContain(
      "Validation failed for ValidatingAdmissionPolicy 'warned' with binding 'warned': failed expression: has(object.data)",
    );
  });

  it('that fails is a denial, unless it says Ignore', async () => {
    const validations = [{ expression: "object.data.missing == 'x'" }];
    await install('strict', { validations });
    expect((await make('strict-a', { a: '1' })).body.message).toContain(
      "denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing",
    );
    await install('lenient', { validations, failurePolicy: 'Ignore' });
    created(await make('lenient-a', { a: '1' }));
  });

  it('finds no namespace in a request at the scope of the cluster', async () => {
    created(
      await server.post(policies, {
        metadata: { name: 'scoped' },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['persistentvolumes'] },
            ],
          },
          validations: [{ expression: "request.namespace == ''" }],
        },
      }),
    );
    created(await server.post(bindings, binding('scoped')));
    const volume = {
      metadata: { name: 'v' },
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/v' } },
    };
    expect(refusal(await server.post('/api/v1/persistentvolumes', volume))).toContain('no such key: namespace');
  });

  it('takes parameters from other objects', async () => {
    const limit = (value: string) => ({ metadata: { name: 'limit' }, data: { most: value } });
    created(await server.post(maps, limit('1')));
    await install(
      'measured',
      {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        validations: [{ expression: 'size(object.data) <= int(params.data.most)' }],
      },
      { paramRef: { name: 'limit', namespace: 'other', parameterNotFoundAction: 'Deny' } },
    );
    expect((await make('measured-a', { a: '1', b: '2' })).status).toBe(422);
    await server.put(`${maps}/limit`, limit('2'));
    created(await make('measured-a', { a: '1', b: '2' }));
    await server.del(`${maps}/limit`);
    expect((await make('measured-b', { a: '1' })).body.message).toContain('no params found for policy binding');
    await server.del(`${policies}/measured`);
  });

  it('asks what else its user may do', async () => {
    await install('asking', {
      validations: [
        { expression: "authorizer.group('').resource('secrets').namespace('other').check('delete').allowed()" },
      ],
    });
    created(await make('asking-a'));
  });

  it('leaves out what it excludes, and what its selectors do not choose', async () => {
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps'] };
    await install(
      'excluding',
      {
        matchConstraints: {
          resourceRules: [rule],
          excludeResourceRules: [{ ...rule, resourceNames: ['excluding-named'] }],
          objectSelector: { matchExpressions: [{ key: 'free', operator: 'DoesNotExist' }] },
        },
        validations: [{ expression: 'false' }],
      },
      { matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'other' } } } },
    );
    expect((await make('excluding-a')).status).toBe(422);
    created(await make('excluding-named'));
    created(await server.post(maps, { metadata: { name: 'excluding-labelled', labels: { free: 'yes' } } }));
    created(await server.post(`${namespaces}/roadstead-system/configmaps`, { metadata: { name: 'excluding-a' } }));
  });

  it('is asked about shells, tokens and evictions', async () => {
    const rule = (operation: string, resource: string) => ({
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: [operation],
      resources: [resource],
    });
    const resourceRules = [
      rule('CONNECT', 'pods/exec'),
      rule('CREATE', 'serviceaccounts/token'),
      rule('CREATE', 'pods/eviction'),
    ];
    const spec = {
      matchConstraints: { resourceRules },
      matchConditions: [{ name: 'other', expression: "request.?namespace.orValue('') == 'other'" }],
      validations: [
        { expression: "request.kind.kind != 'PodExecOptions' || !('sh' in object.command)", message: 'no shell' },
        { expression: "request.subResource != 'token' || object.spec.expirationSeconds <= 600", message: 'too long' },
        { expression: "object.kind != 'Eviction'", message: 'it stays' },
      ],
    };
    created(await server.post(policies, { metadata: { name: 'streams' }, spec }));
    created(await server.post(bindings, binding('streams')));
    const pods = `${namespaces}/other/pods`;
    created(await server.post(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }));
    expect(refusal(await server.get(`${pods}/p/exec?command=sh`))).toContain('denied request: no shell');
    expect((await server.get(`${pods}/p/exec?command=ls`)).body.message).toContain('does not have a host assigned');
    const token = (expirationSeconds: number) =>
      server.post(`${namespaces}/other/serviceaccounts/default/token`, { spec: { expirationSeconds } });
    expect(refusal(await token(700))).toContain('too long');
    created(await token(600));
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
    expect(refusal(await server.post(`${pods}/p/eviction`, eviction))).toContain('it stays');
    expect((await server.del(`${pods}/p`)).status).toBe(200);
  });

  it('sees a Scale where something is scaled', async () => {
    const rule = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments/scale'] };
    const spec = {
      matchConstraints: { resourceRules: [rule] },
      validations: [{ expression: 'object.spec.replicas <= 3' }],
    };
    created(await server.post(policies, { metadata: { name: 'scaled' }, spec }));
    created(await server.post(bindings, binding('scaled')));
    const deployments = '/apis/apps/v1/namespaces/other/deployments';
    const labels = { app: 'd' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    created(
      await server.post(deployments, {
        metadata: { name: 'd' },
        spec: { selector: { matchLabels: labels }, template },
      }),
    );
    const scale = (replicas: number) => server.merge(`${deployments}/d/scale`, { spec: { replicas } });
    expect(refusal(await scale(4))).toContain('deployments.apps "d" is forbidden');
    expect((await scale(3)).status).toBe(200);
  });

  it('of the manifest of an agent is taken as it is', async () => {
    for (const { kind, metadata, ...rest } of renderFence({}, true)) {
      const body = { metadata: { ...metadata, name: `real-${metadata?.name}` }, ...rest };
      created(await server.post(`${kind === 'ValidatingAdmissionPolicy' ? policies : bindings}?dryRun=All`, body));
    }
  });

  it('sees every version of an object', async () => {
    created(
      await server.post(policies, {
        metadata: { name: 'events' },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: ['events.k8s.io'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['events'] },
            ],
          },
          validations: [
            {
              expression: "object.apiVersion == 'v1'",
              messageExpression: "request.resource.group + ' for ' + request.requestResource.resource",
            },
          ],
        },
      }),
    );
    created(await server.post(bindings, binding('events')));
    const event = { metadata: { name: 'e' }, involvedObject: { namespace: 'other' }, reason: 'x' };
    expect(refusal(await server.post(`${namespaces}/other/events`, event))).toContain('events.k8s.io for events');
  });

  it.each([
    [
      'an expression that is none',
      { validations: [{ expression: 'object.' }] },
      'spec.validations[0].expression',
      'compilation failed: ERROR: <input>:1:',
    ],
    [
      'an unknown variable',
      { validations: [{ expression: 'variables.x' }] },
      'spec.validations[0].expression',
      "undefined field 'x'",
    ],
    [
      'an unknown field of the request',
      { validations: [{ expression: "request.verb == ''" }] },
      'spec.validations[0].expression',
      "undefined field 'verb'",
    ],
    [
      'an answer that is no boolean',
      { validations: [{ expression: "'x'" }] },
      'spec.validations[0].expression',
      'must evaluate to bool but got string',
    ],
    [
      'a message that is no text',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'spec.validations[0].messageExpression',
      'must evaluate to string but got int',
    ],
    [
      'an unknown reason',
      { validations: [{ expression: 'true', reason: 'Because' }] },
      'spec.validations[0].reason',
      'Unsupported value',
    ],
    [
      'parameters without a kind',
      { validations: [{ expression: 'params.x' }] },
      'spec.validations[0].expression',
      "undeclared reference to 'params'",
    ],
    ['no validations', {}, 'spec.validations', 'Required value'],
    [
      'no rules',
      { matchConstraints: {}, validations: [{ expression: 'true' }] },
      'spec.matchConstraints.resourceRules',
      'Required value',
    ],
  ])('is refused with %s', async (_title, spec, field, message) => {
    const { status, body } = await server.post(policies, policy('bad', spec));
    expect(status).toBe(422);
    expect(body.details.causes[0].field).toBe(field);
    expect(body.details.causes[0].message).toContain(message);
  });

  it('is refused a binding that warns of what it denies', async () => {
    const { status, body } = await server.post(bindings, binding('x', { validationActions: ['Deny', 'Warn'] }));
    expect(status).toBe(422);
    expect(body.message).toContain('must not contain both Deny and Warn');
  });
});
