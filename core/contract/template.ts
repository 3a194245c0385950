/** Templates (the marketplace): an image, typed parameters and a profile; never a pod spec (DESIGN §1; kubernetes.md finding 7). */
import * as z from 'zod';
import { Instant, page, ShortName, TeamId } from './names.ts';
import { route } from './route.ts';
import {
  EnvironmentSecretName,
  Image,
  isFewParameters,
  ParameterName,
  SeatResources,
  type SeatVolume,
  SeatVolumes,
} from './seat.ts';

/** One parameter, a closed part of JSON Schema; its value reaches the pod as the environment variable `PARAM_<NAME>`. */
export const TemplateParameter = z
  .strictObject({
    type: z.enum(['string', 'integer', 'number', 'boolean']),
    title: z.string().max(128).optional(),
    description: z.string().max(512).optional(),
    default: z.union([z.string().max(2048), z.number(), z.boolean()]).optional(),
    enum: z
      .array(z.union([z.string().max(256), z.number()]))
      .min(1)
      .max(64)
      .optional(),
    pattern: z.string().max(256).optional(),
    minLength: z.int().min(0).optional(),
    maxLength: z.int().min(0).max(2048).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
  })
  .meta({ id: 'TemplateParameter' });
export type TemplateParameter = z.infer<typeof TemplateParameter>;

const body = {
  title: z.string().max(128),
  description: z.string().max(4096).default(''),
  image: Image,
  profile: z.string().max(63).default('default'),
  parameters: z.record(ParameterName, TemplateParameter).refine(isFewParameters, 'at most 32 parameters').default({}),
  required: z.array(z.string().max(63)).max(32).default([]),
  environment: z
    .array(EnvironmentSecretName)
    .max(16)
    .refine((names) => new Set(names).size === names.length, 'a secret is named twice')
    .default([])
    .describe('secrets that its programs look for in the environment; all others are files alone'),
  resources: SeatResources.prefault({}),
  volumes: SeatVolumes.describe('default: one home'),
  idleTimeoutSeconds: z.int().min(0).max(604_800).default(3600),
};

/** The default: one claim, three folders of it (kubernetes.md §3). */
export const HOME_VOLUME: SeatVolume = {
  name: 'home',
  size: '10Gi',
  mounts: [
    { mountPath: '/home/node', subPath: 'home' },
    { mountPath: '/workspace', subPath: 'workspace' },
    { mountPath: '/commandhistory', subPath: 'history' },
  ],
};

export const NewTemplate = z
  .strictObject({
    name: ShortName,
    team: TeamId.optional(),
    ...body,
    volumes: body.volumes.default([HOME_VOLUME]),
  })
  .meta({ id: 'NewTemplate' });
export type NewTemplate = z.output<typeof NewTemplate>;

export const Template = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    source: z.enum(['builtin', 'team']),
    team: TeamId.optional(),
    ...body,
    createdAt: Instant.optional(),
    createdBy: z.string().optional(),
  })
  .meta({ id: 'Template' });
export type Template = z.output<typeof Template>;

const ref = {
  params: z.strictObject({ name: ShortName }),
  query: z.strictObject({ team: TeamId.optional(), version: z.string().max(63).optional() }),
};

export const templateRoutes = {
  list: route({
    id: 'templates.list',
    method: 'GET',
    path: '/api/v1/templates',
    auth: 'account',
    summary: 'Templates: those built in and those of the team, newest version each',
    query: z.strictObject({ ...page, team: TeamId.optional() }),
    reply: {
      200: z.strictObject({ items: z.array(Template), nextCursor: z.string().optional() }).meta({ id: 'TemplateList' }),
    },
    errors: ['not_found', 'request.cursor_invalid'],
  }),
  create: route({
    id: 'templates.create',
    method: 'POST',
    path: '/api/v1/templates',
    auth: 'account',
    summary: 'A new template of the team, or a new version of one',
    body: NewTemplate,
    reply: { 201: Template },
    errors: [
      'not_found',
      'access.denied',
      'template.name_builtin',
      'template.parameter_invalid',
      'conflict',
      'idempotency.mismatch',
    ],
  }),
  get: route({
    id: 'templates.get',
    method: 'GET',
    path: '/api/v1/templates/{name}',
    auth: 'account',
    summary: 'One template, its newest version unless another is named',
    ...ref,
    reply: { 200: Template },
    errors: ['not_found'],
  }),
  delete: route({
    id: 'templates.delete',
    method: 'DELETE',
    path: '/api/v1/templates/{name}',
    auth: 'account',
    summary: 'Take a template of the team off the list; pods made from it stay as they are',
    params: ref.params,
    query: z.strictObject({ team: TeamId.optional() }),
    reply: { 204: null },
    errors: ['not_found', 'access.denied', 'template.name_builtin', 'conflict'],
  }),
  render: route({
    id: 'templates.render',
    method: 'POST',
    path: '/api/v1/templates/{name}/render',
    auth: 'account',
    summary: 'The Kubernetes objects that a dev pod of this template would be, with these parameters',
    ...ref,
    body: z.strictObject({
      parameters: z.record(z.string().max(63), z.union([z.string().max(2048), z.number(), z.boolean()])).default({}),
    }),
    reply: {
      200: z
        .strictObject({
          objects: z.array(z.looseObject({ kind: z.string() })),
          note: z.string().optional().describe('what the objects do not show'),
        })
        .meta({ id: 'Rendered' }),
    },
    errors: ['not_found', 'template.parameter_invalid'],
  }),
};
