import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Account, Role } from '#core/contract/account.ts';
import { AppError, catalogue, isCode } from '#core/contract/errors.ts';
import { toProblem } from '#core/contract/problem.ts';
import { safeText } from '#core/contract/safe-text.ts';
import { hourlyCost, memoryOf, vcpuOf } from '#core/contract/sizes.ts';
import { timings, timingVariable } from '#core/contract/timings.ts';
import { type Action, atLeast, authorize, can, clusterRoleOf } from '#core/domain/access.ts';
import {
  activateAccount,
  endedWithAll,
  registerAccount,
  registrationRefusal,
  toAccount,
} from '#core/domain/account.ts';
import { earlier, epochSeconds, plus } from '#core/domain/clock.ts';
import { conditionOf, isTrue, withCondition } from '#core/domain/conditions.ts';
import { newInstallToken, revokeToken, toAgentToken, tokenStateOf } from '#core/domain/token.ts';
import { START } from '#test/builders/world.ts';

let ids = 0;
const context = { now: START, newId: (prefix: string) => `${prefix}_${String(++ids).padStart(26, '0')}` };
const codeOf = (act: () => unknown): string => {
  try {
    act();
    return 'allowed';
  } catch (error) {
    return (error as AppError).code;
  }
};

describe('the access table', () => {
  it('says for each action the least role', () => {
    const actions: Record<Action, Role> = {
      'cluster.read': 'viewer',
      'cluster.credentials': 'viewer',
      'workspace.read': 'viewer',
      'workspace.create': 'member',
      'workspace.change': 'member',
      'workspace.credentials': 'member',
      'group.read': 'viewer',
      'group.write': 'admin',
      'template.read': 'viewer',
      'template.write': 'admin',
      'secret.read': 'member',
      'secret.write': 'admin',
      'operation.read': 'viewer',
      'socket.subscribe': 'viewer',
      'cluster.create': 'member',
      'cluster.delete': 'member',
      'cluster.retry': 'member',
      'cluster.extend': 'member',
      'token.read': 'admin',
      'token.write': 'admin',
    };
    for (const [action, least] of Object.entries(actions) as [Action, Role][])
      for (const role of Role.options) {
        expect([action, role, can(role, action)]).toEqual([action, role, atLeast(role, least)]);
        expect(codeOf(() => authorize(role, action, 'x'))).toBe(atLeast(role, least) ? 'allowed' : 'access.denied');
      }
  });

  it('tells strangers that there is nothing', () => {
    expect(can(null, 'cluster.read')).toBe(false);
    expect(codeOf(() => authorize(null, 'cluster.read', 'cluster "x"'))).toBe('not_found');
  });

  it('orders the roles and gives each its role in a cluster', () => {
    expect(Role.options.map(clusterRoleOf)).toEqual(['viewer', 'editor', 'admin', 'admin']);
    expect(atLeast('owner', 'viewer') && !atLeast('viewer', 'member')).toBe(true);
  });
});

describe('an account', () => {
  it('is made with its personal team, which it owns, and a claim on its address', () => {
    const { account, writes, claims, audit } = registerAccount({ email: 'ada@example.com', actor: '' }, context);
    expect(account).toMatchObject({ state: 'Invited', email: 'ada@example.com', version: 1 });
    expect(writes.map((write) => write.next)).toMatchObject([
      { entity: 'Account' },
      { entity: 'Team', id: account.personalTeam, kind: 'personal' },
      { entity: 'Member', team: account.personalTeam, account: account.id, role: 'owner' },
    ]);
    expect(claims).toEqual([
      { claim: 'email', email: 'ada@example.com', account: account.id, code: 'auth.email_taken' },
    ]);
    expect(audit).toMatchObject([{ actor: `account:${account.id}`, action: 'account.register' }]);
    expect(registerAccount({ email: 'b@example.com', actor: 'account:admin' }, context).audit[0]?.actor).toBe(
      'account:admin',
    );
    expect(Account.parse(toAccount(account))).not.toHaveProperty('entity');
  });

  it('becomes active once', () => {
    const { account } = registerAccount({ email: 'ada@example.com', actor: '' }, context);
    const active = activateAccount(account);
    expect(active.account).toMatchObject({ state: 'Active', version: 2 });
    expect(activateAccount(active.account)).toMatchObject({ writes: [], audit: [] });
  });

  it.each([
    ['open', 'a@any.net', null],
    ['closed', 'a@example.com', 'auth.registration_closed'],
    ['domains:example.com,example.org', 'a@example.org', null],
    ['domains:example.com', 'a@sub.example.com', 'auth.domain_not_allowed'],
    ['domains:example.com', 'a@example.com@evil.net', 'auth.domain_not_allowed'],
  ])('where registration is %s is for %s: %s', (mode, email, refusal) => {
    expect(registrationRefusal(mode, email)).toBe(refusal);
  });
});

