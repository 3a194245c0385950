/** Secrets move from one key to another, while people go on changing them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forgetSecret, keepSecret, nextNumber } from '#core/domain/secret-change.ts';
import { createSealing, type Sealing, secretContext } from '#functions/lib/sealing.ts';
import { rekey } from '#scripts/admin/rekey.ts';
import { createWorld, type World } from '#test/builders/world.ts';
import { testKeys } from './http-api.ts';
import { startTable, type TestTable } from './table.ts';

let table: TestTable;
let world: World;

beforeAll(async () => {
  table = await startTable();
  world = createWorld(table);
});
afterAll(() => table.stop());

const HOLDER = 'team_1';
const by = { team: HOLDER, actor: 'account:acc_1' };

const put = async (sealing: Sealing, name: string, value: string): Promise<void> => {
  const before = await world.store.secrets.get(HOLDER, name);
  const sealed = await sealing.seal(value, secretContext(HOLDER, name, nextNumber(before)));
  const decision = keepSecret(before, { holder: HOLDER, name, sealed }, by, world.now());
  await world.store.commit(decision, { now: world.now(), newId: world.newId });
};
const valuesOf = async (sealing: Sealing, name: string): Promise<string[]> => {
  const { sealed = {} } = (await world.store.secrets.get(HOLDER, name)) ?? {};
  return Promise.all(
    Object.entries(sealed).map(([number, text]) => sealing.open(text, secretContext(HOLDER, name, Number(number)))),
  );
};

it('seals every value anew with the present key, the one before it too, and loses none that comes meanwhile', async () => {
  const [old, present] = [createSealing(testKeys()), createSealing(testKeys())];
  await put(old, 'token', 'first');
  await put(old, 'token', 'second');
  await put(old, 'busy', 'first');
  await put(old, 'gone', 'first');
  const gone = (await world.store.secrets.get(HOLDER, 'gone'))!;
  await world.store.commit(forgetSecret(gone, by, world.now()), { now: world.now(), newId: world.newId });
  const before = (await world.store.secrets.get(HOLDER, 'token'))!;

  let changed = false;
  const moving: Sealing = {
    open: (sealed, context) => present.open(sealed, context).catch(() => old.open(sealed, context)),
    seal: async (text, context) => {
      const sealed = await present.seal(text, context);
      if (context.name === 'busy' && !changed) {
        changed = true;
        await put(present, 'busy', 'second');
      }
      return sealed;
    },
  };
  expect(await rekey({ ...world, sealing: moving })).toBe(2);

  expect(await valuesOf(present, 'token')).toEqual(['first', 'second']);
  expect(await valuesOf(present, 'busy')).toEqual(['first', 'second']);
  await expect(valuesOf(old, 'token')).rejects.toThrow();
  const { sealed: _, version, ...rest } = (await world.store.secrets.get(HOLDER, 'token'))!;
  const { sealed: __, version: was, ...same } = before;
  expect([version, rest]).toEqual([was + 1, same]);
  expect(await rekey({ ...world, sealing: moving })).toBe(2);
  expect(await valuesOf(present, 'token')).toEqual(['first', 'second']);
});
