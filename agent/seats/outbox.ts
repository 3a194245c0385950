/**
 * What is to be told to the control plane about seats. One message a subject is on its way at a time, the newest wins, and what is a state
 * (not an event) is told again on every link, so that a lost report, a crash or a restored table heals by itself.
 */
import * as z from 'zod';
import type { AgentMessage } from '#core/contract/agent.ts';
import type { Clock } from '../clock.ts';
import { type BackOff, waitAfter } from '../kubernetes/queue.ts';
import { type Link, LinkError } from '../link.ts';
import { type Log, reason } from '../log.ts';

type Told = 'workspace.status' | 'workspace.found' | 'workspace.gone' | 'audit' | 'cluster.left';
export type Message = {
  [T in Told]: { readonly type: T; readonly payload: Extract<AgentMessage, { type: T }>['payload'] };
}[Told];

interface Letter {
  readonly message: Message;
  readonly isState: boolean;
  readonly taken?: () => void;
  /** The message as text, once it was taken on the present link. */
  told?: string;
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly backOff: BackOff;
  readonly signal: AbortSignal;
}

export interface Outbox {
  /** Tells the state of a subject: now if it differs from what was told, and again on each link. */
  state(subject: string, message: Message): void;
  /** Tells until it was taken once; then calls `taken`. */
  event(subject: string, message: Message, taken?: () => void): void;
  forget(subject: string): void;
  /** This link is the one in use. */
  use(link: Link): void;
}

/** Subjects on their way at once, and how many events wait at most while nobody listens. */
const WIDTH = 4;
const EVENTS = 256;
/** Refusals that another try would only repeat; so is what our own schema does not let out. */
const FINAL: ReadonlySet<string> = new Set(['Invalid', 'Unsupported', 'TooLarge']);

export const outbox = ({ clock, log, backOff, signal }: OutboxOptions): Outbox => {
  const letters = new Map<string, Letter>();
  const waiting = new Set<string>();
  const underWay = new Set<string>();
  const failures = new Map<string, number>();
  let current: Link | undefined;

  const later = (subject: string, link: Link) => {
    const count = failures.get(subject) ?? 0;
    failures.set(subject, count + 1);
    void clock.sleep(waitAfter(backOff, count), AbortSignal.any([signal, link.signal])).then(() => {
      if (current === link && letters.has(subject)) push(subject);
    });
  };

  const send = async (subject: string, letter: Letter, link: Link) => {
    const text = JSON.stringify(letter.message);
    if (letter.told === text) return;
    try {
      await link.ask(letter.message.type, letter.message.payload);
    } catch (error) {
      if (link.signal.aborted || signal.aborted) return;
      const isFinal = error instanceof z.ZodError || (error instanceof LinkError && FINAL.has(error.code));
      log('warn', `${letter.message.type} was not taken`, { subject, reason: reason(error) });
      if (!isFinal) return later(subject, link);
    }
    failures.delete(subject);
    if (link === current) letter.told = text;
    if (letters.get(subject) === letter && !letter.isState) letters.delete(subject);
    letter.taken?.();
  };

  const pump = () => {
    for (const subject of waiting) {
      const link = current;
      if (!link || link.signal.aborted || signal.aborted || underWay.size >= WIDTH) return;
      if (underWay.has(subject)) continue;
      waiting.delete(subject);
      const letter = letters.get(subject);
      if (!letter) continue;
      underWay.add(subject);
      void send(subject, letter, link).finally(() => {
        underWay.delete(subject);
        pump();
      });
    }
  };
  const push = (subject: string) => {
    waiting.add(subject);
    pump();
  };

  return {
    state: (subject, message) => {
      const told = letters.get(subject)?.told;
      letters.set(subject, { message, isState: true, ...(told === undefined ? {} : { told }) });
      push(subject);
    },
    event: (subject, message, taken) => {
      const events = [...letters.entries()].filter(([, { isState }]) => !isState);
      const [oldest] = events;
      if (events.length >= EVENTS && oldest) letters.delete(oldest[0]);
      letters.set(subject, { message, isState: false, ...(taken ? { taken } : {}) });
      push(subject);
    },
    forget: (subject) => void letters.delete(subject),
    use: (link) => {
      current = link;
      failures.clear();
      for (const [subject, letter] of letters) {
        delete letter.told;
        waiting.add(subject);
      }
      pump();
    },
  };
};
