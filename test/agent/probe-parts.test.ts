/** The probe of network policies in its parts: what two ports say, how often it is asked, what is listened on. */
import { expect, onTestFinished, test } from 'vitest';
import { canConnect } from '#agent/probe/connect.ts';
import { awaitOpen, type JudgeOptions, judge, type Sight } from '#agent/probe/judge.ts';
import { type Enforced, keepProbing } from '#agent/probe/keep.ts';
import { listenForProbe } from '#agent/probe/listen.ts';
import { ALLOWED_PORT, DENIED_PORT } from '#agent/probe/objects.ts';
import { heldClock } from './support/clock.ts';

const BOTH: Sight = { allowed: true, denied: true };
const SHUT: Sight = { allowed: true, denied: false };
const NONE: Sight = { allowed: false, denied: false };

/** Shows these sights one after the other, the last one for ever; a look a second, ten seconds in all. */
const looking = async <T>(what: (options: JudgeOptions) => Promise<T>, ...sights: Sight[]): Promise<T | string> => {
  const clock = heldClock(() => 0);
  let shown = 0;
  const options: JudgeOptions = {
    look: async () => sights[Math.min(shown++, sights.length - 1)] ?? NONE,
    limits: { lookMs: 1_000, openMs: 10_000, enforceMs: 10_000 },
    clock,
    signal: new AbortController().signal,
  };
  let answer: T | string | undefined;
  void what(options).then(
    (value) => {
      answer = value ?? 'open';
    },
    (error: Error) => {
      answer = error.message;
    },
  );
  await clock.until('an answer', () => answer !== undefined);
  return answer as T | string;
};

test('policies are enforced when the denied port falls silent, however late, while the allowed one answers', async () => {
  expect(await looking(judge, SHUT)).toBe('true');
  expect(await looking(judge, BOTH, BOTH, BOTH, BOTH, BOTH, SHUT)).toBe('true');
});

test('they are not when the denied port can be reached to the end', async () => {
  expect(await looking(judge, BOTH)).toBe('false');
  expect(await looking(judge, SHUT, BOTH)).toBe('false');
});

test('a look or two that fail prove nothing', async () => {
  expect(await looking(judge, SHUT, SHUT, BOTH, SHUT, SHUT, BOTH)).toBe('false');
});

test('silence of both ports says nothing about policies', async () => {
  expect(await looking(judge, NONE)).toContain('was not reached any more 10 s after it was narrowed');
  expect(await looking(judge, SHUT, NONE, SHUT, NONE, SHUT, NONE)).toContain('was not reached any more');
});

test('it begins only when both ports were reached', async () => {
  expect(await looking(awaitOpen, NONE, SHUT, NONE, BOTH)).toBe('open');
  expect(await looking(awaitOpen, NONE)).toContain('another policy or the network keeps the agent from it');
  expect(await looking(awaitOpen, SHUT)).toContain('was not reached within 10 s');
});

/** Probes that find these, one after the other; an Error is one that could not tell. */
const probing = (...found: (Enforced | Error)[]) => {
  const clock = heldClock(() => 0);
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const [told, lines]: [Enforced[], string[]] = [[], []];
  let asked = 0;
  void keepProbing({
    probe: async () => {
      const next = found[Math.min(asked++, found.length - 1)] ?? 'true';
      if (next instanceof Error) throw next;
      return next;
    },
    tell: (enforced) => told.push(enforced),
    clock,
    log: (_, message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`),
    signal: stopping.signal,
  });
  return { clock, told, lines, asked: () => asked };
};
const MINUTES = 60_000;
const HOURS = 60 * MINUTES;

test('what is known is probed again after a day', async () => {
  const { clock, told } = probing('false', 'true');
  await clock.advance(23 * HOURS);
  expect(told).toEqual(['false']);
  await clock.advance(2 * HOURS);
  expect(told).toEqual(['false', 'true']);
});

test('what could not be told is tried again soon, then less and less often, and never less than daily', async () => {
  const { clock, lines } = probing(new Error('no node'));
  await clock.until('ten', () => lines.length === 11);
  expect(clock.slept.slice(0, 4)).toEqual([5, 10, 20, 40].map((minutes) => minutes * MINUTES));
  expect(Math.max(...clock.slept)).toBe(24 * HOURS);
  expect(lines[0]).toBe('whether network policies are enforced was not found out {"reason":"no node"}');
});

test('what was known holds until three probes in a row could not tell', async () => {
  const failed = new Error('no node');
  const { clock, told, asked } = probing('true', failed, failed, 'true', failed, failed, failed);
  await clock.until('two more', () => asked() === 3);
  await clock.settle('them', () => told.length === 1);
  expect(told).toEqual(['true']);
  await clock.until('three more', () => told.includes('unknown'));
  expect(told).toEqual(['true', 'true', 'unknown']);
  expect(asked()).toBe(7);
});

test('both ports are open while it listens, the denied one first, and closed afterwards', async () => {
  // Of this test alone: the ports are the same everywhere.
  const host = '127.70.250.1';
  const stopping = new AbortController();
  const reach = () => Promise.all([canConnect(host, ALLOWED_PORT), canConnect(host, DENIED_PORT)]);
  expect(await reach()).toEqual([false, false]);
  const listening = listenForProbe(host, stopping.signal);
  await expect.poll(() => canConnect(host, ALLOWED_PORT), { timeout: 10_000, interval: 5 }).toBe(true);
  expect(await reach()).toEqual([true, true]);
  stopping.abort();
  await listening;
  expect(await reach()).toEqual([false, false]);
});
