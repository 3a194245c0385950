/** A policy made ready: its expressions compiled once, its variables computed when they are first asked for. */
import type { Environment } from '@marcbachmann/cel-js';
import { compile, type Program } from '../../cel/compile.ts';
import { CelError } from '../../cel/error.ts';
import { type FieldError, notSupported, required } from '../../errors.ts';
import { isMap, type Json, type Obj } from '../../json.ts';
import { policyEnvironment } from './variables.ts';

/** The values of one request, and those of the policy's own variables as far as they have been asked for. */
export interface Scope {
  values: Record<string, unknown>;
  computed: Map<string, unknown>;
}

/** Throws CelError. */
export type Expression = (scope: Scope) => unknown;

export interface Validation {
  text: Json;
  holds: Expression;
  message: Expression | undefined;
}

export interface Policy {
  conditions: { name: string; text: string; holds: Expression }[];
  validations: Validation[];
  faults: FieldError[];
}

/** What `variables` is to an expression: a map that computes what is asked of it. */
class Lazy extends Map<string, unknown> {
  readonly #compute: (name: string) => unknown;
  constructor(compute: (name: string) => unknown) {
    super();
    this.#compute = compute;
  }
  override get(name: string): unknown {
    return this.#compute(name);
  }
}

interface Compiled {
  run: Expression;
  type: string;
}

const compiled = new WeakMap<Obj, Policy>();

/** The compiled form of a stored policy. */
export function policyOf(policy: Obj): Policy {
  let known = compiled.get(policy);
  if (!known) {
    known = build(policy.spec ?? {});
    compiled.set(policy, known);
  }
  return known;
}

export const policyFaults = (policy: Obj): FieldError[] => build(policy.spec ?? {}).faults;

const BOOL = ['bool'];
const TEXT = ['string'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];

function build(spec: Json): Policy {
  const faults: FieldError[] = [];
  const environment = policyEnvironment(isMap(spec.paramKind));
  /** Types of the variables so far: one may name those above it. */
  const types: Record<string, string> = {};
  const variables = new Map<string, Expression>();
  let steps = 0;

  /** An expression in the scope of the variables that are known now. */
  function expression(text: Json, field: string, allowed?: string[], scoped = true): Compiled | undefined {
    if (typeof text !== 'string' || text.trim() === '') {
      faults.push(required(field, `${field.split('.').at(-1)} is not specified`));
      return undefined;
    }
    class Variables extends Lazy {}
    const scope: Environment = environment.clone();
    if (scoped) {
      const name = `kubernetes.variables${steps++}`;
      scope.registerType(name, { ctor: Variables, fields: { ...types } }).registerVariable('variables', name);
    }
    let program: Program;
    try {
      program = compile(scope, text);
      if (allowed && !allowed.includes(program.type) && program.type !== 'dyn')
        throw new CelError(`must evaluate to ${allowed[0]} but got ${program.type}`);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      const why = error.message.startsWith('ERROR') ? `compilation failed: ${error.message}` : error.message;
      faults.push({ type: 'Invalid', field, message: `Invalid value: ${JSON.stringify(text)}: ${why}` });
      return undefined;
    }
    const run: Expression = (request) =>
      program.evaluate({
        ...request.values,
        ...(scoped && { variables: new Variables((name) => variable(request, name)) }),
      });
    return { run, type: program.type };
  }

  /** Computes a variable once a request. */
  function variable(scope: Scope, name: string): unknown {
    if (scope.computed.has(name)) return scope.computed.get(name);
    let value: unknown;
    try {
      value = variables.get(name)!(scope);
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`);
    }
    scope.computed.set(name, value);
    return value;
  }

  const conditions = (spec.matchConditions ?? []).flatMap(({ name, expression: text }: Json, i: number) => {
    if (!name) faults.push(required(`spec.matchConditions[${i}].name`));
    const holds = expression(text, `spec.matchConditions[${i}].expression`, BOOL, false);
    return holds ? [{ name, text, holds: holds.run }] : [];
  });
  for (const [i, { name, expression: text }] of (spec.variables ?? []).entries()) {
    const found = expression(text, `spec.variables[${i}].expression`);
    if (!name) faults.push(required(`spec.variables[${i}].name`, 'name is not specified'));
    if (!found || !name) continue;
    types[name] = found.type;
    variables.set(name, found.run);
  }
  const validations = (spec.validations ?? []).flatMap((text: Json, i: number) => {
    const field = `spec.validations[${i}]`;
    const holds = expression(text.expression, `${field}.expression`, BOOL);
    const message = text.messageExpression
      ? expression(text.messageExpression, `${field}.messageExpression`, TEXT)
      : undefined;
    if (text.reason && !REASONS.includes(text.reason))
      faults.push(notSupported(`${field}.reason`, text.reason, REASONS));
    return holds ? [{ text, holds: holds.run, message: message?.run }] : [];
  });
  // There is no audit log to write them to; they must still be right.
  for (const [i, { key, valueExpression }] of (spec.auditAnnotations ?? []).entries()) {
    if (!key) faults.push(required(`spec.auditAnnotations[${i}].key`));
    expression(valueExpression, `spec.auditAnnotations[${i}].valueExpression`, ['string', 'null']);
  }
  return { conditions, validations, faults };
}
