import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { timings } from '#core/contract/timings.ts';
import { placeholdersOf } from '#infra/constructs/workflow.ts';
import { constructIdOf, functionNames } from '#infra/functions.ts';
import { timingParameter } from '#infra/parameters.ts';
import { ofType, type Resource, STATE_MACHINES, type Statement, synthesize } from './synthesized.ts';

const { template } = synthesize();

/** The package brings no types. */
const validate: (definition: unknown) => { isValid: boolean; errors: unknown[] } = createRequire(import.meta.url)(
  'asl-validator',
);

const files = readdirSync(STATE_MACHINES).filter((file) => file.endsWith('.asl.json'));
const machineOf = (file: string): Resource => {
  const [[, machine] = []] = ofType(template, 'AWS::StepFunctions::StateMachine').filter(([, { Properties }]) =>
    JSON.stringify(Properties.StateMachineName).includes(`-${file.replace('.asl.json', '')}"`),
  );
  return machine as Resource;
};

/** A definition as Step Functions would get it. */
const deployed = (file: string): Record<string, unknown> => {
  const seconds = new Map(
    Object.entries(timings).map(([name, each]) => [timingParameter(name as never), String(each.seconds)]),
  );
  return JSON.parse(
    machineOf(file).Properties.DefinitionString.replaceAll(
      /\$\{(\w+)\}/g,
      (_: string, name: string) => seconds.get(name) ?? `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    ),
  );
};

describe('workflows', () => {
  it('are the definitions of state-machines/, each', () => {
    expect(ofType(template, 'AWS::StepFunctions::StateMachine')).toHaveLength(files.length);
  });

  it.each(files)('%s lies in the template as it was written', (file) => {
    const { Properties } = machineOf(file);
    expect(Properties.DefinitionString).toBe(readFileSync(join(STATE_MACHINES, file), 'utf8'));
    expect(Properties.DefinitionS3Location).toBeUndefined();
  });

  it.each(files)('%s gets each of its placeholders and nothing else', (file) => {
    const { Properties } = machineOf(file);
    expect(Object.keys(Properties.DefinitionSubstitutions).toSorted()).toEqual(
      placeholdersOf(Properties.DefinitionString).toSorted(),
    );
  });

  it.each(files)('%s is valid to Amazon’s own schema', (file) => {
    const { isValid, errors } = validate(deployed(file));
    expect(errors).toEqual([]);
    expect(isValid).toBe(true);
  });

  it.each(files)('%s ends by itself, before its operation is overdue', (file) => {
    const deadline = file.startsWith('cluster-create') ? timings.CreateDeadline : timings.DeleteDeadline;
    expect(deployed(file).TimeoutSeconds).toBeLessThan(deadline.seconds);
  });

  it.each(files)('%s is a standard workflow that logs errors only, without what it was given', (file) => {
    const { Properties } = machineOf(file);
    expect(Properties.StateMachineType ?? 'STANDARD').toBe('STANDARD');
    expect(Properties.LoggingConfiguration).toMatchObject({ Level: 'ERROR', IncludeExecutionData: false });
  });

  it.each(files)('%s may invoke its own tasks and no other function', (file) => {
    const { Properties } = machineOf(file);
    const role = Properties.RoleArn['Fn::GetAtt'][0];
    const [[, policy] = []] = ofType(template, 'AWS::IAM::Policy').filter(
      ([, each]) => each.Properties.Roles[0].Ref === role,
    );
    const statements: Statement[] = policy?.Properties.PolicyDocument.Statement ?? [];
    const invoke = statements.find(({ Action }) => Action === 'lambda:InvokeFunction');
    const arns = Object.values<unknown>(Properties.DefinitionSubstitutions).filter((value) =>
      JSON.stringify(value).includes('GetAtt'),
    );
    expect([invoke?.Resource].flat()).toEqual(arns);
  });

  it('use every task', () => {
    const used = new Set(files.flatMap((file) => placeholdersOf(machineOf(file).Properties.DefinitionString)));
    const tasks = functionNames.filter((name) => name.startsWith('tasks/')).map(constructIdOf);
    expect(tasks.filter((task) => !used.has(task))).toEqual([]);
  });
});
