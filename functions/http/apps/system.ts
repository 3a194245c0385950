/** What asks for nobody: the health check, the OpenAPI document and its page. Everything that no route takes is answered here as well. */
import { toOpenApi } from '#core/contract/openapi.ts';
import { allRoutes, routes } from '#core/contract/routes.ts';
import type { HttpDeps } from '../../lib/http/call.ts';
import { type App, on, reply } from '../../lib/http.ts';
import { type DocsDeps, docsRoutes } from './docs.ts';

export interface SystemDeps extends HttpDeps, DocsDeps {
  /** Release of the API. */
  readonly version: string;
}

export const app = (deps: SystemDeps): App => {
  let document: ReturnType<typeof toOpenApi> | undefined;
  return {
    deps,
    served: [
      on(routes.system.health, async () => reply(200, { status: 'ok' as const, version: deps.version })),

      on(routes.system.openapi, async () => {
        document ??= toOpenApi(allRoutes, deps.version);
        return reply(200, document, { 'cache-control': 'public, max-age=300' });
      }),

      ...docsRoutes(deps),
    ],
  };
};
