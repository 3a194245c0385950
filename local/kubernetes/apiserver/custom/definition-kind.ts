/** CustomResourceDefinitions as a kind: their names, defaults and faults. */
import { type FieldError, invalidField, notSupported, required } from '../errors.ts';
import { at, isMap, type Json, type Obj } from '../json.ts';
import { CREATED_AT, NAME } from '../kinds/columns.ts';
import { define, generationOfSpec } from '../kinds/define.ts';
import { rulesOf } from './rules.ts';
import { structuralFaults } from './structural.ts';

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

const DNS_1035 = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const DNS_1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/** `mixed`: capitals are allowed. */
function nameFaults(field: string, name: string, mixed = false): FieldError[] {
  const faults = [
    ...(name.length > 63 ? ['must be no more than 63 characters'] : []),
    ...(DNS_1035.test(mixed ? name.toLowerCase() : name) ? [] : [DNS_1035_TEXT]),
  ].join(',');
  const prefix = mixed ? 'may have mixed case, but should otherwise match: ' : '';
  return faults ? [invalidField(field, name, `${prefix}${faults}`)] : [];
}

/** What the kind is called. */
function namesFaults(names: Json): FieldError[] {
  const faults: FieldError[] = [];
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    const field = `spec.names.${key}`;
    faults.push(...(names[key] ? nameFaults(field, names[key], /kind/i.test(key)) : [required(field)]));
  }
  for (const list of ['shortNames', 'categories'])
    for (const [i, name] of (names[list] ?? []).entries()) faults.push(...nameFaults(`spec.names.${list}[${i}]`, name));
  if (names.kind && names.kind === names.listKind)
    faults.push(invalidField('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'));
  return faults;
}

/** As Go prints its own type. */
const goVersions = (versions: Json[]): Json[] =>
  versions.map(({ name, served, storage }) => ({
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: false,
    DeprecationWarning: null,
    Schema: null,
    Subresources: null,
    AdditionalPrinterColumns: null,
    SelectableFields: null,
  }));

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];

/** A field can be selected by if it is one text, number or boolean of the object itself. */
function selectableFault(path: string, schema: Json): string | undefined {
  if (!path.startsWith('.')) return 'must be a simple json path starting with .';
  let at: Json = schema;
  for (const key of path.slice(1).split('.')) at = at?.properties?.[key];
  if (!at) return 'is an invalid path: does not refer to a valid field';
  if (path === '.metadata' || path.startsWith('.metadata.')) return 'must not point to fields in metadata';
  return ['string', 'boolean', 'integer'].includes(at.type)
    ? undefined
    : 'must point to a field of type string, boolean, or integer. Enum string fields and strings with formats are allowed.';
}

function versionFaults(version: Json, i: number, alone: boolean, kind: string): FieldError[] {
  const faults: FieldError[] = [];
  // A single version is kept by the server in an older form, whose paths its messages name.
  const base = alone ? 'spec' : `spec.versions[${i}]`;
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) faults.push(required(`spec.versions[${i}].schema.openAPIV3Schema`));
  else {
    const path = alone ? 'spec.validation.openAPIV3Schema' : `${base}.schema.openAPIV3Schema`;
    const structural = structuralFaults(schema, path);
    // Types of a schema that is not structural would say little.
    const rules = structural.length ? [] : rulesOf(schema, kind).faults;
    faults.push(...structural, ...rules.map((fault) => ({ ...fault, field: `${path}${fault.field}` })));
  }
  for (const [n, column] of (version.additionalPrinterColumns ?? []).entries()) {
    const at = `${base}.additionalPrinterColumns[${n}]`;
    if (!column.jsonPath) faults.push(required(`${at}.JSONPath`));
    if (!COLUMN_TYPES.includes(column.type)) faults.push(notSupported(`${at}.type`, column.type ?? '', COLUMN_TYPES));
  }
  for (const [n, { jsonPath = '' }] of (version.selectableFields ?? []).entries()) {
    const why = selectableFault(jsonPath, schema);
    if (why) faults.push(invalidField(`spec.versions[${i}].selectableFields[${n}].jsonPath`, jsonPath, why));
  }
  for (const key of ['specReplicasPath', 'statusReplicasPath']) {
    const path = version.subresources?.scale?.[key];
    if (path !== undefined && !path.startsWith('.'))
      faults.push(
        invalidField(`${base}.subresources.scale.${key}`, path, 'must be a simple json path starting with .'),
      );
  }
  return faults;
}

