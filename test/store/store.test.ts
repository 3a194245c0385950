import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerAccount, type TeamState } from '#core/domain/account.ts';
import { plus } from '#core/domain/clock.ts';
import { nothing, type Versioned, write } from '#core/domain/decision.ts';
import { Stale, untilFresh } from '#core/store/commit.ts';
import { Replayed } from '#core/store/idempotency.ts';
import { keys } from '#core/store/keys.ts';
import { createTable } from '#core/store/table.ts';
import { createWorld, START, type World } from '#test/builders/world.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;
let owner: { id: string; team: string };

beforeAll(async () => {
  table = await startTable();
  world = createWorld(table);
  owner = await world.account();
});
afterAll(() => table.stop());

const context = () => ({ now: world.now(), newId: world.newId });
const writing = <E extends Versioned>(before: E | null, next: E) => ({ ...nothing, writes: [write(before, next)] });
let names = 0;
const cluster = async () =>
  (await world.cluster(owner, { name: `s${++names}`, workers: { count: 1, size: 'small' } })).next;

describe('a commit', () => {
  it('writes all or nothing: one stale item keeps the others from being written', async () => {
    const one = await cluster();
    const [newer, team] = [{ ...one, version: 2, step: 'X' }, world.newId('team')];
    await world.store.commit(writing(one, newer), context());
    const shared: TeamState = { entity: 'Team', id: team, version: 1, name: 't', kind: 'shared', createdAt: START };
    const both = { ...nothing, writes: [write(null, shared), write(one, { ...one, version: 2, step: 'Y' })] };
    await expect(world.store.commit(both, context())).rejects.toBeInstanceOf(Stale);
    expect((await world.store.clusters.cluster(one.id))?.step).toBe('X');
    const raw = createTable({ ...table, random: () => 0, sleep: async () => {} });
    expect(await raw.get(keys.team(team))).toBeNull();
    await expect(world.store.commit(writing(null, newer), context())).rejects.toBeInstanceOf(Stale);
  });

  it('of nothing does nothing, of an audit line alone writes it', async () => {
    await world.store.commit(nothing, context());
    const audited = { ...nothing, audit: [{ team: owner.team, actor: 'a', action: 'x.read', resource: 'r' }] };
    await world.store.commit(audited, context());
    const raw = createTable({ ...table, random: () => 0, sleep: async () => {} });
    const { items } = await raw.query({ pk: `AUDIT#${owner.team}`, newestFirst: true });
    expect(items.filter((item) => item.action === 'x.read')).toMatchObject([
      { entity: 'Audit', actor: 'a', ttl: expect.any(Number) },
    ]);
  });

  it('reads back what it wrote, without the keys', async () => {
    const made = await cluster();
    expect(await world.store.clusters.cluster(made.id)).toEqual(JSON.parse(JSON.stringify(made)));
  });

  it('is tried again until nobody was faster, and gives up after some tries', async () => {
    let tries = 0;
    const third = await untilFresh(async () => {
      tries += 1;
      if (tries < 3) throw new Stale('x');
      return tries;
    });
    expect(third).toBe(3);
    tries = 0;
    const never = untilFresh(async () => {
      tries += 1;
      throw new Stale('x');
    }, 4);
    await expect(never).rejects.toMatchObject({ code: 'conflict', status: 409 });
    expect(tries).toBe(4);
    await expect(untilFresh(() => Promise.reject(new Error('other')))).rejects.toThrow('other');
  });
});

