/** Asks the rules of a custom kind about an object at every write. */
import { Optional } from '@marcbachmann/cel-js';
import type { Program } from '../cel/compile.ts';
import { CelError } from '../cel/error.ts';
import type { FieldError } from '../errors.ts';
import { isMap, type Json } from '../json.ts';
import { fieldBefore, itemBefore, unchanged } from './correlate.ts';
import type { RuleNode, Rules } from './rules.ts';

interface Asked {
  faults: FieldError[];
  warn: (text: string) => void;
}

/**
 * The faults that the rules find in an object. Rules about a change (`oldSelf`) are asked only where there was something before; what others find
 * in a part that did not change is only warned of (ratcheting).
 */
export function ruleFaults(
  { root }: Rules,
  object: Json,
  old: Json | undefined,
  warn: (text: string) => void,
): FieldError[] {
  const faults: FieldError[] = [];
  if (root) ask(root, object, old, '', { faults, warn }, false);
  return faults;
}

/** `ratchet`: whether the nearest part with a counterpart before is as it was. */
function ask(node: RuleNode, value: Json, old: Json | undefined, path: string, asked: Asked, ratchet: boolean): void {
  if (value === null || value === undefined) return;
  const before = old === null ? undefined : old;
  const still = before === undefined ? ratchet : unchanged(value, before);
  if (node.rules.length) askRules(node, value, before, path, asked, still);
  if (Array.isArray(value)) {
    if (!node.items) return;
    const earlier = itemBefore(node.schema, before);
    for (const [i, item] of value.entries()) ask(node.items, item, earlier(item), `${path}[${i}]`, asked, still);
  } else if (isMap(value)) {
    for (const key of Object.keys(value)) {
      const inner = node.properties.get(key);
      const then = fieldBefore(node.schema, before, key);
      if (inner) ask(inner, value[key], then, path ? `${path}.${key}` : key, asked, still);
      else if (node.items && !node.schema.properties)
        ask(node.items, value[key], then, `${path}[${key}]`, asked, still);
    }
  }
}

function askRules(
  node: RuleNode,
  value: Json,
  old: Json | undefined,
  path: string,
  { faults, warn }: Asked,
  still: boolean,
): void {
  const self = node.type.convert(value);
  const oldSelf = old === undefined ? undefined : node.type.convert(old);
  const kind = JSON.stringify(node.schema.type ?? '');
  for (const { text, program, message, transition } of node.rules) {
    if (transition && oldSelf === undefined && !text.optionalOldSelf) continue;
    const variables = { self, oldSelf: text.optionalOldSelf ? Optional.of(oldSelf) : oldSelf };
    const said = (text.message || text.rule).trim();
    let holds: unknown;
    try {
      holds = program.evaluate(variables);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      faults.push({
        type: 'Invalid',
        field: path || '<nil>',
        message: `Invalid value: ${kind}: ${failureOf(error, said)}`,
      });
      continue;
    }
    if (holds === true) continue;
    const detail = messageOf(message, variables) ?? (text.message ? said : `failed rule: ${said}`);
    const fault = faultOf(text, path, value, detail);
    if (!transition && still) warn(`${fault.field}: ${fault.message}`);
    else faults.push(fault);
  }
}

function failureOf({ message }: CelError, rule: string): string {
  if (message.startsWith('no such overload'))
    return `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${rule}`;
  if (message.startsWith('operation cancelled'))
    return `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`;
  return `${message} evaluating rule: ${rule}`;
}

/** Longest computed message, in bytes; a longer one is not used (Kubernetes' MaxEvaluatedMessageExpressionSizeBytes). */
const MESSAGE_LIMIT = 5 * 1024;

/** A computed message; undefined when it cannot be computed, is empty, too long, or has line breaks. */
function messageOf(program: Program | undefined, variables: Record<string, unknown>): string | undefined {
  if (!program) return undefined;
  try {
    const text = String(program.evaluate(variables)).trim();
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MESSAGE_LIMIT ? undefined : text;
  } catch (error) {
    if (error instanceof CelError) return undefined;
    throw error;
  }
}

/** Lists and objects are not repeated in messages. */
const shown = (value: Json): string => (typeof value === 'object' ? '' : `: ${JSON.stringify(value)}`);

function faultOf(rule: Json, path: string, value: Json, detail: string): FieldError {
  const field = `${path}${rule.fieldPath ?? ''}`.replace(/^\./, '') || '<nil>';
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return { type: 'Forbidden', field, message: `Forbidden: ${detail}` };
    case 'FieldValueRequired':
      return { type: 'Required', field, message: `Required value: ${detail}` };
    case 'FieldValueDuplicate':
      return { type: 'Duplicate', field, message: `Duplicate value${shown(value)}` };
    default:
      return { type: 'Invalid', field, message: `Invalid value${shown(value)}: ${detail}` };
  }
}
