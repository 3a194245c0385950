/** The part of the States Language that the local Step Functions runs; a definition outside it is refused when the template is read. */
import * as z from 'zod';
import { type Json, parsePath } from './path.ts';

const problemOf = (text: string): string | undefined => {
  try {
    parsePath(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};
const path = z.string().superRefine((text, ctx) => {
  const problem = problemOf(text);
  if (problem) ctx.addIssue({ code: 'custom', message: problem });
});
const inputPath = path.nullable().optional();
const referencePath = path
  .refine((text) => !text.startsWith('$$'), 'a result goes into the input, not the context object')
  .nullable()
  .optional();

/** Every `.$` key of a payload template must hold a path (intrinsic functions are not supported). */
const template = z.json().superRefine((value, ctx) => {
  const walk = (node: Json): void => {
    if (node === null || typeof node !== 'object') return;
    for (const [key, item] of Object.entries(node)) {
      if (!key.endsWith('.$')) walk(item);
      else if (typeof item !== 'string') ctx.addIssue({ code: 'custom', message: `"${key}" must hold a path` });
      else if (/^States\.\w+\(/.test(item))
        ctx.addIssue({
          code: 'custom',
          message: `"${key}": the intrinsic function ${item} is not supported here; use a path`,
        });
      else {
        const problem = problemOf(item);
        if (problem) ctx.addIssue({ code: 'custom', message: `"${key}": ${problem}` });
      }
    }
  };
  walk(value as Json);
});

const retrier = z.strictObject({
  ErrorEquals: z.array(z.string()).min(1),
  IntervalSeconds: z.int().min(1).default(1),
  MaxAttempts: z.int().min(0).default(3),
  BackoffRate: z.number().min(1).default(2),
  MaxDelaySeconds: z.int().min(1).optional(),
  JitterStrategy: z.enum(['NONE', 'FULL']).default('NONE'),
  Comment: z.string().optional(),
});
/** One entry of a state's Retry. */
export type Retrier = z.infer<typeof retrier>;

const catcher = z.strictObject({
  ErrorEquals: z.array(z.string()).min(1),
  Next: z.string(),
  ResultPath: referencePath,
  Comment: z.string().optional(),
});

const COMPARISON =
  /^(String(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)|Numeric(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)|Timestamp(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)|BooleanEquals)(Path)?$|^StringMatches$|^Is(Null|Present|Numeric|String|Boolean|Timestamp)$/;

/** A rule of a Choice: one comparison of a variable, or And, Or, Not of rules. */
export type Rule =
  | { readonly And: readonly Rule[] }
  | { readonly Or: readonly Rule[] }
  | { readonly Not: Rule }
  | ({ readonly Variable: string } & { readonly [comparison: string]: Json });

const rule: z.ZodType<Rule> = z.lazy(() =>
  z.union([
    z.looseObject({ And: z.array(rule).min(1) }),
    z.looseObject({ Or: z.array(rule).min(1) }),
    z.looseObject({ Not: rule }),
    z
      .looseObject({ Variable: path })
      .refine((value) => Object.keys(value).filter((key) => COMPARISON.test(key)).length === 1, {
        message: 'a rule needs a Variable and exactly one comparison of the States Language',
      }),
  ]),
) as z.ZodType<Rule>;

const common = { Comment: z.string().optional(), InputPath: inputPath, OutputPath: inputPath };
const onward = { Next: z.string().optional(), End: z.literal(true).optional() };
const seconds = z.int().min(0).max(99_999_999);

const state = z.discriminatedUnion('Type', [
  z.strictObject({
    Type: z.literal('Task'),
    ...common,
    ...onward,
    Resource: z
      .string()
      .regex(/^arn:aws:lambda:[^:]*:[^:]*:function:|^arn:aws:states:::lambda:invoke(\.waitForTaskToken)?$/, {
        message:
          'a Task here calls a Lambda function: its ARN, or arn:aws:states:::lambda:invoke with or without .waitForTaskToken',
      }),
    Parameters: template.optional(),
    ResultSelector: template.optional(),
    ResultPath: referencePath,
    Retry: z.array(retrier).default([]),
    Catch: z.array(catcher).default([]),
    TimeoutSeconds: seconds.min(1).default(99_999_999),
    TimeoutSecondsPath: path.optional(),
    HeartbeatSeconds: seconds.min(1).optional(),
  }),
  z.strictObject({
    Type: z.literal('Pass'),
    ...common,
    ...onward,
    Result: z.json().optional(),
    Parameters: template.optional(),
    ResultPath: referencePath,
  }),
  z
    .strictObject({
      Type: z.literal('Wait'),
      ...common,
      ...onward,
      Seconds: seconds.optional(),
      SecondsPath: path.optional(),
      Timestamp: z.iso.datetime({ offset: true }).optional(),
      TimestampPath: path.optional(),
    })
    .refine(
      (it) =>
        [it.Seconds, it.SecondsPath, it.Timestamp, it.TimestampPath].filter((value) => value !== undefined).length ===
        1,
      {
        message: 'a Wait needs exactly one of Seconds, SecondsPath, Timestamp, TimestampPath',
      },
    ),
  z.strictObject({
    Type: z.literal('Choice'),
    ...common,
    Choices: z.array(z.intersection(z.looseObject({ Next: z.string() }), rule)).min(1),
    Default: z.string().optional(),
  }),
  z.strictObject({ Type: z.literal('Succeed'), ...common }),
  z.strictObject({
    Type: z.literal('Fail'),
    Comment: z.string().optional(),
    Error: z.string().optional(),
    Cause: z.string().optional(),
    ErrorPath: path.optional(),
    CausePath: path.optional(),
  }),
]);
/** One state, defaults filled in. */
export type State = z.infer<typeof state>;
/** A state that calls a function. */
export type TaskState = Extract<State, { Type: 'Task' }>;

const definition = z.strictObject({
  Comment: z.string().optional(),
  Version: z.literal('1.0').optional(),
  QueryLanguage: z.literal('JSONPath').optional(),
  StartAt: z.string(),
  TimeoutSeconds: seconds.min(1).optional(),
  States: z.record(z.string().max(80), state),
});
/** A checked state machine. */
export type Definition = z.infer<typeof definition>;

/** The names that a state may go to next. */
const successors = (it: State): string[] => [
  ...('Next' in it && it.Next !== undefined ? [it.Next] : []),
  ...('Catch' in it ? it.Catch.map((one) => one.Next) : []),
  ...(it.Type === 'Choice' ? it.Choices.map((one) => one.Next) : []),
  ...(it.Type === 'Choice' && it.Default !== undefined ? [it.Default] : []),
];

/** Reads a definition; throws an Error that names each state and field that does not fit. */
export function parseDefinition(text: string): Definition {
  const read = definition.safeParse(JSON.parse(text));
  if (!read.success) throw new Error(`state machine definition: ${z.prettifyError(read.error)}`);
  const problems: string[] = [];
  const known = new Set(Object.keys(read.data.States));
  if (!known.has(read.data.StartAt)) problems.push(`StartAt names "${read.data.StartAt}", which is no state`);
  for (const [name, it] of Object.entries(read.data.States)) {
    if (
      (it.Type === 'Task' || it.Type === 'Pass' || it.Type === 'Wait') &&
      (it.End === true) === (it.Next !== undefined)
    )
      problems.push(`${name} needs Next or End, one of them`);
    for (const next of successors(it))
      if (!known.has(next)) problems.push(`${name} goes to "${next}", which is no state`);
  }
  if (problems.length > 0) throw new Error(`state machine definition: ${problems.join('; ')}`);
  return read.data;
}