describe('a claim', () => {
  it('on an address is refused for the second account, which is then not there', async () => {
    const [first, second] = [1, 2].map(() => registerAccount({ email: 'claimed@example.com', actor: '' }, context()));
    await world.store.commit(first!, context());
    await expect(world.store.commit(second!, context())).rejects.toMatchObject({ code: 'auth.email_taken' });
    expect(await world.store.people.account(second!.account.id)).toBeNull();
    expect((await world.store.people.byEmail('claimed@example.com'))?.id).toBe(first!.account.id);
  });

  it('on a name is released only by the cluster that holds it', async () => {
    const held = await cluster();
    const release = (id: string) =>
      world.store.commit(
        { ...nothing, claims: [{ claim: 'cluster-name-release', team: owner.team, name: held.name, cluster: id }] },
        context(),
      );
    await expect(release('clu_other')).rejects.toBeInstanceOf(Stale);
    expect((await world.store.clusters.find(owner.team, held.name)).cluster?.id).toBe(held.id);
    await release(held.id);
    await release(held.id);
    expect(await world.store.clusters.find(owner.team, held.name)).toEqual({ cluster: null, lease: null });
  });

  it('on capacity says how much is free, and a quota of nothing allows nothing', async () => {
    const fresh = createWorld({ client: table.client, name: await table.another() });
    const claim = (vcpu: number, limits: object) =>
      fresh.store.commit(
        {
          ...nothing,
          claims: [
            {
              claim: 'capacity',
              team: 't',
              clusters: 1,
              vcpu,
              limits: { teamClusters: 9, deploymentClusters: 9, deploymentVcpu: 10, ...limits },
            },
          ],
        },
        context(),
      );
    await claim(6, {});
    await expect(claim(6, {})).rejects.toMatchObject({
      code: 'quota.deployment_vcpu',
      detail: 'asked for 6 vCPUs; 4 of 10 are free',
    });
    await expect(claim(1, { teamClusters: 0 })).rejects.toMatchObject({ code: 'quota.team_clusters' });
    await expect(claim(1, { teamClusters: 1 })).rejects.toMatchObject({ code: 'quota.team_clusters' });
    await expect(claim(1, { deploymentClusters: 1 })).rejects.toMatchObject({ code: 'quota.deployment_clusters' });
    await expect(claim(11, {})).rejects.toMatchObject({ code: 'quota.deployment_vcpu' });
    await fresh.store.clusters.stopCreates(true);
    await expect(claim(1, {})).rejects.toMatchObject({ code: 'deployment.creates_stopped' });
    await fresh.store.clusters.stopCreates(false);
    await claim(4, {});
    expect(await fresh.store.clusters.deployment()).toEqual({ clusters: 2, vcpu: 10, createsStopped: false });
  });
});

describe('an idempotency marker', () => {
  const of = { principal: 'acc_1', route: 'r', key: 'k' };
  const marker = { bodyHash: 'h', status: 200, reply: '{}', headers: {}, createdAt: START };

  it('in the way is handed over with the refusal, and gives way after its day', async () => {
    await world.store.commit(nothing, context(), [world.store.idempotency.step(of, marker)]);
    const again = world.store.commit(nothing, context(), [
      world.store.idempotency.step(of, { ...marker, bodyHash: 'other' }),
    ]);
    const refused = await again.catch((error: Replayed) => error);
    expect(refused).toBeInstanceOf(Replayed);
    expect((refused as Replayed).marker).toMatchObject({ ...marker, expiresAt: plus(START, 86_400) });
    expect(await world.store.idempotency.find(of.principal, of.route, of.key, plus(START, 86_400))).toBeNull();
    await world.store.commit(nothing, context(), [
      world.store.idempotency.step(of, { ...marker, createdAt: plus(START, 86_400) }),
    ]);
  });
});

describe('people', () => {
  it('are read with their session, their role and their teams', async () => {
    expect(await world.store.people.session(owner.id, 'jti-1')).toMatchObject({
      account: { id: owner.id },
      signedOut: false,
    });
    await world.store.people.signOut(owner.id, 'jti-1', world.now());
    expect(await world.store.people.session(owner.id, 'jti-1')).toMatchObject({ signedOut: true });
    expect(await world.store.people.session('acc_none', undefined)).toEqual({ account: null, signedOut: false });
    expect(await world.store.people.role(owner.team, owner.id)).toBe('owner');
    expect(await world.store.people.role(owner.team, 'acc_none')).toBeNull();
    expect(await world.store.people.teams(owner.id)).toMatchObject([{ team: { id: owner.team }, role: 'owner' }]);
    expect(await world.store.people.teams('acc_none')).toEqual([]);
    expect(await world.store.people.byEmail('nobody@example.com')).toBeNull();
    expect(await world.store.people.account('acc_none')).toBeNull();
  });

  it('have their attempts counted in windows', async () => {
    const count = (now: string) => world.store.people.count('token:a@example.com', 60, now);
    expect([await count(START), await count(plus(START, 59)), await count(plus(START, 60))]).toEqual([1, 2, 1]);
  });

  it('use a ticket once, and only for a minute', async () => {
    const of = { account: owner.id, personalTeam: owner.team };
    await world.store.people.addTicket('t1', of, START);
    expect(await world.store.people.takeTicket('t1', plus(START, 60))).toBeNull();
    await world.store.commit(nothing, context(), [world.store.people.ticketStep('t2', of, START)]);
    expect(await world.store.people.takeTicket('t2', plus(START, 59))).toMatchObject(of);
    expect(await world.store.people.takeTicket('t2', plus(START, 59))).toBeNull();
    await world.store.people.addTicket('t3', of, START);
    const twice = world.store.commit(nothing, context(), [world.store.people.ticketStep('t3', of, START)]);
    await expect(twice).rejects.toMatchObject({ code: 'conflict' });
  });
});
