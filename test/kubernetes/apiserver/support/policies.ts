/** An API server with the fence around an agent, and the words that tests of admission policies use. */
import { expect } from 'vitest';
import { manifests } from '../fixtures/read.ts';
import { type Answer, type TestServer, testServer } from './server.ts';

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
export const policies = `${REGISTRATION}/validatingadmissionpolicies`;
export const bindings = `${REGISTRATION}/validatingadmissionpolicybindings`;
export const RBAC = '/apis/rbac.authorization.k8s.io/v1';
export const namespaces = '/api/v1/namespaces';
export const MANAGED = { 'roadstead.dev/managed': 'true' };
export const RESTRICTED = { ...MANAGED, 'pod-security.kubernetes.io/enforce': 'restricted' };

export const binding = (policyName: string, spec: object = {}) => ({
  metadata: { name: policyName },
  spec: { policyName, validationActions: ['Deny'], ...spec },
});
export const created = (answer: Answer): Answer => {
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer;
};
export const refusal = ({ status, body }: Answer): string => {
  expect(status, JSON.stringify(body)).toBe(422);
  expect(body.reason).toBe('Invalid');
  return body.message;
};

export const policy = (name: string, spec: object) => ({
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

export interface Fenced {
  server: TestServer;
  /** Options of a call of the agent. */
  agent: { as: string };
  /** The agent applies, as it does everything. */
  applied(path: string, body: object): Promise<Answer>;
  /** Makes a policy about config maps whose names begin with its own, and its binding. */
  install(name: string, spec: object, bindingSpec?: object): Promise<void>;
  /** Makes a config map where the agent has no say. */
  make(name: string, data?: object): Promise<Answer>;
}

export async function fencedServer(): Promise<Fenced> {
  const server = await testServer();
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
  const agent = { as: token.body.status.token };
  const applied = (path: string, body: object) =>
    server.call('PATCH', `${path}?fieldManager=agent`, body, { ...agent, type: 'application/apply-patch+yaml' });
  const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rs-team', labels: RESTRICTED } };
  created(await applied(`${namespaces}/rs-team`, team));
  await server.post(`${namespaces}/rs-team/serviceaccounts`, { metadata: { name: 'default' } });
  return {
    server,
    agent,
    applied,
    async install(name, spec, bindingSpec) {
      created(await server.post(policies, policy(name, spec)));
      created(await server.post(bindings, binding(name, bindingSpec)));
    },
    make: (name, data = {}) => server.post(`${namespaces}/other/configmaps`, { metadata: { name }, data }),
  };
}
