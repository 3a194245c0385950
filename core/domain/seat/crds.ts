/** The two custom resources `workspaces.roadstead.dev` and `clusters.roadstead.dev` (DESIGN §2). They are only ever added to: optional, with a default (kubernetes.md finding 18). */
import type { KubernetesObject } from '../kubernetes-object.ts';
import { NAME_LABEL } from './names.ts';
import { conditions, integer, object, rules, type Schema, string, time } from './schema.ts';
import { workspaceSchema } from './workspace-schema.ts';

export const GROUP = 'roadstead.dev';
export const VERSION = 'v1alpha1';
/** Grows with every change of the schemas: the fence never lets an older one take the place of a newer one. */
export const CRD_REVISION = 3;
export const CRD_REVISION_ANNOTATION = 'roadstead.dev/crd-revision';

interface Column {
  readonly name: string;
  readonly type: string;
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: number;
}

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly scope: 'Namespaced' | 'Cluster';
  readonly columns: readonly Column[];
  readonly selectable: readonly string[];
  readonly schema: Schema;
}

const column = (name: string, jsonPath: string, description: string, priority?: number): Column => ({
  name,
  type: 'string',
  jsonPath,
  description,
  ...(priority !== undefined && { priority }),
});
const ready = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`;
const age: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Since it was created.',
};

const clusterSchema = object(
  'What this cluster knows of itself: a copy of what the control plane keeps, which goes on when that is gone.',
  {
    spec: object(
      'What the control plane says of this cluster.',
      {
        origin: string('Who owns this spec for ever.', {
          enum: ['ControlPlane', 'Cluster'],
          ...rules({ rule: 'self == oldSelf', message: 'origin cannot change' }),
        }),
        id: string('Its id in the control plane.', {
          maxLength: 40,
          pattern: '^clu_[0-9a-z]{26}$',
          ...rules({ rule: 'self == oldSelf', message: 'the id cannot change' }),
        }),
        revision: integer('Counts changes of the spec in the control plane.', { minimum: 1 }),
        team: string('The team that owns it.', { maxLength: 63 }),
        provider: string('Where it comes from: eks, kind, capi or existing.', { maxLength: 32 }),
        expiresAt: time('When it is deleted, where it has an end.'),
      },
      { required: ['origin', 'id'] },
    ),
    status: object('What is observed; written by the agent.', {
      agentVersion: string('Release of the agent.', { maxLength: 64 }),
      observedRevision: integer('spec.revision of the object that this was said of.'),
      observedGeneration: integer('metadata.generation of the object that this was said of.'),
      policyDigest: string('SHA-256 of what the ConfigMap roadstead-policy says that the agent goes by.', {
        maxLength: 64,
      }),
      conditions,
    }),
  },
  { required: ['spec'] },
);

const DEFINITIONS: readonly Definition[] = [
  {
    kind: 'Cluster',
    plural: 'clusters',
    singular: 'cluster',
    shortName: 'rcl',
    scope: 'Cluster',
    columns: [
      column('Provider', '.spec.provider', 'Where it comes from.'),
      column('Agent', '.status.agentVersion', 'Release of the agent.'),
      column(
        'Connected',
        '.status.conditions[?(@.type=="Connected")].status',
        'Whether the agent reaches the control plane.',
      ),
      column('Expires', '.spec.expiresAt', 'When it is deleted.'),
      column('Team', '.spec.team', 'The team that owns it.', 1),
      age,
    ],
    selectable: [],
    schema: clusterSchema,
  },
  {
    kind: 'Workspace',
    plural: 'workspaces',
    singular: 'workspace',
    shortName: 'ws',
    scope: 'Namespaced',
    columns: [
      column('Called', `.metadata.labels['${NAME_LABEL.replaceAll('.', '\\.')}']`, 'What its owner calls it.'),
      column('Owner', '.spec.owner', 'The account that sits here.'),
      column('Wanted', '.spec.runState', 'Running or Stopped.'),
      column('Phase', '.status.phase', 'Where it is in its life.'),
      column('Why', ready('reason'), 'Running, or why it is not.'),
      column('Node', '.status.node', 'The node that its pod is on.', 1),
      column('Image', '.spec.image', 'What runs.', 1),
      column('Message', ready('message'), 'Why, in a sentence.', 1),
      age,
    ],
    selectable: ['.spec.runState', '.spec.owner'],
    schema: workspaceSchema,
  },
];

const nameOf = ({ plural }: Definition): string => `${plural}.${GROUP}`;
export const CRD_NAMES: readonly string[] = DEFINITIONS.map(nameOf);

const definition = (given: Definition, labels: Readonly<Record<string, string>>): KubernetesObject => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: nameOf(given),
    labels,
    annotations: { [CRD_REVISION_ANNOTATION]: String(CRD_REVISION) },
  },
  spec: {
    group: GROUP,
    scope: given.scope,
    names: {
      kind: given.kind,
      listKind: `${given.kind}List`,
      plural: given.plural,
      singular: given.singular,
      shortNames: [given.shortName],
      categories: ['roadstead'],
    },
    versions: [
      {
        name: VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        ...(given.selectable.length > 0 && { selectableFields: given.selectable.map((jsonPath) => ({ jsonPath })) }),
        additionalPrinterColumns: given.columns,
        schema: { openAPIV3Schema: given.schema },
      },
    ],
  },
});

/** Both definitions. */
export const renderCrds = (labels: Readonly<Record<string, string>>): KubernetesObject[] =>
  DEFINITIONS.map((each) => definition(each, labels));
