/** Operations: what a workflow has done so far, and what to do when it failed. */
import { routes } from '#core/contract/routes.ts';
import { authorize } from '#core/domain/access.ts';
import { type OperationState, toOperation } from '#core/domain/operation.ts';
import type { Deps } from '../../lib/deps.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';

export interface OperationsDeps extends HttpDeps {
  readonly store: Deps['store'];
}

export const app = (deps: OperationsDeps): App => ({
  deps,
  served: [
    on(routes.operations.get, async ({ params: { operationId } }, principal) => {
      const operation = await deps.store.clusters.operation(operationId);
      const role = operation === null ? null : await deps.store.people.role(operation.team, principal.id);
      authorize(role, 'operation.read', `operation "${operationId}"`);
      return reply(200, toOperation(operation as OperationState));
    }),
  ],
});
