/** Whether a configuration fits its type: unknown fields, wrong types, items without keys or with the same ones. */
import { isMap, type Json } from '../json.ts';
import type { Type } from '../schema/type.ts';
import { elementOf } from './elements.ts';
import { pathText } from './set.ts';

/** The first few faults in the words of a real server, or undefined. */
export function typeFault(type: Type, value: Json): string | undefined {
  const faults: string[] = [];
  check(type, value, '', faults, true);
  return faults.length === 0
    ? undefined
    : faults.length === 1
      ? faults[0]
      : `errors:\n${faults.map((fault) => `  ${fault}`).join('\n')}`;
}

const SCALARS: Record<string, (value: Json) => boolean> = {
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  int32: (value) => typeof value === 'number',
  int64: (value) => typeof value === 'number',
  number: (value) => typeof value === 'number',
  bytes: (value) => typeof value === 'string',
  time: (value) => typeof value === 'string',
  microTime: (value) => typeof value === 'string',
};
const NAMES: Record<string, string> = {
  int32: 'numeric (int or float)',
  int64: 'numeric (int or float)',
  number: 'numeric (int or float)',
  bytes: 'string',
  time: 'string',
  microTime: 'string',
};

function check(type: Type, value: Json, path: string, faults: string[], root = false): void {
  if (value === null || value === undefined) return;
  const expected = (what: string) =>
    faults.push(`${path}: expected ${what}, got &value.valueUnstructured{Value:${goValue(value)}}`);
  switch (type.kind) {
    case 'scalar': {
      const fits = SCALARS[type.scalar];
      if (fits && !fits(value)) expected(NAMES[type.scalar] ?? type.scalar);
      return;
    }
    case 'struct':
      if (!isMap(value)) return void expected('map');
      for (const [key, item] of Object.entries(value)) {
        if (root && (key === 'kind' || key === 'apiVersion')) continue;
        const inner = type.fields.get(key)?.type ?? type.rest;
        if (inner) check(inner, item, `${path}.${key}`, faults);
        else if (!type.open && !type.embedded) faults.push(`${path}.${key}: field not declared in schema`);
      }
      return;
    case 'map':
      if (!isMap(value)) return void expected('map');
      for (const [key, item] of Object.entries(value)) check(type.value, item, `${path}.${key}`, faults);
      return;
    case 'list': {
      if (!Array.isArray(value)) return void expected('list');
      const seen = new Set<string>();
      for (const [i, item] of value.entries()) {
        if (type.list === 'atomic') {
          check(type.item, item, `${path}[${i}]`, faults);
          continue;
        }
        let element: string;
        try {
          element = elementOf(type, item);
        } catch (error) {
          faults.push(`${path}: element ${i}: ${(error as Error).message}`);
          continue;
        }
        const own = `${path}${pathText([element])}`;
        if (seen.has(element)) faults.push(`${path}: duplicate entries for key ${pathText([element])}`);
        seen.add(element);
        check(type.item, item, own, faults);
      }
      return;
    }
  }
}

const goValue = (value: Json): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : isMap(value)
      ? `map[string]interface {}{${Object.entries(value)
          .map(([key, item]) => `${JSON.stringify(key)}:${goValue(item)}`)
          .join(', ')}}`
      : Array.isArray(value)
        ? `[]interface {}{${value.map(goValue).join(', ')}}`
        : String(value);
