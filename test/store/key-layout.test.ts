/** How things lie in the table. A change here is a migration: the snapshot makes it show in review. */
import { expect, it } from 'vitest';
import { registerAccount } from '#core/domain/account.ts';
import { decideCluster } from '#core/domain/cluster.ts';
import { askCredential } from '#core/domain/credential.ts';
import type { Versioned } from '#core/domain/decision.ts';
import { decideGroup } from '#core/domain/group.ts';
import type { SecretState } from '#core/domain/secret.ts';
import { newInstallToken } from '#core/domain/token.ts';
import { decideWorkspace } from '#core/domain/workspace.ts';
import { auditItem, fromItem, toItem } from '#core/store/items.ts';
import { due, keys, lists, places } from '#core/store/keys.ts';
import { seatCreate, seatSpec } from '#test/builders/seats.ts';
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
    places: Object.fromEntries(Object.entries(places).map(([name, make]) => [name, sample(make)])),
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

it('dev pods, groups, templates, secrets and requests for credentials too', () => {
  const given = context();
  const seat = decideWorkspace({ workspace: null, operation: null }, seatCreate({ team: 'team_1' }), given).next;
  const wanted = { name: 'class', team: 'team_1', replicas: 2, owners: [], createdBy: 'acc_1', labels: {} };
  const how = {
    placement: { isolation: 'shared' },
    secretChoice: { environment: [], personal: false },
    spec: seatSpec(),
  } as const;
  const group = decideGroup(null, { type: 'create', actor: 'a', ...wanted, ...how }, given).next;
  const takes = decideCluster(
    { cluster: null, operation: null },
    {
      type: 'create',
      actor: 'a',
      account: 'acc_1',
      team: 'team_1',
      spec: spec({ takesWorkspaces: true }),
      limits: LIMITS,
      timings: TIMINGS,
    },
    given,
  ).next;
  const secret: SecretState = {
    entity: 'Secret',
    id: 'acc_1/TOKEN',
    version: 1,
    holder: 'acc_1',
    name: 'TOKEN',
    latest: 1,
    sealed: { 1: 'sealed' },
    renewAt: START,
    updatedAt: START,
    updatedBy: 'a',
  };
  const template = {
    entity: 'Template' as const,
    id: 'team_1/lab',
    version: 1,
    team: 'team_1',
    name: 'lab',
    release: '2',
    createdAt: START,
  };
  expect({
    seat: shape(seat),
    deletedSeat: shape({ ...seat, phase: 'Deleted' } as Versioned),
    group: shape(group),
    groupAsWanted: shape({ ...group, checkAt: undefined } as Versioned),
    deletedGroup: shape({ ...group, deletedAt: START } as Versioned),
    place: shape(takes),
    sharedPlace: shape({ ...takes, isolation: 'shared' } as Versioned),
    secret: shape(secret),
    template: shape(template),
    release: shape({ ...template, id: 'team_1/lab@2', frozen: true } as Versioned),
    request: shape(askCredential(seat, { account: 'acc_1', actor: 'a' }, given).next),
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
