/** Operations: one asynchronous change of one resource, what a workflow runs (DESIGN §1). */
import * as z from 'zod';
import { Instant, OperationId, TeamId } from './names.ts';
import { route } from './route.ts';

export const OperationKind = z.enum([
  'cluster-create',
  'cluster-delete',
  'workspace-start',
  'workspace-stop',
  'workspace-delete',
]);
export type OperationKind = z.infer<typeof OperationKind>;

/** Why an operation failed, in words a person can act on. */
export const OperationError = z
  .strictObject({ code: z.string(), message: z.string(), step: z.string().optional(), help: z.string() })
  .meta({ id: 'OperationError' });
export type OperationError = z.infer<typeof OperationError>;

export const Operation = z
  .strictObject({
    id: OperationId,
    kind: OperationKind,
    resource: z.strictObject({ type: z.enum(['cluster', 'workspace']), id: z.string() }),
    team: TeamId,
    state: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Superseded']),
    steps: z.array(z.strictObject({ name: z.string(), startedAt: Instant, endedAt: Instant.optional() })),
    error: OperationError.optional(),
    retryOf: OperationId.optional(),
    supersededBy: OperationId.optional(),
    createdAt: Instant,
    startedAt: Instant.optional(),
    endedAt: Instant.optional(),
    deadlineAt: Instant,
  })
  .meta({ id: 'Operation' });
export type Operation = z.infer<typeof Operation>;

export const operationRoutes = {
  get: route({
    id: 'operations.get',
    method: 'GET',
    path: '/api/v1/operations/{operationId}',
    auth: 'account',
    summary: 'One operation: its steps with their times, and what to do when it failed',
    params: z.strictObject({ operationId: OperationId }),
    reply: { 200: Operation },
    errors: ['not_found'],
  }),
};
