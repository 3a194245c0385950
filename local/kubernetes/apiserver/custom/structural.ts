/** Which schemas of a CustomResourceDefinition are refused: those that are not structural, or make no sense. */
import { type FieldError, forbiddenField, invalidField, notSupported, required } from '../errors.ts';
import { isMap, type Json } from '../json.ts';
import { re2 } from '../re2.ts';
import { extensionFaults } from './structural-extensions.ts';
import { schemaFaults } from './validate.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

type Level = 'root' | 'item' | 'field';
const WANTED: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

/** All faults of a schema that stands at `field`. */
export function structuralFaults(schema: Json, field: string, level: Level = 'root'): FieldError[] {
  const faults = [...typeFaults(schema, field, level), ...shapeFaults(schema, field, level)];
  const embedded = schema['x-kubernetes-embedded-resource'] === true;
  if (level === 'root' || embedded) faults.push(...resourceFaults(schema, field, level));
  faults.push(...extensionFaults(schema, field), ...patternFaults(schema, field), ...junctorFaults(schema, field));
  if (schema.default !== undefined && TYPES.includes(schema.type)) {
    for (const fault of schemaFaults({ ...schema, default: undefined }, schema.default))
      faults.push({ ...fault, field: `${field}.default${fault.field && `.${fault.field}`}` });
  }
  for (const [name, property] of Object.entries<Json>(schema.properties ?? {})) {
    if (!(level === 'root' && ['metadata', 'kind', 'apiVersion'].includes(name)))
      faults.push(...structuralFaults(property, `${field}.properties[${name}]`, 'field'));
  }
  if (isMap(schema.items)) faults.push(...structuralFaults(schema.items, `${field}.items`, 'item'));
  if (isMap(schema.additionalProperties))
    faults.push(...structuralFaults(schema.additionalProperties, `${field}.additionalProperties`, 'field'));
  return faults;
}

function typeFaults({ type, ...schema }: Json, field: string, level: Level): FieldError[] {
  if (schema['x-kubernetes-embedded-resource'] && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    return [type ? invalidField(`${field}.type`, type, why) : required(`${field}.type`, why)];
  }
  if (!type) {
    const free = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
    return free && level !== 'root' ? [] : [required(`${field}.type`, WANTED[level])];
  }
  if (!TYPES.includes(type)) return [notSupported(`${field}.type`, type, TYPES)];
  return level === 'root' && type !== 'object'
    ? [invalidField(`${field}.type`, type, 'must be object at the root')]
    : [];
}

function shapeFaults(schema: Json, field: string, level: Level): FieldError[] {
  const faults: FieldError[] = [];
  const { type, items, properties, additionalProperties: more, uniqueItems } = schema;
  const forbid = (name: string, why: string) => faults.push(forbiddenField(`${field}.${name}`, why));
  if (type === 'array' && !items) faults.push(required(`${field}.items`, 'must be specified'));
  if (Array.isArray(items)) forbid('items', 'items must be a schema object and not an array');
  if (properties && more) forbid('additionalProperties', 'additionalProperties and properties are mutual exclusive');
  if (more && level === 'root') forbid('additionalProperties', 'must not be used at the root');
  if (more === false) forbid('additionalProperties', 'additionalProperties cannot be set to false');
  if (schema.$ref) forbid('$ref', '$ref is not supported');
  if (uniqueItems)
    forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  return faults;
}

/** What a whole resource says of itself is known: a schema may only narrow the name. */
function resourceFaults({ properties = {}, ...schema }: Json, field: string, level: Level): FieldError[] {
  const faults: FieldError[] = [];
  for (const name of ['kind', 'apiVersion'])
    if (properties[name] && properties[name].type !== 'string')
      faults.push(invalidField(`${field}.properties[${name}].type`, properties[name].type ?? '', 'must be string'));
  const { metadata } = properties;
  const at = `${field}.properties[metadata]`;
  if (metadata && metadata.type !== 'object')
    faults.push(invalidField(`${at}.type`, metadata.type ?? '', 'must be object'));
  const names = Object.keys(metadata?.properties ?? {});
  if (level === 'root' && names.some((name) => name !== 'name' && name !== 'generateName'))
    faults.push(
      forbiddenField(
        at,
        'must not specify anything other than name and generateName, but metadata is implicitly specified',
      ),
    );
  if (level !== 'root') {
    if (schema.additionalProperties)
      faults.push(
        forbiddenField(`${field}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'),
      );
    if (!schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0)
      faults.push(
        required(
          `${field}.properties`,
          'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
        ),
      );
  }
  return faults;
}

function patternFaults({ pattern }: Json, field: string): FieldError[] {
  if (pattern === undefined) return [];
  try {
    re2(pattern);
    return [];
  } catch (error) {
    const why = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
    return [invalidField(`${field}.pattern`, pattern, why)];
  }
}

/** What says how data is kept belongs to the schema itself, never under allOf, anyOf, oneOf or not. */
const SPINE: Record<string, string> = {
  type: 'must be empty to be structural',
  title: 'must be empty to be structural',
  description: 'must be empty to be structural',
  default: 'must be undefined to be structural',
  additionalProperties: 'must be undefined to be structural',
  nullable: 'must be false to be structural',
  'x-kubernetes-preserve-unknown-fields': 'must be false to be structural',
  'x-kubernetes-embedded-resource': 'must be false to be structural',
  'x-kubernetes-int-or-string': 'must be false to be structural',
  'x-kubernetes-list-map-keys': 'must be empty to be structural',
  'x-kubernetes-list-type': 'must be undefined to be structural',
  'x-kubernetes-map-type': 'must be undefined to be structural',
  'x-kubernetes-validations': 'must be empty to be structural',
};

/** `anyOf: [{type: integer}, {type: string}]` may stand beside x-kubernetes-int-or-string. */
const intOrString = (list: Json): boolean => JSON.stringify(list) === '[{"type":"integer"},{"type":"string"}]';

function junctorFaults(schema: Json, field: string): FieldError[] {
  const free = schema['x-kubernetes-int-or-string'] === true;
  return ['allOf', 'anyOf', 'oneOf']
    .flatMap((junctor): FieldError[] =>
      free && junctor === 'anyOf' && intOrString(schema.anyOf)
        ? []
        : (schema[junctor] ?? []).flatMap((one: Json, i: number) =>
            free && junctor === 'allOf' && i === 0 && intOrString(one.anyOf)
              ? nestedFaults({ ...one, anyOf: undefined }, `${field}.allOf[0]`)
              : nestedFaults(one, `${field}.${junctor}[${i}]`),
          ),
    )
    .concat(schema.not ? nestedFaults(schema.not, `${field}.not`) : []);
}

function nestedFaults(schema: Json, field: string): FieldError[] {
  const faults = Object.entries(SPINE)
    .filter(([name]) => schema[name] !== undefined && schema[name] !== false && schema[name] !== '')
    .map(([name, why]) => forbiddenField(`${field}.${name}`, why));
  if (schema.properties?.metadata)
    faults.push(forbiddenField(`${field}.properties[metadata]`, 'must not be specified in a nested context'));
  for (const [name, property] of Object.entries<Json>(schema.properties ?? {}))
    faults.push(...nestedFaults(property, `${field}.properties[${name}]`));
  if (isMap(schema.items)) faults.push(...nestedFaults(schema.items, `${field}.items`));
  return [...faults, ...patternFaults(schema, field), ...junctorFaults(schema, field)];
}
