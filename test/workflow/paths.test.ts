import { describe, expect, it } from 'vitest';
import type { Json } from '#local/states/path.ts';
import { createTaskTokens } from '#local/states/tokens.ts';
import { type Machine as AnyMachine, definitionText, type Outcome, run, type TaskFunction, thrown } from './machine.ts';

type Machine = Extract<AnyMachine, `cluster-${string}`>;

const OPERATION = 'opn_01k00000000000000000000000';

/** Answers in turn; the last one again and again. */
const answers = (...given: readonly (Json | Error)[]): TaskFunction => {
  let calls = 0;
  return () => {
    const answer = given[Math.min(calls, given.length - 1)] as Json | Error;
    calls += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
};

/** A script: what each function answers, and whether awaited answers come. */
interface Script {
  readonly functions?: Readonly<Record<string, TaskFunction>>;
  readonly silent?: boolean;
}

const GOOD: Record<Machine, Record<string, TaskFunction>> = {
  'cluster-create': {
    ClusterCreateEnsureCluster: answers({ state: 'going' }),
    ClusterCreateObserveCluster: answers({ state: 'active' }),
    ClusterCreateGrantAccess: answers(null),
    ClusterCreateEnsureCompute: answers({ state: 'active' }),
    ClusterCreateInstallAgent: answers({
      endpoint: 'https://cluster.example',
      certificateAuthority: 'Q0E=',
      helloSeconds: 900,
    }),
    ClusterCreateRecordSuccess: answers(null),
    RecordFailure: answers({ superseded: false }),
  },
  'cluster-delete': {
    ClusterDeleteStopOlder: answers({ ended: true, drain: true }),
    ClusterDeleteDeleteCluster: answers({ state: 'going' }),
    ClusterDeleteObserveDeleted: answers({ state: 'gone' }),
    ClusterDeleteSweepLeftovers: answers({ left: 0 }),
    ClusterDeleteRecordSuccess: answers(null),
    RecordFailure: answers({ superseded: false }),
  },
};

const play = (machine: Machine, { functions = {}, silent = false }: Script = {}): Promise<Outcome> => {
  const tokens = createTaskTokens();
  const wait: TaskFunction = (payload) => {
    const { taskToken } = payload as { taskToken: string };
    if (!silent) tokens.succeed(taskToken, {});
    return null;
  };
  const waits = { ClusterCreateAwaitAgent: wait, ClusterDeleteDrain: wait };
  return run({ machine, functions: { ...GOOD[machine], ...waits, ...functions }, operationId: OPERATION, tokens });
};

const permanent = () => answers(thrown('Permanent', 'provider.refused: no'));
const TASKS: Record<Machine, readonly string[]> = {
  'cluster-create': [
    'EnsureCluster',
    'ObserveCluster',
    'GrantAccess',
    'EnsureCompute',
    'InstallAgent',
    'AwaitAgent',
    'RecordSuccess',
  ],
  'cluster-delete': ['StopOlder', 'Drain', 'DeleteCluster', 'ObserveDeleted', 'SweepLeftovers', 'RecordSuccess'],
};
const prefix = (machine: Machine) => (machine === 'cluster-create' ? 'ClusterCreate' : 'ClusterDelete');

/** Every move that a definition knows: Next, the branches of choices, catches. */
const movesOf = (machine: Machine): string[] => {
  // biome-ignore lint/suspicious/noExplicitAny: a definition as it is written
  const states = JSON.parse(definitionText(machine)).States as Record<string, any>;
  return Object.entries(states).flatMap(([name, state]) =>
    [state.Next, state.Default, ...[...(state.Choices ?? []), ...(state.Catch ?? [])].map((each) => each.Next)]
      .filter(Boolean)
      .map((next: string) => `${name} → ${next}`),
  );
};

/** Moves seen in all tests of this file. */
const seen: Record<Machine, Set<string>> = { 'cluster-create': new Set(), 'cluster-delete': new Set() };
const walk = async (machine: Machine, script?: Script): Promise<Outcome> => {
  const outcome = await play(machine, script);
  for (const move of outcome.moves) seen[machine].add(move);
  return outcome;
};

describe.each(['cluster-create', 'cluster-delete'] as const)('%s', (machine) => {
  it.each(TASKS[machine])('records the failure of %s and fails', async (step) => {
    const { status, visited } = await walk(machine, { functions: { [`${prefix(machine)}${step}`]: permanent() } });
    expect(visited.slice(-4)).toEqual([step, 'RecordFailure', 'IsSuperseded', 'Failed']);
    expect(status).toBe('FAILED');
  });

  it('ends well, without a failure, when a newer operation took over', async () => {
    const first = TASKS[machine][0] as string;
    const { status, visited } = await walk(machine, {
      functions: {
        [`${prefix(machine)}${first}`]: answers(thrown('Permanent', 'operation.superseded: not mine')),
        RecordFailure: answers({ superseded: true }),
      },
    });
    expect(visited.slice(-2)).toEqual(['IsSuperseded', 'Superseded']);
    expect(status).toBe('SUCCEEDED');
  });

  it('fails when not even the failure can be recorded: the sweeper finds it', async () => {
    const { status, visited } = await walk(machine, {
      functions: {
        [`${prefix(machine)}${TASKS[machine][0]}`]: permanent(),
        RecordFailure: answers(new Error('no table')),
      },
    });
    expect(visited.slice(-2)).toEqual(['RecordFailure', 'Failed']);
    expect(status).toBe('FAILED');
  });

  it('tries again what may pass, and a crash three times', async () => {
    const first = `${prefix(machine)}${TASKS[machine][0]}`;
    const good = { state: 'active', ended: true, drain: false };
    const busy = thrown('Retryable', 'provider.busy: slow down');
    const passes = await walk(machine, { functions: { [first]: answers(busy, busy, busy, busy, busy, good) } });
    expect(passes.status).toBe('SUCCEEDED');

    const crash = thrown('Runtime.ExitError', 'exit 1');
    expect((await walk(machine, { functions: { [first]: answers(crash, crash, crash, good) } })).status).toBe(
      'SUCCEEDED',
    );
    expect((await walk(machine, { functions: { [first]: answers(crash, crash, crash, crash, good) } })).status).toBe(
      'FAILED',
    );
  });
});

describe('cluster-create', () => {
  it('goes straight on when the cluster is there already', async () => {
    const { visited } = await walk('cluster-create', {
      functions: { ClusterCreateEnsureCluster: answers({ state: 'active' }) },
    });
    expect(visited).not.toContain('FirstWait');
    expect(visited.at(-1)).toBe('RecordSuccess');
  });

  it('looks soon whether a failed cluster is gone, and then asks for it anew', async () => {
    const { moves } = await walk('cluster-create', {
      functions: {
        ClusterCreateEnsureCluster: answers({ state: 'absent' }, { state: 'going' }),
        ClusterCreateObserveCluster: answers({ state: 'going' }, { state: 'absent' }, { state: 'active' }),
      },
    });
    expect(moves.slice(0, 3)).toEqual([
      'EnsureCluster → IsThereAlready',
      'IsThereAlready → WaitForCluster',
      'WaitForCluster → ObserveCluster',
    ]);
    expect(moves).toContain('IsThereAlready → FirstWait');
    expect(moves.at(-1)).toContain('RecordSuccess');
  });

  it('polls until the cluster is active, and asks for it anew when it is gone', async () => {
    const going = { state: 'going' };
    const { visited } = await walk('cluster-create', {
      functions: {
        ClusterCreateObserveCluster: answers(going, going, { state: 'absent' }, going, { state: 'active' }),
        ClusterCreateEnsureCompute: answers(going, { state: 'active' }),
      },
    });
    expect(visited.filter((name) => name === 'WaitForCluster')).toHaveLength(3);
    expect(visited.filter((name) => name === 'EnsureCluster')).toHaveLength(2);
    expect(visited.filter((name) => name === 'EnsureCompute')).toHaveLength(2);
    expect(visited.at(-1)).toBe('RecordSuccess');
  });

  it('hands what a kubeconfig names from the installation to the record', async () => {
    const given: Json[] = [];
    await walk('cluster-create', {
      functions: {
        ClusterCreateRecordSuccess: (payload) => {
          given.push(payload);
          return null;
        },
      },
    });
    expect(given).toEqual([
      { operationId: OPERATION, endpoint: 'https://cluster.example', certificateAuthority: 'Q0E=' },
    ]);
  });

  it('fails when the agent never comes', async () => {
    const { status, visited } = await walk('cluster-create', { silent: true });
    expect(visited.slice(-4)).toEqual(['AwaitAgent', 'RecordFailure', 'IsSuperseded', 'Failed']);
    expect(status).toBe('FAILED');
  });
});

describe('cluster-delete', () => {
  it('waits until the older execution has ended, and drains nobody when no agent is there', async () => {
    const { visited } = await walk('cluster-delete', {
      functions: {
        ClusterDeleteStopOlder: answers({ ended: false, drain: false }, { ended: true, drain: false }),
        ClusterDeleteDeleteCluster: answers({ state: 'gone' }),
      },
    });
    expect(visited).toEqual([
      'StopOlder',
      'HasOlderEnded',
      'WaitForOlder',
      'StopOlder',
      'HasOlderEnded',
      'DeleteCluster',
      'IsDeleting',
      'SweepLeftovers',
      'IsSwept',
      'RecordSuccess',
    ]);
  });

  it('goes on without an answer to the drain', async () => {
    const { status, moves } = await walk('cluster-delete', { silent: true });
    expect(moves).toContain('Drain → DeleteCluster');
    expect(status).toBe('SUCCEEDED');
  });

  it('asks again while something blocks, looks until it is gone, and sweeps until nothing is left', async () => {
    const { status, visited } = await walk('cluster-delete', {
      functions: {
        ClusterDeleteDeleteCluster: answers({ state: 'blocked' }, { state: 'going' }, { state: 'going' }),
        ClusterDeleteObserveDeleted: answers(
          { state: 'going' },
          { state: 'blocked' },
          { state: 'going' },
          { state: 'gone' },
        ),
        ClusterDeleteSweepLeftovers: answers({ left: 2 }, { left: 0 }),
      },
    });
    expect(visited.filter((name) => name === 'DeleteCluster')).toHaveLength(3);
    expect(visited.filter((name) => name === 'SweepLeftovers')).toHaveLength(2);
    expect(status).toBe('SUCCEEDED');
  });
});

// Last: the tests above together.
describe('coverage', () => {
  it.each(['cluster-create', 'cluster-delete'] as const)('every branch and catch of %s was taken', (machine) => {
    expect(movesOf(machine).filter((move) => !seen[machine].has(move))).toEqual([]);
  });
});
