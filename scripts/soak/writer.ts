/** Creates, changes and deletes config maps one after the other, also while the server goes and comes: what was answered is written down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, isStatus } from '#local/kubernetes/controllers/machinery/client.ts';
import { configMaps } from '#local/kubernetes/controllers/machinery/resources.ts';
import type { ConfigMap } from '#local/kubernetes/controllers/machinery/types.ts';
import type { Acknowledged } from './seen.ts';

const UPDATES = 3;
const RETRY_MS = 50;

/** Writes until the signal; answers what was acknowledged, and how many writes were cut off without an answer. */
export async function write(
  client: Client,
  namespace: string,
  everyMs: number,
  signal: AbortSignal,
): Promise<{ written: Acknowledged[]; cut: number }> {
  const written: Acknowledged[] = [];
  let cut = 0;

  /** One write. Without an answer (the server is gone, or not ready again) nobody knows whether it was done: nothing is claimed of it. */
  async function attempt<T>(call: () => Promise<T>): Promise<T | undefined> {
    await sleep(everyMs);
    try {
      return await call();
    } catch (error) {
      // 0: no answer; 403, 503: it has just begun.
      if (!isStatus(error, 0, 403, 503)) throw error;
      cut += 1;
      await sleep(RETRY_MS);
      return undefined;
    }
  }
  const note = (verb: Acknowledged['verb'], { metadata }: ConfigMap) => {
    const { name, uid, resourceVersion = '' } = metadata;
    written.push({ verb, name, uid, resourceVersion });
  };

  for (let n = 0; !signal.aborted; n += 1) {
    const made = await attempt(() =>
      client.create(configMaps, namespace, { metadata: { name: `soak-${n}` }, data: { n: '0' } }),
    );
    // Whether it is there or not: the next has another name.
    if (made === undefined) continue;
    note('create', made);
    for (let i = 1; i <= UPDATES; i += 1) {
      const changed = await attempt(() => client.patch(configMaps, made, { data: { n: String(i) } }));
      if (changed) note('update', changed);
    }
    if ((await attempt(async () => [await client.delete(configMaps, made)])) !== undefined) note('delete', made);
  }
  return { written, cut };
}
