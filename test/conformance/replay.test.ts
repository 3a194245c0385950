import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLOOR, judged, play, SERVERS, type Server, type Summary } from './kit.ts';

describe.each(SERVERS)('scripted requests to $name', ({ start }) => {
  let server: Server;
  let summary: Summary;
  beforeAll(async () => {
    server = await start();
    summary = await play('replay', server.kubeconfig);
  });
  afterAll(() => server?.stop());

  it('are answered as by a real Kubernetes', () => {
    const { share } = judged(summary, FLOOR.replay);
    console.log(
      `replay: ${summary.passed} of ${summary.passed + summary.failed} alike (${(share * 100).toFixed(1)} %)\n${summary.scenarios
        .filter(({ failed }) => failed.length > 0)
        .map(({ name, equal, steps }) => `  ${name} ${equal} / ${steps}`)
        .join('\n')}`,
    );
    expect(share).toBeGreaterThanOrEqual(FLOOR.replay.whole);
  });

  it('have no scenario that is only half there', () => {
    expect(judged(summary, FLOOR.replay).weak).toEqual([]);
  });
});
