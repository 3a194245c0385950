/** Which schemas of a CustomResourceDefinition are refused: those that are not structural, or make no sense. */
import { type FieldError, forbiddenField, notSupported, required } from '../errors.ts';
import type { Json } from '../json.ts';
import { re2 } from '../re2.ts';
import { schemaFaults } from './validate.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

export function structuralFaults(schema: Json, field: string, root = true): FieldError[] {
  const faults: FieldError[] = [];
  const free = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
  if (!schema.type) {
    if (!free || root)
      faults.push(
        required(
          `${field}.type`,
          root
            ? 'must not be empty at the root'
            : field.endsWith('.items')
              ? 'must not be empty for specified array items'
              : 'must not be empty for specified object fields',
        ),
      );
  } else if (!TYPES.includes(schema.type)) faults.push(notSupported(`${field}.type`, schema.type, TYPES));
  else if (root && schema.type !== 'object')
    faults.push({
      type: 'Invalid',
      field: `${field}.type`,
      message: `Invalid value: ${JSON.stringify(schema.type)}: must be object at the root`,
    });
  if (schema.type === 'array' && !schema.items) faults.push(required(`${field}.items`, 'must be specified'));
  if (schema.properties && schema.additionalProperties)
    faults.push(
      forbiddenField(`${field}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  if (schema['x-kubernetes-list-type'] === 'map' && !schema['x-kubernetes-list-map-keys']?.length) {
    faults.push(required(`${field}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'));
  }
  if (schema.pattern !== undefined) {
    try {
      re2(schema.pattern);
    } catch (error) {
      faults.push({
        type: 'Invalid',
        field: `${field}.pattern`,
        message: `Invalid value: ${JSON.stringify(schema.pattern)}: must be a valid regular expression, but isn't: ${(error as Error).message}`,
      });
    }
  }
  if (schema.default !== undefined && TYPES.includes(schema.type)) {
    for (const fault of schemaFaults({ ...schema, default: undefined }, schema.default))
      faults.push({ ...fault, field: `${field}.default${fault.field && `.${fault.field}`}` });
  }
  for (const [name, property] of Object.entries<Json>(schema.properties ?? {})) {
    if (!(root && ['metadata', 'kind', 'apiVersion'].includes(name)))
      faults.push(...structuralFaults(property, `${field}.properties[${name}]`, false));
  }
  if (schema.items && typeof schema.items === 'object')
    faults.push(...structuralFaults(schema.items, `${field}.items`, false));
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object')
    faults.push(...structuralFaults(schema.additionalProperties, `${field}.additionalProperties`, false));
  return faults;
}
