/** An API server with the agent's manifest applied, and the words with which its agent and others speak to it. */
import { type AgentManifest, renderAgentManifest } from '#core/domain/agent-manifest.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { renderNamespace } from '#core/domain/seat/namespace.ts';
import { readPolicy } from '#core/domain/seat/policy.ts';
import { type Answer, type TestServer, testServer } from '#test/kubernetes/apiserver/support/server.ts';

const IRREGULAR: Readonly<Record<string, string>> = {
  NetworkPolicy: 'networkpolicies',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};
const WIDE =
  /^(Namespace|ClusterRole|ClusterRoleBinding|CustomResourceDefinition|ValidatingAdmissionPolicy(Binding)?)$/;

/** Where the API keeps objects of this kind. */
export const collectionOf = ({ apiVersion, kind, metadata }: KubernetesObject): string => {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = WIDE.test(kind) ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${IRREGULAR[kind] ?? `${kind.toLowerCase()}s`}`;
};
export const placeOf = (object: KubernetesObject): string => `${collectionOf(object)}/${object.metadata.name}`;

export interface Fenced {
  readonly server: TestServer;
  /** Server-side apply, as the agent unless another token is given. Rejects with what the server says of a refusal. */
  apply(object: KubernetesObject, as?: string): Promise<Answer>;
  /** A short-lived token of a service account. */
  tokenOf(namespace: string, account: string, as?: string): Promise<string>;
  readonly agent: string;
}

/** The namespace objects of a team, under the default policy. */
export const namespaceOf = (team: string): KubernetesObject[] => {
  const { network, ceilings } = readPolicy();
  return renderNamespace(team, { deploymentId: 'roadstead', network, ceilings: ceilings.team });
};

/** Everything that is applied to have an agent, of a cluster with dev pods. */
export const manifestOf = (more: Partial<AgentManifest> = {}): KubernetesObject[] =>
  renderAgentManifest({
    image: 'ghcr.io/roadstead/agent:1',
    socketUrl: 'wss://example.com',
    apiUrl: 'https://example.com',
    installToken: 'rsi_x',
    clusterId: `clu_${'0'.repeat(26)}`,
    drain: false,
    workspaces: true,
    version: '1.0.0',
    ...more,
  });

export const startFenced = async (more: Partial<AgentManifest> = {}): Promise<Fenced> => {
  const server = await testServer();
  for (const name of ['default', 'kube-system', 'shop']) await server.namespace(name);
  const manifest = manifestOf(more);
  const accepted = (answer: Answer): Answer => {
    if (answer.status < 300) return answer;
    throw new Error(`${answer.status}: ${answer.body?.message}`);
  };
  for (const object of manifest) accepted(await server.apply(placeOf(object), 'roadstead', object));

  const tokenOf = async (namespace: string, account: string, as?: string) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } };
    return accepted(await server.post(path, request, as === undefined ? {} : { as })).body.status.token as string;
  };
  const agent = await tokenOf('roadstead-system', 'roadstead-agent');
  return {
    server,
    agent,
    tokenOf,
    apply: async (object, as = agent) =>
      accepted(
        await server.call('PATCH', `${placeOf(object)}?fieldManager=roadstead-agent&force=true`, object, {
          as,
          type: 'application/apply-patch+yaml',
        }),
      ),
  };
};
