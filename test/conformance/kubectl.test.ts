import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FLOOR, judged, play, SERVERS, type Server, type Summary } from './kit.ts';

describe.each(SERVERS)("kubectl's command lines to $name", ({ start }) => {
  let server: Server;
  let summary: Summary;
  beforeAll(async () => {
    server = await start();
    summary = await play('kubectl', server.kubeconfig);
  });
  afterAll(() => server?.stop());

  it('are answered as by a real Kubernetes', () => {
    const { share } = judged(summary, FLOOR.kubectl);
    console.log(
      `kubectl: ${summary.passed} of ${summary.passed + summary.failed} alike (${(share * 100).toFixed(1)} %)\n${summary.scenarios
        .filter(({ failed }) => failed.length > 0)
        .map(({ name, equal, steps }) => `  ${name} ${equal} / ${steps}`)
        .join('\n')}`,
    );
    expect(share).toBeGreaterThanOrEqual(FLOOR.kubectl.whole);
  });

  it('have no scenario that is only half there', () => {
    expect(judged(summary, FLOOR.kubectl).weak).toEqual([]);
  });
});
