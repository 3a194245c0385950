/** Step Functions as far as effects and sweeper see it: executions by name, task tokens, and a record of what was asked. */
import type { OperationKind } from '#core/contract/operation.ts';

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT';

export const createExecutions = () => {
  const byName = new Map<string, Status>();
  const started: string[] = [];
  const signalled: string[] = [];
  const tokens = new Set<string>();
  return {
    started,
    signalled,
    /** Task tokens that may still be answered. */
    tokens,
    end: (name: string, status: Status) => byName.set(name, status),
    running: () => [...byName].filter(([, status]) => status === 'RUNNING').map(([name]) => name),
    start: async (_: OperationKind, id: string): Promise<void> => {
      if (byName.has(id)) return;
      byName.set(id, 'RUNNING');
      started.push(id);
    },
    describe: async (_: OperationKind, id: string): Promise<{ status: string } | null> => {
      const status = byName.get(id);
      return status === undefined ? null : { status };
    },
    stop: async (_: OperationKind, id: string): Promise<void> => {
      if (byName.get(id) === 'RUNNING') byName.set(id, 'ABORTED');
    },
    failToken: async (taskToken: string): Promise<boolean> => {
      if (!tokens.delete(taskToken)) return false;
      signalled.push(`${taskToken} failed`);
      return true;
    },
    succeed: async (taskToken: string): Promise<boolean> => {
      if (!tokens.delete(taskToken)) return false;
      signalled.push(taskToken);
      return true;
    },
  };
};
