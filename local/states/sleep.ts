/** Waiting that ends early when an execution is stopped, and timers longer than Node's 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Waits `ms` milliseconds; rejects with the signal's reason when it is aborted first. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0; left -= LONGEST_MS) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(left, LONGEST_MS));
    await orAborted(promise, signal).finally(() => clearTimeout(timer));
  }
  signal.throwIfAborted();
}

/** `promise`, or a rejection with the signal's reason, whichever is first. Leaves no listener behind. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
