// @ts-expect-error the package brings no types
import validate from 'asl-validator';
import { describe, expect, it } from 'vitest';
import { timings } from '#core/contract/timings.ts';
import { environments } from '#functions/lib/env.ts';
import { definitionText, MACHINES, type Machine, templateOf } from './machine.ts';

// biome-ignore lint/suspicious/noExplicitAny: a definition as it is written, before anything knows its shape
type Raw = any;
const raw = (machine: Machine): Raw => JSON.parse(definitionText(machine));
const statesOf = (machine: Machine, type: string): [string, Raw][] =>
  Object.entries<Raw>(raw(machine).States).filter(([, state]) => state.Type === type);

const DEADLINES: Readonly<Record<Machine, { readonly seconds: number }>> = {
  'cluster-create': timings.CreateDeadline,
  'cluster-delete': timings.DeleteDeadline,
  'workspace-start': timings.WorkspaceStartDeadline,
  'workspace-stop': timings.WorkspaceStopDeadline,
  'workspace-delete': timings.WorkspaceDeleteDeadline,
};

describe.each(MACHINES)('%s', (machine) => {
  it('is valid to Amazon’s own schema', () => {
    const { isValid, errors } = validate(raw(machine));
    expect(errors).toEqual([]);
    expect(isValid).toBe(true);
  });

  it('names only functions that exist and timings that are declared', () => {
    const pascal = (text: string) =>
      text.replaceAll(/(^|[/-])([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
    const known = [
      ...Object.keys(environments).map((name) => pascal(name.replace(/^tasks\//, ''))),
      ...Object.keys(timings).map((name) => `${name}Seconds`),
    ];
    const used = [...templateOf(machine).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
    expect(used.filter((name) => !known.includes(name as string))).toEqual([]);
  });

  it('tries every task again with back-off, longest delay and jitter, and never what is permanent', () => {
    for (const [name, { Retry }] of statesOf(machine, 'Task')) {
      const [final, ...others] = Retry;
      expect(final, name).toMatchObject({ MaxAttempts: 0 });
      expect(final.ErrorEquals, name).toContain('Permanent');
      expect(
        others.flatMap((each: Raw) => each.ErrorEquals),
        name,
      ).toEqual(
        expect.arrayContaining([
          'Retryable',
          'Lambda.TooManyRequestsException',
          'Lambda.ServiceException',
          'States.ALL',
        ]),
      );
      for (const each of others) {
        expect(each, name).toMatchObject({
          BackoffRate: 2,
          JitterStrategy: 'FULL',
          MaxDelaySeconds: expect.any(Number),
        });
        expect(each.MaxAttempts, name).toBeGreaterThanOrEqual(3);
      }
    }
  });

  it('tries what may pass for at least two minutes, as long as an access entry may take', () => {
    for (const [name, { Retry }] of statesOf(machine, 'Task')) {
      const { IntervalSeconds, BackoffRate, MaxDelaySeconds, MaxAttempts } = Retry.find((each: Raw) =>
        each.ErrorEquals.includes('Retryable'),
      );
      const delays = Array.from({ length: MaxAttempts }, (_, n) =>
        Math.min(IntervalSeconds * BackoffRate ** n, MaxDelaySeconds),
      );
      // Full jitter takes half of each on average.
      expect(delays.reduce((sum, each) => sum + each, 0) / 2, name).toBeGreaterThanOrEqual(120);
    }
  });

  it('gives no task that waits for an answer a second full wait', () => {
    for (const [name, { Resource, Retry }] of statesOf(machine, 'Task')) {
      if (!Resource.endsWith('.waitForTaskToken')) continue;
      expect(Retry[0].ErrorEquals, name).toContain('States.Timeout');
      expect(Retry[0].MaxAttempts, name).toBe(0);
    }
  });

  it('catches everything: what a task throws is recorded', () => {
    for (const [name, { Catch }] of statesOf(machine, 'Task')) {
      const last = Catch.at(-1);
      expect(last.ErrorEquals, name).toEqual(['States.ALL']);
      expect(last.Next, name).toBe(name === 'RecordFailure' ? 'Failed' : 'RecordFailure');
      if (name !== 'RecordFailure') expect(last.ResultPath, name).toBe('$.error');
    }
  });

  it('gives each task a time limit and itself one below its operation’s deadline', () => {
    // The hello's limit comes from the provider: a person may have to act.
    for (const [name, { TimeoutSeconds, TimeoutSecondsPath }] of statesOf(machine, 'Task'))
      expect(TimeoutSeconds > 0 || TimeoutSecondsPath === '$.installed.helloSeconds', name).toBe(true);
    expect(raw(machine).TimeoutSeconds).toBeLessThan(DEADLINES[machine].seconds);
    const waits = statesOf(machine, 'Task').map(([, { TimeoutSeconds = 0 }]) => TimeoutSeconds);
    expect(raw(machine).TimeoutSeconds).toBeGreaterThan(Math.max(...waits));
  });

  it('hands tasks the operation’s id and, where they need it, small facts of other tasks: nothing else', () => {
    for (const [name, { Resource, Parameters }] of statesOf(machine, 'Task')) {
      const given = Resource.endsWith('.waitForTaskToken') ? Parameters.Payload : Parameters;
      expect(given, name).toMatchObject({ 'operationId.$': '$.operationId' });
      expect(
        Object.values<string>(given).every((path) => path.startsWith('$')),
        name,
      ).toBe(true);
    }
  });

  it('has no loop without a wait', () => {
    const { States } = raw(machine);
    const next = (name: string): string[] => {
      const state = States[name];
      if (state.Type === 'Wait') return [];
      return [state.Next, state.Default, ...(state.Choices ?? []).map((each: Raw) => each.Next)].filter(Boolean);
    };
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      next(from).some((each) => each === to || (!seen.has(each) && reaches(each, to, seen.add(each))));
    const busy = Object.keys(States).filter((name) => reaches(name, name));
    expect(busy).toEqual([]);
  });
});
