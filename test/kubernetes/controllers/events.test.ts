import { expect, test } from 'vitest';
import { eventName, eventRecorder } from '#local/kubernetes/controllers/machinery/events.ts';
import { configMaps, events } from '#local/kubernetes/controllers/machinery/resources.ts';
import { testWorld } from './world.ts';

const world = testWorld();

/** Records each message once about a new object; what is stored then, as `count message`, in the order of names. */
async function recorded(...messages: string[]): Promise<string[]> {
  const space = await world().space();
  const made = await space.create(configMaps, { metadata: { name: 'web' } });
  const { recordAs, flush } = eventRecorder(world().client);
  const record = recordAs('tester');
  for (const message of messages)
    record({ ...made, apiVersion: 'v1', kind: 'ConfigMap' }, 'Warning', 'Failed', message);
  await flush();
  return (await space.list(events))
    .filter(({ involvedObject }) => involvedObject.name === 'web')
    .map(({ metadata, count, message }) => {
      expect(metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
      return `${count} ${message}`;
    });
}

test('events are listed in the order in which they were recorded; the same one again is counted', async () => {
  expect(await recorded('a', 'z', 'b', 'z', 'y', 'c')).toEqual(['1 a', '2 z', '1 b', '1 y', '1 c']);
});

test('from the tenth message of a reason on, all new ones share an event that says the latest', async () => {
  const all = Array.from({ length: 13 }, (_, index) => `pod ${index}`);
  const told = await recorded(...all, 'pod 3');
  expect(told).toEqual([
    ...all.slice(0, 9).map((message) => `${message === 'pod 3' ? 2 : 1} ${message}`),
    '4 (combined from similar events): pod 12',
  ]);
});

test('a name of an event grows with time, and what cannot be one gives way to another', () => {
  const names = Array.from({ length: 100 }, () => eventName('web'));
  expect(names.toSorted()).toEqual(names);
  expect(new Set(names).size).toBe(100);
  const now = Number(BigInt(`0x${names[0]?.slice('web.'.length)}`) / 1_000_000n);
  expect(Math.abs(Date.now() - now)).toBeLessThan(60_000);
  for (const about of ['system:node', 'a'.repeat(240)]) expect(eventName(about)).toMatch(/^[0-9a-f-]{36}$/);
});
