import { describe, expect, it } from 'vitest';
import type { Json } from '#local/states/path.ts';
import { createTaskTokens } from '#local/states/tokens.ts';
import { MACHINES, type Machine, type Outcome, run, type TaskFunction, thrown } from './machine.ts';

const OPERATION = 'opn_01k00000000000000000000000';
const SEATS = MACHINES.filter((name) => name.startsWith('workspace-'));

/** What the agent's word does to the wait. */
type Word = 'done' | 'failed' | 'none';

const play = (
  machine: Machine,
  word: Word,
  functions: Readonly<Record<string, TaskFunction>> = {},
): Promise<Outcome> => {
  const tokens = createTaskTokens();
  const wait: TaskFunction = (payload) => {
    const { taskToken } = payload as { taskToken: string };
    if (word === 'done') tokens.succeed(taskToken, {});
    if (word === 'failed') tokens.fail(taskToken, 'Permanent', '{}');
    return null;
  };
  const good = { SeatAwait: wait, SeatRecordSuccess: () => null, RecordFailure: (): Json => ({ superseded: false }) };
  return run({ machine, functions: { ...good, ...functions }, operationId: OPERATION, tokens });
};
const refused = () => {
  throw thrown('Permanent', 'operation.superseded: not mine');
};

describe.each(SEATS)('%s', (machine) => {
  it('ends with the agent’s word, in no more transitions than are paid for', async () => {
    const { status, visited } = await play(machine, 'done');
    expect([status, visited.length, visited.at(-1)]).toEqual(['SUCCEEDED', 2, 'RecordSuccess']);
  });

  it.each(['failed', 'none'] as const)('records the failure when the word is %s, and fails', async (word) => {
    const { status, visited } = await play(machine, word);
    expect(visited.slice(1)).toEqual(['RecordFailure', 'IsSuperseded', 'Failed']);
    // With its start: DESIGN §3 allows six.
    expect(visited.length + 1).toBeLessThanOrEqual(6);
    expect(status).toBe('FAILED');
  });

  it('ends well when a newer operation took over', async () => {
    const { status, visited } = await play(machine, 'done', {
      SeatAwait: refused,
      RecordFailure: () => ({ superseded: true }),
    });
    expect([status, visited.at(-1)]).toEqual(['SUCCEEDED', 'Superseded']);
  });

  it('fails when its success cannot be recorded, and also when its failure cannot: the sweeper finds it', async () => {
    const crash = () => {
      throw new Error('no table');
    };
    expect((await play(machine, 'done', { SeatRecordSuccess: crash })).visited.slice(1, 3)).toEqual([
      'RecordSuccess',
      'RecordFailure',
    ]);
    const { status, visited } = await play(machine, 'none', { RecordFailure: crash });
    expect([status, visited.at(-1)]).toEqual(['FAILED', 'Failed']);
  });
});
