/** Records Kubernetes events about objects; the same event again raises the count of the first. */
import { randomUUID } from 'node:crypto';
import { type Client, isStatus } from './client.ts';
import { events } from './resources.ts';
import type { EventObject, Stored } from './types.ts';

export type RecordEvent = (about: Stored, type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** How many different events are remembered for counting. */
const REMEMBERED = 2_000;
/** The API refuses longer messages. */
const MESSAGE_LIMIT = 1_024;
/** The tenth message of one reason, each within ten minutes of the one before, and all after it share one event, as client-go's recorders have it. */
const SIMILAR = { messages: 10, ms: 600_000 };
const COMBINED = '(combined from similar events): ';
const NAME_LIMIT = 253;

let last = 0n;

/**
 * `web.18a1f2c3d4e5f607`: what the event is about and when it was recorded, in nanoseconds of Unix time as 16 hexadecimal digits, so that names
 * sort by time. No two of this process are the same; those of other processes differ below the millisecond.
 */
export function eventName(about: string): string {
  const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
  last = now > last ? now : last + 1n;
  const name = `${about}.${last.toString(16).padStart(16, '0')}`;
  // What is no name of an event (a role's may have colons) has to do without.
  return name.length <= NAME_LIMIT && /^[a-z0-9.-]+$/.test(name) ? name : randomUUID();
}

/** The youngest entries stay. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

/**
 * A recorder that writes in the background and in order. Events are hints for people: a failed write is dropped, as a real component does.
 * Each component records under its own name; `flush` waits until all that was recorded has been sent.
 */
export function eventRecorder(client: Client): { recordAs(component: string): RecordEvent; flush(): Promise<void> } {
  const known = new Map<string, EventObject>();
  const similar = new Map<string, { messages: Set<string>; at: number }>();
  let tail: Promise<void> = Promise.resolve();

  /** Whether so many messages of the reason came that they are told together. */
  function isFlood(reason: string, message: string): boolean {
    const before = similar.get(reason);
    const fresh = before === undefined || Date.now() - before.at > SIMILAR.ms;
    const messages = fresh ? new Set<string>() : before.messages;
    remember(similar, reason, { messages, at: Date.now() });
    const flood = !messages.has(message) && messages.size >= SIMILAR.messages - 1;
    if (!flood) messages.add(message);
    return flood;
  }

  const send = async (component: string, about: Stored, type: string, reason: string, text: string): Promise<void> => {
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const group = [component, about.metadata.uid, type, reason].join('\n');
    const flood = isFlood(group, text);
    const said = flood ? COMBINED + text : text;
    const message = said.length > MESSAGE_LIMIT ? `${said.slice(0, MESSAGE_LIMIT - 1)}…` : said;
    const key = flood ? group : `${group}\n${message}`;
    const before = known.get(key);
    if (before) {
      try {
        const count = (before.count ?? 1) + 1;
        remember(known, key, await client.patch(events, before, { count, message, lastTimestamp: now }));
        return;
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
      }
    }
    const namespace = about.metadata.namespace ?? 'default';
    const event = await client.create<EventObject>(events, namespace, {
      metadata: { name: eventName(about.metadata.name), namespace },
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
    remember(known, key, event);
  };
  return {
    recordAs: (component) => (about, type, reason, message) => {
      tail = tail.then(() => send(component, about, type, reason, message)).catch(() => undefined);
    },
    flush: () => tail,
  };
}
