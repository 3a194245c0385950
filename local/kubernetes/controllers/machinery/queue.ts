/** A work queue with keys: one key is never worked on twice at once, what fails comes back later and later. */

/** Does the work of one key. A returned number asks for the key again after that many milliseconds. */
export type Reconcile = (key: string) => Promise<unknown>;

export interface QueueOptions {
  name: string;
  concurrency?: number;
  /** First and longest wait after a failure. */
  backoffMs?: number;
  maxBackoffMs?: number;
  log?: (line: string) => void;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #reconcile: Reconcile;
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, { timer: NodeJS.Timeout; at: number }>();
  readonly #failures = new Map<string, number>();
  #open = false;
  #stopped = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: QueueOptions, reconcile: Reconcile) {
    this.#options = options;
    this.#reconcile = reconcile;
  }

  /** Work begins: before, keys only gather (the caches are still filling). */
  start(): void {
    this.#open = true;
    this.#pump();
  }

  add(key: string): void {
    if (this.#stopped) return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#pump();
  }

  /** An earlier time asked for before stays. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return;
    const at = Date.now() + ms;
    const known = this.#timers.get(key);
    if (known && known.at <= at) return;
    clearTimeout(known?.timer);
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.add(key);
    }, ms);
    this.#timers.set(key, { timer, at });
  }

  /** Nothing new is begun; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    if (this.#running.size > 0) await this.#idle.promise;
  }

  #pump(): void {
    if (!this.#open) return;
    for (const key of this.#ready) {
      if (this.#running.size >= (this.#options.concurrency ?? 4)) return;
      this.#ready.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    try {
      const after = await this.#reconcile(key);
      this.#failures.delete(key);
      if (typeof after === 'number') this.addAfter(key, after);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      const wait = Math.min(
        this.#options.maxBackoffMs ?? 30_000,
        (this.#options.backoffMs ?? 20) * 2 ** Math.min(failures, 20),
      );
      // The first conflicts are everyday life: the cache was a moment behind.
      if (!this.#stopped && failures >= 2)
        this.#options.log?.(`${this.#options.name} ${key}: ${(error as Error).message}`);
      this.addAfter(key, wait);
    }
    this.#running.delete(key);
    if (this.#again.delete(key) && !this.#stopped) this.#ready.add(key);
    if (this.#running.size === 0) {
      this.#idle.resolve();
      this.#idle = Promise.withResolvers();
    }
    this.#pump();
  }
}
