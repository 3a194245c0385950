/** Counts every call that reached the endpoint, by service, operation and who made it: what AWS would bill. */

/** One counted call. */
export interface CallKey {
  readonly service: string;
  readonly operation: string;
  /** The caller's session name: the function's physical name. */
  readonly caller: string;
}

export interface Calls {
  count(key: CallKey): void;
  /** `service:Operation` → number, of all callers or of those that `of` accepts, since the last reset. */
  byOperation(of?: (caller: string) => boolean): Record<string, number>;
  all(): readonly (CallKey & { readonly count: number })[];
  reset(): void;
}

export function createCalls(): Calls {
  const counts = new Map<string, CallKey & { count: number }>();
  return {
    count(key) {
      const id = `${key.service}:${key.operation} ${key.caller}`;
      const found = counts.get(id);
      if (found) found.count += 1;
      else counts.set(id, { ...key, count: 1 });
    },
    byOperation(of = () => true) {
      const sums: Record<string, number> = {};
      for (const { service, operation, caller, count } of counts.values())
        if (of(caller)) sums[`${service}:${operation}`] = (sums[`${service}:${operation}`] ?? 0) + count;
      return Object.fromEntries(Object.entries(sums).sort(([a], [b]) => a.localeCompare(b)));
    },
    all: () => [...counts.values()],
    reset: () => counts.clear(),
  };
}
