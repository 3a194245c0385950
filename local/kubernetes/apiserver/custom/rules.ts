/** Rules in CEL on custom kinds (x-kubernetes-validations), compiled with their definition. */

import { compile, type Program } from '../cel/compile.ts';
import { celEnvironment } from '../cel/environment.ts';
import { CelError } from '../cel/error.ts';
import { type CelType, declareTypes } from '../cel/schema-types.ts';
import type { FieldError } from '../errors.ts';
import { isMap, type Json } from '../json.ts';
import { ruleTextFaults } from './rule-text.ts';

export interface Rule {
  text: Json;
  program: Program;
  message: Program | undefined;
  transition: boolean;
}

/** The rules of one schema and of those inside it. */
export interface RuleNode {
  schema: Json;
  type: CelType;
  rules: Rule[];
  properties: Map<string, RuleNode>;
  items: RuleNode | undefined;
}

export interface Rules {
  root: RuleNode | undefined;
  /** What is wrong with the rules themselves; paths within the schema. */
  faults: FieldError[];
}

const compiled = new WeakMap<object, Rules>();

/** The rules of a schema, compiled once. */
export function rulesOf(schema: Json, name: string): Rules {
  const known = compiled.get(schema);
  if (known) return known;
  const rules = JSON.stringify(schema).includes('"x-kubernetes-validations"')
    ? build(schema, name)
    : { root: undefined, faults: [] };
  compiled.set(schema, rules);
  return rules;
}

const NO_TYPE = 'rule declared on a schema that has no type, or holds one without';

/** A rule as Go prints it. */
const goRule = (rule: Json): string =>
  JSON.stringify({
    Rule: rule.rule ?? '',
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  });

function build(whole: Json, name: string): Rules {
  const faults: FieldError[] = [];
  const environment = celEnvironment();
  const types = declareTypes(environment, name.replace(/\W/g, '_'), whole, { root: true });

  function ruleOf(rule: Json, type: CelType, path: string, correlatable: boolean): Rule | undefined {
    const bad = (field: string, why: string) =>
      faults.push({ type: 'Invalid', field: `${path}.${field}`, message: `Invalid value: ${goRule(rule)}: ${why}` });
    const scope = environment
      .clone()
      .registerVariable('self', type.name)
      .registerVariable('oldSelf', rule.optionalOldSelf ? `optional<${type.name}>` : type.name);
    let program: Program;
    try {
      program = compile(scope, rule.rule);
      if (program.type !== 'bool') throw new CelError('cel expression must evaluate to a bool');
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      bad('rule', error.message.startsWith('ERROR') ? `compilation failed: ${error.message}` : error.message);
      return undefined;
    }
    const transition = program.uses('oldSelf');
    if (transition && !correlatable)
      faults.push({
        type: 'Invalid',
        field: `${path}.rule`,
        message: `Invalid value: ${JSON.stringify(rule.rule)}: oldSelf cannot be used on the uncorrelatable portion of the schema within ${path.replace(/\.x-kubernetes-validations.*/, '')}`,
      });
    let message: Program | undefined;
    if (rule.messageExpression) {
      try {
        message = compile(scope, rule.messageExpression);
        if (message.type !== 'string') throw new CelError('messageExpression must evaluate to a string');
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        bad(
          'messageExpression',
          error.message.startsWith('ERROR') ? `messageExpression compilation failed: ${error.message}` : error.message,
        );
      }
    }
    return { text: rule, program, message, transition };
  }

  function nodeOf(schema: Json, path: string, correlatable: boolean): RuleNode | undefined {
    if (!isMap(schema)) return undefined;
    const type = types.get(schema);
    const own: Json[] = schema['x-kubernetes-validations'] ?? [];
    const rules = own.flatMap((rule, i) => {
      const at = `${path}.x-kubernetes-validations[${i}]`;
      const wrong = ruleTextFaults(at, rule, schema);
      faults.push(...wrong);
      // What an expression means is asked when all around it is right.
      if (wrong.length) return [];
      if (type) return ruleOf(rule, type, at, correlatable) ?? [];
      faults.push({ type: 'Invalid', field: `${at}.rule`, message: `Invalid value: ${goRule(rule)}: ${NO_TYPE}` });
      return [];
    });
    const within = correlatable && schema['x-kubernetes-map-type'] !== 'atomic';
    const properties = new Map<string, RuleNode>();
    for (const [key, inner] of Object.entries<Json>(schema.properties ?? {})) {
      const node = nodeOf(inner, `${path}.properties[${key}]`, within);
      if (node) properties.set(key, node);
    }
    const items =
      nodeOf(schema.items, `${path}.items`, correlatable && schema['x-kubernetes-list-type'] === 'map') ??
      nodeOf(schema.additionalProperties, `${path}.additionalProperties`, within);
    return type && (rules.length || properties.size || items) ? { schema, type, rules, properties, items } : undefined;
  }
  return { root: nodeOf(whole, '', true), faults };
}
