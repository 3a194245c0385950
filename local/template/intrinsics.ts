/** CloudFormation's intrinsic functions: turns a value of the template into the value that AWS would deploy. */

/** What a value may refer to. Each function throws, naming what is missing. */
export interface Scope {
  /** `Ref`: a parameter, a pseudo parameter or a resource. */
  ref(name: string): unknown;
  /** `Fn::GetAtt`. */
  attribute(logicalId: string, name: string): unknown;
  condition(name: string): boolean;
  mapping(map: string, top: string, second: string): unknown;
}

/** The value of `AWS::NoValue`: the property or element that has it is left out. */
export const NO_VALUE: unique symbol = Symbol('AWS::NoValue');

const shown = (value: unknown): string => JSON.stringify(value);

/** `${Name}`, `${Name.Attribute}` and `${!Literal}` in a Fn::Sub string. */
export const SUB_VARIABLE = /\$\{(!?)([^}]+)\}/g;

function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`${where} needs text, given ${shown(value)}`);
}

function list(value: unknown, where: string, length?: number): readonly unknown[] {
  if (Array.isArray(value) && (length === undefined || value.length === length)) return value;
  throw new Error(`${where} needs a list${length === undefined ? '' : ` of ${length}`}, given ${shown(value)}`);
}

/** Splits `Id.Attr.Nested` at the first dot. */
export function attributePath(argument: unknown): readonly [string, string] {
  if (typeof argument !== 'string') return list(argument, 'Fn::GetAtt', 2) as [string, string];
  const dot = argument.indexOf('.');
  if (dot < 0) throw new Error(`Fn::GetAtt needs "LogicalId.Attribute", given ${shown(argument)}`);
  return [argument.slice(0, dot), argument.slice(dot + 1)];
}

function substitute(argument: unknown, scope: Scope): string {
  const [template, map] =
    typeof argument === 'string' ? [argument, {}] : (list(argument, 'Fn::Sub', 2) as [string, Record<string, unknown>]);
  return text(template, 'Fn::Sub').replace(SUB_VARIABLE, (_, literal: string, name: string) => {
    if (literal) return `\${${name}}`;
    if (Object.hasOwn(map, name)) return text(resolve(map[name], scope), `Fn::Sub \${${name}}`);
    const value = name.includes('.') ? scope.attribute(...attributePath(name)) : scope.ref(name);
    return text(value, `Fn::Sub \${${name}}`);
  });
}

const condition = (value: unknown, scope: Scope): boolean => {
  const found = resolve(value, scope);
  if (typeof found !== 'boolean') throw new Error(`a condition is needed, given ${shown(value)}`);
  return found;
};

type Intrinsic = (argument: unknown, scope: Scope) => unknown;

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (it, scope) => (it === 'AWS::NoValue' ? NO_VALUE : scope.ref(text(it, 'Ref'))),
  Condition: (it, scope) => scope.condition(text(it, 'Condition')),
  'Fn::GetAtt'(it, scope) {
    const [id, name] = attributePath(it);
    return scope.attribute(id, text(resolve(name, scope), 'Fn::GetAtt'));
  },
  'Fn::Sub': substitute,
  'Fn::Join'(it, scope) {
    const [separator, parts] = list(it, 'Fn::Join', 2);
    return list(resolve(parts, scope), 'Fn::Join')
      .map((part) => text(part, 'Fn::Join'))
      .join(text(separator, 'Fn::Join'));
  },
  'Fn::Split'(it, scope) {
    const [separator, whole] = list(it, 'Fn::Split', 2);
    return text(resolve(whole, scope), 'Fn::Split').split(text(separator, 'Fn::Split'));
  },
  'Fn::Select'(it, scope) {
    const [index, of] = list(it, 'Fn::Select', 2);
    const all = list(resolve(of, scope), 'Fn::Select');
    const at = Number(resolve(index, scope));
    if (!(at in all)) throw new Error(`Fn::Select: no element ${at} in a list of ${all.length}`);
    return all[at];
  },
  'Fn::If'(it, scope) {
    const [name, yes, no] = list(it, 'Fn::If', 3);
    return resolve(scope.condition(text(name, 'Fn::If')) ? yes : no, scope);
  },
  'Fn::Equals'(it, scope) {
    const [left, right] = list(resolve(it, scope), 'Fn::Equals', 2);
    return shown(left) === shown(right);
  },
  'Fn::And': (it, scope) => list(it, 'Fn::And').every((one) => condition(one, scope)),
  'Fn::Or': (it, scope) => list(it, 'Fn::Or').some((one) => condition(one, scope)),
  'Fn::Not': (it, scope) => !condition(list(it, 'Fn::Not', 1)[0], scope),
  'Fn::FindInMap'(it, scope) {
    const [map, top, second] = list(resolve(it, scope), 'Fn::FindInMap', 3).map((one) => text(one, 'Fn::FindInMap'));
    return scope.mapping(map!, top!, second!);
  },
  'Fn::GetAZs'(it, scope) {
    const region = text(resolve(it, scope), 'Fn::GetAZs') || scope.ref('AWS::Region');
    return ['a', 'b', 'c'].map((zone) => `${region}${zone}`);
  },
  'Fn::Base64': (it, scope) => Buffer.from(text(resolve(it, scope), 'Fn::Base64')).toString('base64'),
  'Fn::ImportValue'() {
    throw new Error('Fn::ImportValue is refused: one stack is run here, there is no other to import from');
  },
};

/** The value that `value` stands for; throws for a function that is not known here. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, scope)).filter((one) => one !== NO_VALUE);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value);
  const [only] = entries;
  if (only && entries.length === 1) {
    const [name, argument] = only;
    const intrinsic = Object.hasOwn(intrinsics, name) ? intrinsics[name] : undefined;
    // `Condition` is also an ordinary property (of a policy statement): only text names a condition.
    if (intrinsic && !(name === 'Condition' && typeof argument !== 'string')) return intrinsic(argument, scope);
    if (name.startsWith('Fn::')) throw new Error(`${name} is not known here`);
  }
  return Object.fromEntries(
    entries.map(([key, one]) => [key, resolve(one, scope)]).filter(([, one]) => one !== NO_VALUE),
  );
}
