/** A cluster's own API for the bootstrap: the one place of the tasks that makes a client of @kubernetes/client-node. */
import { ApiException, KubeConfig, KubernetesObjectApi, loadYaml, PatchStrategy } from '@kubernetes/client-node';
import { FIELD_MANAGER } from '#core/domain/agent-manifest.ts';
import { Permanent, Retryable, toTaskError } from '../../lib/task-error.ts';
import type { ConnectKubernetes } from '../providers/provider.ts';

/** Connects with a short-lived token; nothing is called until the first apply. */
export const connectKubernetes: ConnectKubernetes = ({ endpoint, ca, token }) => {
  const config = new KubeConfig();
  // A user name of its own: client-node shares cached credentials between configs by it (kubernetes-client/javascript#592).
  config.loadFromOptions({
    clusters: [{ name: endpoint, server: endpoint, caData: ca }],
    users: [{ name: endpoint, token }],
    contexts: [{ name: endpoint, cluster: endpoint, user: endpoint }],
    currentContext: endpoint,
  });
  const client = KubernetesObjectApi.makeApiClient(config);
  return {
    apply: async (object) => {
      try {
        await client.patch(
          // Read as the library reads manifests: it writes known kinds by its own names of fields, and would drop `x-kubernetes-…` as we have them.
          loadYaml<Parameters<typeof client.patch>[0]>(JSON.stringify(object)),
          undefined,
          undefined,
          FIELD_MANAGER,
          true,
          PatchStrategy.ServerSideApply,
        );
      } catch (error) {
        throw meaningOf(error, `applying ${object.kind} ${object.metadata.name}`, object.kind);
      }
    },
    uid: async ({ apiVersion, kind, metadata: { name, namespace } }) => {
      try {
        const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
        return (await client.read({ apiVersion, kind, metadata })).metadata?.uid ?? null;
      } catch (error) {
        if (error instanceof ApiException && error.code === 404) return null;
        throw meaningOf(error, `reading ${kind} ${name}`, kind);
      }
    },
  };
};

/** The message that the API server gave; none for Secrets, since it may quote what was sent. */
const said = (body: unknown, kind: string): string => {
  if (kind === 'Secret') return '';
  const read = typeof body === 'string' ? parsed(body) : body;
  const { message } = (read ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? `: ${message}` : '';
};
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** No error of the client goes on as it is: it quotes body and headers. */
const meaningOf = (error: unknown, what: string, kind: string): Error => {
  if (error instanceof ApiException) {
    const { code, body } = error as ApiException<unknown>;
    const detail = `${what} was answered ${code}${said(body, kind)}`;
    // An access entry takes a while until it counts: the first calls may be refused (aws.md 16).
    if (code === 401 || code === 403) return new Retryable('kubernetes.unauthorized', detail);
    // Kinds that the cluster brings itself, or a namespace just made, are not there at once.
    if (code === 404 || code === 409 || code === 429 || code >= 500) return new Retryable('kubernetes.busy', detail);
    return new Permanent('kubernetes.refused', detail);
  }
  if (error instanceof Error && error.message.startsWith('Unrecognized API version and kind'))
    return new Retryable('kubernetes.busy', `${what}: the cluster does not know this kind yet`);
  const known = toTaskError(error);
  return known.message.startsWith('task.failed') ? new Retryable('kubernetes.busy', `${what} failed`) : known;
};
