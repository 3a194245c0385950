/** A right of a role: what it may do and, where a wildcard stands in it, why nothing narrower can be written. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { accept } from './nag.ts';

export interface Grant {
  readonly sid: string;
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** Why a resource has a `*`; asked for when one has. */
  readonly wildcard?: string;
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Part of a resolved ARN as cdk-nag prints it: references in angle brackets. */
const printed = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const [[name, argument] = ['', '']] = Object.entries(value as Record<string, unknown>);
  if (name === 'Ref') return `<${argument}>`;
  if (name === 'Fn::GetAtt') return `<${(argument as string[]).join('.')}>`;
  if (name === 'Fn::Join') return (argument as [string, unknown[]])[1].map(printed).join('');
  throw new Error(`${name} in the ARN of a resource is not printed here; use Ref, Fn::GetAtt or Fn::Join`);
};

/** Gives rights to a role, and accepts cdk-nag's finding about each wildcard for the reason that the grant has. */
export const give = (role: Role, grants: readonly Grant[]): void => {
  for (const { sid, actions, resources, wildcard, conditions } of grants) {
    role.addToPolicy(
      new PolicyStatement({
        sid,
        actions: [...actions],
        resources: [...resources],
        ...(conditions === undefined ? {} : { conditions }),
      }),
    );
    const wild = resources.map((each) => printed(Stack.of(role).resolve(each))).filter((each) => each.includes('*'));
    if (wild.length === 0) continue;
    if (wildcard === undefined)
      throw new Error(`the grant ${sid} has the wildcard ${wild[0]} and gives no reason for it`);
    accept(role, Object.fromEntries(wild.map((each) => [`AwsSolutions-IAM5[Resource::${each}]`, wildcard])));
  }
};
