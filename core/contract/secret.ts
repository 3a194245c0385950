/** Secrets for dev pods: of a person or of a team, write-only, versioned, sealed at rest (seed-systems §4.3 H4; kubernetes.md finding 21). */
import * as z from 'zod';
import { Instant, TeamId } from './names.ts';
import { route } from './route.ts';
import { SecretName } from './seat.ts';

/** Bytes; a Kubernetes Secret holds 1 MiB in all. */
const VALUE_LIMIT = 16_384;

/** sshd of the images lets in whoever has a key of these (docs/adr/0036): never a team's, as its admins would come into the pods of others. */
export const LOGIN_KEYS = 'SSH_AUTHORIZED_KEYS';

export const SecretScope = z.enum(['account', 'team']);

export const NewSecret = z
  .strictObject({
    scope: SecretScope.default('account').describe('account: in your own pods; team: in every pod of the team'),
    team: TeamId.optional().describe('for scope team; default: your personal team'),
    name: SecretName,
    value: z.string().min(1).max(VALUE_LIMIT),
  })
  .refine(({ scope, name }) => scope === 'account' || name !== LOGIN_KEYS, {
    path: ['name'],
    message: 'keys that let somebody into a dev pod are each person’s own: keep them with the scope account',
  })
  .meta({ id: 'NewSecret' });

export const StoredSecret = z
  .strictObject({
    scope: SecretScope,
    team: TeamId.optional(),
    name: z.string(),
    version: z.int(),
    updatedAt: Instant,
    updatedBy: z.string(),
  })
  .meta({ id: 'StoredSecret' });
export type StoredSecret = z.infer<typeof StoredSecret>;

const where = z.strictObject({ scope: SecretScope.default('account'), team: TeamId.optional() });

export const secretRoutes = {
  put: route({
    id: 'secrets.put',
    method: 'POST',
    path: '/api/v1/secrets',
    auth: 'account',
    summary: 'Keep a secret, or its next version; pods that use it get it as a file within a minute',
    body: NewSecret,
    reply: { 200: StoredSecret },
    errors: ['not_found', 'access.denied', 'quota.secrets', 'conflict', 'idempotency.mismatch'],
  }),
  list: route({
    id: 'secrets.list',
    method: 'GET',
    path: '/api/v1/secrets',
    auth: 'account',
    summary: 'Names and versions; values are never answered',
    query: where,
    reply: { 200: z.strictObject({ items: z.array(StoredSecret) }).meta({ id: 'SecretList' }) },
    errors: ['not_found', 'access.denied'],
  }),
  delete: route({
    id: 'secrets.delete',
    method: 'DELETE',
    path: '/api/v1/secrets/{name}',
    auth: 'account',
    summary: 'Forget a secret; it is taken from the pods that use it',
    params: z.strictObject({ name: SecretName }),
    query: where,
    reply: { 204: null },
    errors: ['not_found', 'access.denied', 'conflict'],
  }),
};
