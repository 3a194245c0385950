/** What the agent fetches and posts over HTTPS with its own token, so that no secret ever crosses the socket (DESIGN §6; kubernetes.md finding 21). */
import * as z from 'zod';
import { idOf, WorkspaceId } from './names.ts';
import { route } from './route.ts';
import { SecretName } from './seat.ts';

export const CredentialRequestId = idOf('crq');

export const seatAgentRoutes = {
  secrets: route({
    id: 'seat-agent.secrets',
    method: 'GET',
    path: '/api/v1/agent/workspaces/{workspaceId}/secrets',
    auth: 'agent',
    summary: 'For the agent: the values of a seat’s secrets, at the versions that its spec names',
    params: z.strictObject({ workspaceId: WorkspaceId }),
    reply: {
      200: z
        .strictObject({
          revision: z.int(),
          values: z.array(z.strictObject({ name: SecretName, version: z.int(), value: z.string() })),
          hostKey: z.string().describe('the private SSH host key of the seat, PEM'),
        })
        .meta({ id: 'SeatSecrets' }),
    },
    errors: ['not_found'],
  }),
  credential: route({
    id: 'seat-agent.credential',
    method: 'POST',
    path: '/api/v1/agent/credentials/{request}',
    auth: 'agent',
    summary: 'For the agent: the credential that a person waits for, or why there is none',
    params: z.strictObject({ request: CredentialRequestId }),
    body: z.union([
      z.strictObject({ token: z.string().min(1).max(8192), expiresInSeconds: z.int().min(1) }),
      z.strictObject({ refused: z.string().max(512) }),
    ]),
    reply: { 204: null },
    errors: ['not_found'],
  }),
};
