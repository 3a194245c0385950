/** How a person enters their seat: a credential that opens this seat and nothing else (DESIGN §4; kubernetes.md finding 6). */
import * as z from 'zod';
import { ExecCredential } from './cluster.ts';
import { TeamId } from './names.ts';
import { route } from './route.ts';

const ref = {
  params: z.strictObject({ workspaceRef: z.string().min(1).max(64) }),
  query: z.strictObject({ team: TeamId.optional() }),
};
const errors = [
  'not_found',
  'access.denied',
  'workspace.agent_offline',
  'workspace.no_endpoint',
  'workspace.deleting',
] as const;
/** The agent has not answered within 20 s: ask again with the same Idempotency-Key or anew. */
const waiting = z.strictObject({ retryAfterSeconds: z.int() }).meta({ id: 'CredentialPending' });

export const seatAccessRoutes = {
  kubeconfig: route({
    id: 'seat-access.kubeconfig',
    method: 'GET',
    path: '/api/v1/workspaces/{workspaceRef}/kubeconfig',
    auth: 'account',
    summary: 'A kubeconfig for the person who holds the seat: exec, attach, logs, port-forward and get of this one pod',
    params: ref.params,
    query: ref.query.extend({ auth: z.enum(['token', 'exec']).default('token') }),
    reply: { 200: 'text/plain', 202: waiting },
    errors,
  }),
  credentials: route({
    id: 'seat-access.credentials',
    method: 'POST',
    path: '/api/v1/workspaces/{workspaceRef}/credentials',
    auth: 'account',
    summary: 'A short-lived credential for the seat as an ExecCredential',
    ...ref,
    body: z.strictObject({}).optional(),
    reply: { 200: ExecCredential, 202: waiting },
    errors,
    secret: true,
  }),
};
