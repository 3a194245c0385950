import { describe, expect, test } from 'vitest';
import { type Acknowledged, judge, type Told } from '#scripts/soak/seen.ts';
import { soak } from '#scripts/soak/soak.ts';

test('an informer misses nothing while the server is stopped and killed', async () => {
  const { missed, backward, written, stops, kills, lists } = await soak({
    ms: 40_000,
    restarts: 2,
    restartEveryMs: 400,
    writeEveryMs: 5,
  });
  expect({ missed, backward, stops, kills, lists }).toEqual({ missed: [], backward: [], stops: 1, kills: 1, lists: 1 });
  expect(written).toBeGreaterThan(0);
});

describe('the verdict', () => {
  const one = (verb: Acknowledged['verb'], version: number, uid = 'u'): Acknowledged => ({
    verb,
    name: 'a',
    uid,
    resourceVersion: String(version),
  });
  const event = (kind: Told['event'], version: number, uid = 'u'): Told => ({
    event: kind,
    name: 'a',
    uid,
    resourceVersion: String(version),
  });

  test('finds writes of which there was no event', () => {
    const written = [one('create', 1), one('update', 2), one('update', 3), one('delete', 3)];
    expect(judge(written, [event('add', 1), event('update', 3), event('delete', 4)]).missed).toEqual([written[1]]);
    expect(judge(written, [event('add', 1), event('update', 2), event('update', 3)]).missed).toEqual([written[3]]);
  });

  test('finds versions that go back or stand still, but for a deletion that a list told', () => {
    expect(judge([], [event('add', 9), event('update', 10), event('update', 4)]).backward).toEqual([
      'event of a: version 4 after 10',
    ]);
    expect(judge([], [event('add', 9), event('add', 10, 'v'), event('delete', 9)]).backward).toEqual([]);
    expect(judge([one('create', 5), one('update', 5)], []).backward).toEqual(['answer of a: version 5 after 5']);
  });
});
