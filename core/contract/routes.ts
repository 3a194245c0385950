/** Every route of the API, in one list: router, client, OpenAPI and the gateway's routes come from it. */
import { authRoutes, meRoutes } from './account.ts';
import { clusterRoutes } from './cluster.ts';
import { groupRoutes } from './group.ts';
import { operationRoutes } from './operation.ts';
import type { Route } from './route.ts';
import { seatAccessRoutes } from './seat-access.ts';
import { seatAgentRoutes } from './seat-agent.ts';
import { secretRoutes } from './secret.ts';
import { systemRoutes } from './system.ts';
import { templateRoutes } from './template.ts';
import { tokenRoutes } from './token.ts';
import { workspaceRoutes } from './workspace.ts';

export const routes = {
  auth: authRoutes,
  me: meRoutes,
  clusters: clusterRoutes,
  tokens: tokenRoutes,
  workspaces: workspaceRoutes,
  groups: groupRoutes,
  templates: templateRoutes,
  secrets: secretRoutes,
  seatAccess: seatAccessRoutes,
  seatAgent: seatAgentRoutes,
  operations: operationRoutes,
  system: systemRoutes,
};

/** All of them, flat. */
export const allRoutes: readonly Route[] = Object.values(routes).flatMap((group) => Object.values(group) as Route[]);

/** The name of the function that serves a route: `clusters.create` → `clusters`. */
export const functionOf = (each: Route): string => each.id.slice(0, each.id.indexOf('.'));
