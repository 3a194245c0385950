/** How things lie in the table. A change here is a migration: the snapshot makes it show in review. */
import { expect, it } from 'vitest';
import { registerAccount } from '#core/domain/account.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import type { Versioned } from '#core/domain/decision.ts';
import { newInstallToken } from '#core/domain/token.ts';
import { auditItem, fromItem, toItem } from '#core/store/items.ts';
import { due, keys, lists } from '#core/store/keys.ts';
import { LIMITS, START, spec, TIMINGS } from '#test/builders/world.ts';

const context = () => {
  let ids = 0;
  return { now: START, newId: (prefix: string) => `${prefix}_${++ids}` };
};

it('keys and partitions are as they were', () => {
  const sample = (make: (...parts: never[]) => unknown) =>
    make(...(['one', 'two', 'three'].slice(0, make.length) as never[]));
  expect({
    keys: Object.fromEntries(Object.entries(keys).map(([name, make]) => [name, sample(make)])),
    lists: Object.fromEntries(Object.entries(lists).map(([name, make]) => [name, sample(make)])),
    due: due('cluster'),
  }).toMatchSnapshot();
});

const shape = (entity: Versioned) => {
  const item = toItem(entity as never) as Record<string, unknown>;
  return Object.fromEntries(
    ['pk', 'sk', 'schema', 'gsi1pk', 'gsi1sk', 'gsi2pk', 'gsi2sk', 'gsi3pk', 'gsi3sk', 'ttl'].flatMap((name) =>
      item[name] === undefined ? [] : [[name, item[name]]],
    ),
  );
};

it('entities have the keys, index entries and times to live that they had', () => {
  const given = context();
  const account = registerAccount({ email: 'ada@example.com', actor: '' }, given);
  const created = decideCluster(
    { cluster: null, operation: null },
    { type: 'create', actor: 'a', account: 'acc_1', team: 'team_1', spec: spec(), limits: LIMITS, timings: TIMINGS },
    given,
  );
  const operation = created.operation?.id as string;
  const ready = decideCluster(
    { cluster: created.next, operation: created.operation },
    { type: 'created', operation },
    given,
  );
  const deleting = decideCluster(
    { cluster: ready.next, operation: ready.operation },
    { type: 'delete', actor: 'a', timings: TIMINGS },
    given,
  );
  const deleted = decideCluster(
    { cluster: deleting.next, operation: deleting.operation },
    { type: 'deleted', operation: deleting.operation?.id as string },
    given,
  );
  const { token } = newInstallToken({ hash: 'hash', cluster: 'clu_1', team: 'team_1', actor: 'a' }, given);
  expect({
    registered: account.writes.map(({ next }) => shape(next)),
    pending: created.writes.map(({ next }) => shape(next)),
    ready: ready.writes.map(({ next }) => shape(next)),
    deleted: deleted.writes.map(({ next }) => shape(next)),
    token: shape(token),
    usedToken: shape({ ...token, usedAt: START } as Versioned),
    audit: auditItem({ team: 'team_1' }, START, 'aud_1'),
  }).toMatchSnapshot();
});

it('an item read back is the entity that was written', () => {
  const { next } = decideCluster(
    { cluster: null, operation: null },
    { type: 'create', actor: 'a', account: 'acc_1', team: 'team_1', spec: spec(), limits: LIMITS, timings: TIMINGS },
    context(),
  );
  expect(fromItem(toItem(next))).toEqual(JSON.parse(JSON.stringify(next)));
});
