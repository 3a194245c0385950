/** CustomResourceDefinitions as a kind: their names, defaults and faults. */
import { type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { at, type Json, type Obj } from '../json.ts';
import { CREATED_AT, NAME } from '../kinds/columns.ts';
import { define, generationOfSpec } from '../kinds/define.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

function faultsOf(definition: Obj): FieldError[] {
  const { spec } = definition as Json;
  const faults: FieldError[] = [];
  const expected = `${spec.names?.plural}.${spec.group}`;
  if (definition.metadata.name !== expected) {
    faults.push(invalidField('metadata.name', definition.metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  if (!spec.group) faults.push(required('spec.group'));
  else if (spec.group.split('.').length < 2) faults.push(invalidField('spec.group', spec.group, 'should be a domain with at least one dot'));
  if (!['Cluster', 'Namespaced'].includes(spec.scope)) faults.push(notSupported('spec.scope', spec.scope ?? '', ['Cluster', 'Namespaced']));
  const stored = (spec.versions ?? []).filter(({ storage }: Json) => storage);
  if (stored.length !== 1) faults.push(invalidField('spec.versions', spec.versions ?? null, 'must have exactly one version marked as storage version'));
  for (const [i, version] of (spec.versions ?? []).entries()) {
    if (!version.schema?.openAPIV3Schema) faults.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required'));
    else structural(version.schema.openAPIV3Schema, `spec.versions[${i}].schema.openAPIV3Schema`, faults, true);
  }
  for (const name of ['plural', 'kind', 'singular', 'listKind']) if (!spec.names?.[name]) faults.push(required(`spec.names.${name}`));
  return faults;
}

/** Rules of structural schemas that common mistakes break. */
function structural(schema: Json, field: string, faults: FieldError[], root = false): void {
  const open = schema['x-kubernetes-preserve-unknown-fields'] || schema['x-kubernetes-int-or-string'];
  if (!schema.type && !open) faults.push(required(`${field}.type`, root ? 'must not be empty at the root' : 'must not be empty for specified object fields'));
  if (root && schema.type && schema.type !== 'object') faults.push(invalidField(`${field}.type`, schema.type, 'must be object at the root'));
  for (const [name, property] of Object.entries<Json>(schema.properties ?? {})) {
    if (!(root && ['metadata', 'kind', 'apiVersion'].includes(name))) structural(property, `${field}.properties[${name}]`, faults);
  }
  if (schema.items) structural(schema.items, `${field}.items`, faults);
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object') {
    structural(schema.additionalProperties, `${field}.additionalProperties`, faults);
  }
}

export const CUSTOM_RESOURCE_DEFINITIONS = define(
  'apiextensions.k8s.io',
  'v1',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    status: true,
    generation: generationOfSpec,
    deleteAnswersObject: true,
    columns: [NAME, { ...CREATED_AT, type: 'date' }],
    defaults({ spec }) {
      if (!spec?.names) return;
      spec.names.singular ||= String(spec.names.kind ?? '').toLowerCase();
      spec.names.listKind ||= `${spec.names.kind ?? ''}List`;
      spec.conversion ??= { strategy: 'None' };
    },
    prepareCreate(definition) {
      const storage = (at(definition, 'spec.versions') ?? []).find((version: Json) => version.storage);
      definition.metadata.finalizers = [...new Set([...(definition.metadata.finalizers ?? []), CLEANUP_FINALIZER])];
      definition['status'] = {
        conditions: null,
        acceptedNames: { plural: '', kind: '' },
        storedVersions: storage ? [storage.name] : [],
      };
    },
    prepareUpdate(next, old) {
      next['status'] = old['status'];
      const storage = (at(next, 'spec.versions') ?? []).find((version: Json) => version.storage)?.name;
      if (storage && !next['status'].storedVersions.includes(storage)) {
        next['status'] = { ...next['status'], storedVersions: [...next['status'].storedVersions, storage] };
      }
    },
    validate: faultsOf,
  },
);
