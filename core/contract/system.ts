/** What asks for nobody: the health check, the document of this API, and the page that shows it. */
import * as z from 'zod';
import { route } from './route.ts';

export const systemRoutes = {
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
  root: route({
    id: 'system.root',
    method: 'GET',
    path: '/',
    auth: 'public',
    summary: 'Leads to the page of this document',
    reply: { 302: null },
  }),
  docs: route({
    id: 'system.docs',
    method: 'GET',
    path: '/docs',
    auth: 'public',
    summary: 'This document as a page',
    reply: { 200: 'text/html' },
  }),
  docsFile: route({
    id: 'system.docsFile',
    method: 'GET',
    path: '/docs/{file}',
    auth: 'public',
    summary: 'What the page is made of',
    params: z.strictObject({ file: z.string() }),
    reply: { 200: 'text/*' },
    errors: ['not_found'],
  }),
};
