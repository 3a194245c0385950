/** The store: everything that functions read and the one way they write. */
import type { Decision } from '../domain/decision.ts';
import { clustersIn } from './clusters.ts';
import { type CommitContext, commitDecision } from './commit.ts';
import { connectionsIn } from './connections.ts';
import { deploymentIn } from './deployment.ts';
import { groupsIn } from './groups.ts';
import { idempotencyIn } from './idempotency.ts';
import { peopleIn } from './people.ts';
import { secretsIn } from './secrets.ts';
import { createTable, type Step, type TableOptions } from './table.ts';
import { templatesIn } from './templates.ts';
import { tokensIn } from './tokens.ts';
import { workspacesIn } from './workspaces.ts';

export const createStore = (options: TableOptions) => {
  const table = createTable(options);
  return {
    deployment: deploymentIn(table),
    people: peopleIn(table),
    clusters: clustersIn(table),
    workspaces: workspacesIn(table),
    groups: groupsIn(table),
    templates: templatesIn(table),
    secrets: secretsIn(table),
    tokens: tokensIn(table),
    connections: connectionsIn(table),
    idempotency: idempotencyIn(table),
    /** One transaction: see commitDecision. */
    commit: (decision: Decision, context: CommitContext, also: readonly Step[] = []): Promise<void> =>
      commitDecision(table, decision, context, also),
  };
};

export type Store = ReturnType<typeof createStore>;
