/** Records Kubernetes events about objects; the same event again raises the count of the first. */
import { randomBytes } from 'node:crypto';
import { type Client, isStatus } from './client.ts';
import { events } from './resources.ts';
import type { EventObject, Stored } from './types.ts';

export type RecordEvent = (about: Stored, type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** How many different events are remembered for counting. */
const REMEMBERED = 2_000;
/** The API refuses longer messages. */
const MESSAGE_LIMIT = 1_024;

/**
 * A recorder that writes in the background and in order. Events are hints for people: a failed write is dropped, as a real component does.
 * Each component records under its own name; `flush` waits until all that was recorded has been sent.
 */
export function eventRecorder(client: Client): { recordAs(component: string): RecordEvent; flush(): Promise<void> } {
  const known = new Map<string, EventObject>();
  let tail: Promise<void> = Promise.resolve();
  const send = async (component: string, about: Stored, type: string, reason: string, text: string): Promise<void> => {
    const message = text.length > MESSAGE_LIMIT ? `${text.slice(0, MESSAGE_LIMIT - 1)}…` : text;
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const key = [about.metadata.uid, type, reason, message].join('\n');
    const before = known.get(key);
    if (before) {
      try {
        known.set(key, await client.patch(events, before, { count: (before.count ?? 1) + 1, lastTimestamp: now }));
        return;
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
    }
    const namespace = about.metadata.namespace ?? 'default';
    const event = await client.create(events, namespace, {
      metadata: { name: `${about.metadata.name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name: about.metadata.name,
        namespace: about.metadata.namespace,
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type,
      reason,
      message,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
    });
    known.set(key, event);
    const oldest = known.keys().next().value;
    if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest);
  };
  return {
    recordAs: (component) => (about, type, reason, message) => {
      tail = tail.then(() => send(component, about, type, reason, message)).catch(() => undefined);
    },
    flush: () => tail,
  };
}