function faultsOf(definition: Obj): FieldError[] {
  const { spec } = definition as Json;
  const faults: FieldError[] = [];
  // Go writes null for lists that were not given.
  const names = spec.names ?? {};
  const versions: Json[] = spec.versions ?? [];
  const { name } = definition.metadata;
  // Of an existing one, that a part of the name may not change says more.
  const fresh = definition.metadata.resourceVersion === undefined;
  if (fresh && name !== `${names.plural}.${spec.group}`)
    faults.push(invalidField('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  if (!spec.group) faults.push(required('spec.group'));
  else if (!spec.group.includes('.'))
    faults.push(invalidField('spec.group', spec.group, 'should be a domain with at least one dot'));
  if (
    /(^|\.)(k8s|kubernetes)\.io$/.test(spec.group ?? '') &&
    !definition.metadata.annotations?.['api-approved.kubernetes.io']
  ) {
    faults.push(
      required(
        'metadata.annotations[api-approved.kubernetes.io]',
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
  }
  if (!['Cluster', 'Namespaced'].includes(spec.scope))
    faults.push(notSupported('spec.scope', spec.scope ?? '', ['Cluster', 'Namespaced']));
  const stored = versions.filter(({ storage }: Json) => storage);
  if (stored.length !== 1) {
    faults.push({
      type: 'Invalid',
      field: 'spec.versions',
      message: `Invalid value: ${JSON.stringify(goVersions(versions))}: must have exactly one version marked as storage version`,
    });
    if (stored.length === 0)
      faults.push({
        type: 'Invalid',
        field: 'status.storedVersions',
        message: 'Invalid value: null: must have at least one stored version',
      });
    else
      faults.push({
        type: 'Invalid',
        field: 'status.storedVersions',
        message: `Invalid value: ["${stored[0].name}"]: must have the storage version ${stored.at(-1).name}`,
      });
  } else
    for (const [i, version] of versions.entries())
      faults.push(...versionFaults(version, i, versions.length === 1, names.kind ?? ''));
  if (spec.conversion?.strategy === 'Webhook')
    faults.push(
      invalidField(
        'spec.conversion.strategy',
        'Webhook',
        'this embedded API server calls no conversion webhooks: use None, or a real API server',
      ),
    );
  else if (spec.conversion && spec.conversion.strategy !== 'None')
    faults.push(notSupported('spec.conversion.strategy', spec.conversion.strategy ?? '', ['None', 'Webhook']));
  faults.push(...namesFaults(names));
  return faults;
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
    conditionalUpdate: true,
    generation: generationOfSpec,
    deleteAnswersObject: true,
    deletionFinalizers: [CLEANUP_FINALIZER],
    columns: [NAME, CREATED_AT],
    defaults({ spec }) {
      if (!isMap(spec?.names)) return;
      spec.names.singular ||= String(spec.names.kind ?? '').toLowerCase();
      spec.names.listKind ||= `${spec.names.kind ?? ''}List`;
      spec.conversion ??= { strategy: 'None' };
    },
    prepareCreate(definition) {
      const storage = (at(definition, 'spec.versions') ?? []).find((version: Json) => version.storage);
      definition.status = {
        conditions: null,
        acceptedNames: { plural: '', kind: '' },
        storedVersions: storage ? [storage.name] : [],
      };
    },
    prepareUpdate(next, old) {
      next.status = old.status;
    },
    validate: faultsOf,
    validateUpdate(next, old) {
      const faults: FieldError[] = [];
      for (const path of ['group', 'scope']) {
        if (next.spec[path] !== old.spec[path])
          faults.push(invalidField(`spec.${path}`, next.spec[path], 'field is immutable'));
      }
      for (const path of ['plural', 'kind']) {
        if (next.spec.names[path] !== old.spec.names[path])
          faults.push(invalidField(`spec.names.${path}`, next.spec.names[path], 'field is immutable'));
      }
      for (const [i, stored] of (at(old, 'status.storedVersions') ?? []).entries()) {
        if (next.spec.versions.some(({ name }: Json) => name === stored)) continue;
        faults.push(
          invalidField(
            `status.storedVersions[${i}]`,
            stored,
            `missing from spec.versions; ${stored} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${stored} and removes ${stored} from status.storedVersions`,
          ),
        );
      }
      return faults;
    },
  },
);
