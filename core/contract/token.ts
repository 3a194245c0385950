/** Agent tokens: how a cluster's agent proves which cluster it is (DESIGN §6; seed-systems §4.0 H1). */
import * as z from 'zod';
import { Instant, TokenId } from './names.ts';
import { route } from './route.ts';

export const AgentToken = z
  .strictObject({
    id: TokenId,
    kind: z.enum(['install', 'agent']),
    state: z
      .enum(['Active', 'Used', 'Expired', 'Revoked'])
      .describe('Used: the install token was traded and its agent has connected'),
    createdAt: Instant,
    createdBy: z.string(),
    expiresAt: Instant.optional(),
    lastUsedAt: Instant.optional(),
    revokedAt: Instant.optional(),
  })
  .meta({ id: 'AgentToken' });
export type AgentToken = z.infer<typeof AgentToken>;

/** `clusterRef`: an id or a name. */
const ofCluster = z.strictObject({ clusterRef: z.string().min(1).max(64) });

export const tokenRoutes = {
  create: route({
    id: 'tokens.create',
    method: 'POST',
    path: '/api/v1/clusters/{clusterRef}/tokens',
    auth: 'account',
    summary:
      'A new install token (1 h), shown once, with the manifest that installs the agent and the command to apply it',
    params: ofCluster,
    query: z.strictObject({ team: z.string().optional() }),
    body: z.strictObject({}).optional(),
    reply: {
      201: z
        .strictObject({ token: AgentToken, installToken: z.string(), manifest: z.string(), command: z.string() })
        .meta({ id: 'NewInstallToken' }),
    },
    errors: ['not_found', 'access.denied', 'cluster.deleting', 'quota.tokens'],
    secret: true,
  }),
  /** The seed's own path (seeds/2): the same manifest, fetched with an install token by whoever holds it. */
  register: route({
    id: 'tokens.register',
    method: 'POST',
    path: '/api/clusters/register',
    auth: 'install',
    summary:
      'The manifest that installs the agent, for the install token in X-Cluster-Token: pipe it into kubectl apply -f -',
    reply: { 200: 'text/plain' },
    errors: ['cluster.deleting'],
  }),
  list: route({
    id: 'tokens.list',
    method: 'GET',
    path: '/api/v1/clusters/{clusterRef}/tokens',
    auth: 'account',
    summary: 'Install and agent tokens of a cluster, without their values',
    params: ofCluster,
    query: z.strictObject({ team: z.string().optional() }),
    reply: { 200: z.strictObject({ items: z.array(AgentToken) }) },
    errors: ['not_found', 'access.denied'],
  }),
  revoke: route({
    id: 'tokens.revoke',
    method: 'DELETE',
    path: '/api/v1/clusters/{clusterRef}/tokens/{tokenId}',
    auth: 'account',
    summary: 'Revoke a token; connections made with it are closed',
    params: ofCluster.extend({ tokenId: TokenId }),
    query: z.strictObject({ team: z.string().optional() }),
    reply: { 204: null },
    errors: ['not_found', 'access.denied'],
  }),
};
