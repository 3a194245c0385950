/** The Condition element: which operators and keys are evaluated here, and how. */
import { matches, matchesArn } from './wildcard.ts';

/** Operator → key → value or values. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What is known of a request, keys in any case; a missing key is absent. */
export type Context = Readonly<Record<string, string | readonly string[]>>;

/** The keys that every request here carries; an API may declare more. `*` at the end stands for any name. */
export const GLOBAL_KEYS: readonly string[] = [
  'aws:PrincipalArn',
  'aws:PrincipalAccount',
  'aws:PrincipalIsAWSService',
  'aws:PrincipalServiceName',
  'aws:RequestedRegion',
  'aws:SecureTransport',
  'aws:SourceAccount',
  'aws:SourceArn',
  // Of IAM's own dependent actions (PassRole, CreateServiceLinkedRole): given by the API that asks for one.
  'iam:AWSServiceName',
  'iam:PassedToService',
];

type Compare = (wanted: string, given: string) => boolean;

const lower = (it: string): string => it.toLowerCase();
const number =
  (compare: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) =>
    compare(Number(given), Number(wanted));
const date =
  (compare: (given: number, wanted: number) => boolean): Compare =>
  (wanted, given) =>
    compare(Date.parse(given), Date.parse(wanted));

const positive: Readonly<Record<string, Compare>> = {
  StringEquals: (wanted, given) => wanted === given,
  StringEqualsIgnoreCase: (wanted, given) => lower(wanted) === lower(given),
  StringLike: matches,
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
  Bool: (wanted, given) => lower(wanted) === lower(given),
  NumericEquals: number((given, wanted) => given === wanted),
  NumericLessThan: number((given, wanted) => given < wanted),
  NumericLessThanEquals: number((given, wanted) => given <= wanted),
  NumericGreaterThan: number((given, wanted) => given > wanted),
  NumericGreaterThanEquals: number((given, wanted) => given >= wanted),
  DateLessThan: date((given, wanted) => given < wanted),
  DateGreaterThan: date((given, wanted) => given > wanted),
};

/** Their opposites: true when none of the wanted values fits. */
const negative: Readonly<Record<string, Compare>> = {
  StringNotEquals: positive.StringEquals!,
  StringNotEqualsIgnoreCase: positive.StringEqualsIgnoreCase!,
  StringNotLike: matches,
  ArnNotEquals: matchesArn,
  ArnNotLike: matchesArn,
  NumericNotEquals: positive.NumericEquals!,
};

interface Operator {
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined;
  readonly name: string;
  readonly ifExists: boolean;
}

function parseOperator(text: string): Operator | undefined {
  const [, set, base, ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(text) ?? [];
  if (!base || !(base === 'Null' || Object.hasOwn(positive, base) || Object.hasOwn(negative, base))) return undefined;
  return { set: set as Operator['set'], name: base, ifExists: ifExists !== undefined };
}

const known = (key: string, keys: readonly string[]): boolean => keys.some((one) => matches(lower(one), lower(key)));

/** Throws for an operator or key that is not evaluated here: to ignore one would allow what AWS refuses. */
export function assertConditions(conditions: Conditions, where: string, extraKeys: readonly string[]): void {
  const keys = [...GLOBAL_KEYS, ...extraKeys];
  for (const [operator, tests] of Object.entries(conditions)) {
    if (!parseOperator(operator)) throw new Error(`${where}: condition operator ${operator} is not evaluated here`);
    for (const key of Object.keys(tests))
      if (!known(key, keys))
        throw new Error(
          `${where}: condition key ${key} is not evaluated here; known are ${keys.join(', ')}. ` +
            'An AwsApi declares the keys that its checks give in `conditionKeys`',
        );
  }
}

/** Whether all tests of a Condition element hold. */
export function holds(conditions: Conditions, context: Context): boolean {
  if (Object.keys(conditions).length === 0) return true;
  const given = new Map(Object.entries(context).map(([key, value]) => [lower(key), [value].flat() as string[]]));
  return Object.entries(conditions).every(([text, tests]) => {
    const { set, name, ifExists } = parseOperator(text)!;
    return Object.entries(tests).every(([key, value]) => {
      const wanted = [value].flat().map(String);
      const values = given.get(lower(key));
      if (name === 'Null') return wanted.includes(String(values === undefined));
      const not = Object.hasOwn(negative, name);
      // A missing key: fits an IfExists, a negated operator and ForAllValues; fits no other.
      if (values === undefined || values.length === 0) return ifExists || not || set === 'ForAllValues';
      const compare = not ? negative[name]! : positive[name]!;
      const one = (it: string): boolean => wanted.some((want) => compare(want, it)) !== not;
      return set === 'ForAllValues' ? values.every(one) : values.some(one);
    });
  });
}