describe('an install token', () => {
  const made = () =>
    newInstallToken({ hash: 'h', cluster: 'clu_1', team: 'team_1', actor: 'account:acc_1' }, context).token;

  it('is good for an hour, until it is used or revoked', () => {
    const token = made();
    expect(token).toMatchObject({ kind: 'install', expiresAt: plus(START, 3600) });
    expect(tokenStateOf(token, plus(START, 3599))).toBe('Active');
    expect(tokenStateOf(token, plus(START, 3600))).toBe('Expired');
    expect(tokenStateOf({ ...token, usedAt: START }, START)).toBe('Used');
    expect(tokenStateOf({ ...token, usedAt: START, revokedAt: START }, START)).toBe('Revoked');
    expect(tokenStateOf({ ...token, expiresAt: undefined }, plus(START, 1e9))).toBe('Active');
  });

  it('is revoked once', () => {
    const { writes, audit } = revokeToken(made(), 'account:acc_1', START);
    expect(writes[0]?.next).toMatchObject({ revokedAt: START, version: 2 });
    expect(audit).toHaveLength(1);
    expect(revokeToken({ ...made(), revokedAt: START }, 'a', START)).toEqual({ writes: [], claims: [], audit: [] });
  });

  it('is shown without its hash', () => {
    const shown = toAgentToken({ ...made(), lastUsedAt: START, revokedAt: START }, START);
    expect(shown).toMatchObject({
      state: 'Revoked',
      lastUsedAt: START,
      revokedAt: START,
      expiresAt: plus(START, 3600),
    });
    expect(shown).not.toHaveProperty('hash');
  });
});

describe('conditions', () => {
  const setting = { type: 'Ready', status: 'True' as const, reason: 'A', message: 'a' };

  it('keep the time of their last transition while the status stays', () => {
    const first = withCondition([], setting, START);
    const same = withCondition(first, { ...setting, reason: 'B' }, plus(START, 5));
    expect(same).toEqual([{ ...setting, reason: 'B', lastTransitionTime: START }]);
    const other = withCondition(same, { ...setting, status: 'False' }, plus(START, 9));
    expect(conditionOf(other, 'Ready')?.lastTransitionTime).toBe(plus(START, 9));
    expect(isTrue(first, 'Ready')).toBe(true);
    expect(isTrue(other, 'Ready') || isTrue(other, 'Missing')).toBe(false);
  });

  it('keep their places in the list', () => {
    const two = withCondition(withCondition([], setting, START), { ...setting, type: 'Connected' }, START);
    expect(withCondition(two, { ...setting, status: 'False' }, START).map((each) => each.type)).toEqual([
      'Ready',
      'Connected',
    ]);
  });
});

describe('the error catalogue', () => {
  it('has for every code a status, a title and one sentence of what to do', () => {
    for (const [code, { status, title, help }] of Object.entries(catalogue)) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(title.length).toBeGreaterThan(3);
      expect([code, help.endsWith('.')]).toEqual([code, true]);
    }
  });

  it('makes problems of errors, with the time to wait where that helps', () => {
    const error = new AppError('cluster.expired', { status: 410, detail: 'gone' });
    expect(toProblem(error, 'req_1')).toMatchObject({
      status: 410,
      code: 'cluster.expired',
      detail: 'gone',
      correlationId: 'req_1',
    });
    expect(new AppError('retry').retryAfterSeconds).toBe(1);
    expect(new AppError('not_found').retryAfterSeconds).toBeUndefined();
    expect(isCode(error, 'cluster.expired')).toBe(true);
    expect(isCode(new Error('x'), 'cluster.expired')).toBe(false);
  });
});

describe('small things', () => {
  it('instants are moved, compared and counted', () => {
    expect(plus(START, 61)).toBe('2026-11-21T12:01:01.000Z');
    expect([earlier(START, plus(START, 1)), earlier(plus(START, 1), START)]).toEqual([START, START]);
    expect(epochSeconds('1970-01-01T00:01:00.999Z')).toBe(60);
  });

  it('sizes come from one table', () => {
    const workers = { count: 3, size: 'medium' } as const;
    expect([vcpuOf(workers), memoryOf(workers)]).toEqual([12, 48]);
    expect(hourlyCost({ count: 2, size: 'small' }, 'auto')).toBe(0.3258);
    expect(hourlyCost({ count: 2, size: 'small' }, 'managed')).toBe(0.3016);
  });

  it('text of tenants loses control characters, keeps lines, and is cut on a character’s edge', () => {
    expect(safeText('a\u0000\u001b[31mb\n\tc\u202e')).toBe('a[31mb\n\tc');
    const cut = safeText('ä'.repeat(2000));
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
    expect(cut).toMatch(/^ä+…$/);
  });

  it('every timing has its variable', () => {
    expect(timingVariable('DeleteFirstWait')).toBe('DELETE_FIRST_WAIT_SECONDS');
    for (const { seconds, why } of Object.values(timings)) expect(seconds > 0 && why.length > 0).toBe(true);
  });
});

it('a session ends with all others if it began in a second before that, or nobody knows when', () => {
  const second = epochSeconds(START);
  expect(endedWithAll({}, undefined)).toBe(false);
  const account = { signedOutAt: plus(START, 0.5) };
  expect([second - 1, second, second + 1, undefined].map((began) => endedWithAll(account, began))).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

it('every code of the catalogue is answered somewhere', () => {
  const root = join(import.meta.dirname, '../..');
  const sources = globSync('{core,functions}/**/*.ts', { cwd: root })
    .filter((path) => path !== 'core/contract/errors.ts')
    .map((path) => readFileSync(join(root, path), 'utf8'));
  const text = sources.join('\n');
  expect(Object.keys(catalogue).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});
