/** Every route of the API, in one list: router, client, OpenAPI and the gateway's routes come from it. */
import * as z from 'zod';
import { authRoutes, meRoutes } from './account.ts';
import { clusterRoutes } from './cluster.ts';
import { groupRoutes } from './group.ts';
import { operationRoutes } from './operation.ts';
import { type Route, route } from './route.ts';
import { seatAccessRoutes } from './seat-access.ts';
import { seatAgentRoutes } from './seat-agent.ts';
import { secretRoutes } from './secret.ts';
import { templateRoutes } from './template.ts';
import { tokenRoutes } from './token.ts';
import { workspaceRoutes } from './workspace.ts';

const systemRoutes = {
  health: route({
    id: 'system.health',
    method: 'GET',
    path: '/api/v1/healthz',
    auth: 'public',
    summary: 'Is the API there',
    reply: { 200: z.strictObject({ status: z.literal('ok'), version: z.string() }) },
  }),
  openapi: route({
    id: 'system.openapi',
    method: 'GET',
    path: '/api/v1/openapi.json',
    auth: 'public',
    summary: 'This document',
    reply: { 200: z.looseObject({ openapi: z.string() }) },
  }),
};

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
