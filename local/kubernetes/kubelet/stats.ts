/** What processes use: CPU time and memory of each container, from /proc. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Linux counts CPU time for programs in hundredths of a second, whatever the kernel's own tick. */
const TICK_NANOS = 10_000_000;
const PAGE = 4096;
/** A rate needs two looks; the second of a first request comes so soon. */
const FIRST_WINDOW_MS = 200;
/** An older look says nothing about now. */
const STALE_MS = 60_000;

/** How a container's processes are told: by their pid namespace, or as descendants of one. */
export interface StatsTarget {
  key: string;
  pidNamespace?: string | undefined;
  ancestor?: number | undefined;
}

export interface ContainerUsage {
  /** Billionths of a core. */
  nanoCores: number;
  bytes: number;
}

interface Look {
  at: number;
  cpuNanos: number;
  bytes: number;
}

interface Seen {
  pid: number;
  parent: number;
  namespace: string;
  cpuNanos: number;
  bytes: number;
}

async function processes(): Promise<Seen[]> {
  const pids = (await readdir('/proc').catch(() => [] as string[])).filter((name) => /^\d+$/.test(name));
  const seen = await Promise.all(
    pids.map(async (name): Promise<Seen | undefined> => {
      try {
        const stat = await readFile(`/proc/${name}/stat`, 'utf8');
        // The name in brackets may hold anything; what follows it is numbers.
        const fields = stat
          .slice(stat.lastIndexOf(')') + 2)
          .split(' ')
          .map(Number);
        const [parent = 0, user = 0, system = 0, pages = 0] = [fields[1], fields[11], fields[12], fields[21]];
        const namespace = await readlink(`/proc/${name}/ns/pid`).catch(() => '');
        return { pid: Number(name), parent, namespace, cpuNanos: (user + system) * TICK_NANOS, bytes: pages * PAGE };
      } catch {
        // Ended meanwhile.
        return undefined;
      }
    }),
  );
  return seen.filter((one) => one !== undefined);
}

function descendants(all: readonly Seen[], ancestor: number): Seen[] {
  const found = all.filter(({ pid }) => pid === ancestor);
  for (const one of found) found.push(...all.filter(({ parent }) => parent === one.pid));
  return found;
}

/** Remembers the last look at each container. */
export class Stats {
  #looks = new Map<string, Look>();

  async #look(targets: readonly StatsTarget[]): Promise<Map<string, Look>> {
    const all = await processes();
    const at = Date.now();
    const looks = targets.map(({ key, pidNamespace, ancestor }): [string, Look] => {
      const own = pidNamespace
        ? all.filter(({ namespace }) => namespace === pidNamespace)
        : ancestor
          ? descendants(all, ancestor)
          : [];
      const sum = (of: (one: Seen) => number) => own.reduce((total, one) => total + of(one), 0);
      return [key, { at, cpuNanos: sum(({ cpuNanos }) => cpuNanos), bytes: sum(({ bytes }) => bytes) }];
    });
    return new Map(looks);
  }

  /** The use of each target since the last look, by key. */
  async usage(targets: readonly StatsTarget[]): Promise<Map<string, ContainerUsage>> {
    const fresh = (look: Look | undefined) => look !== undefined && Date.now() - look.at < STALE_MS;
    if (!targets.every(({ key }) => fresh(this.#looks.get(key)))) {
      this.#looks = await this.#look(targets);
      await sleep(FIRST_WINDOW_MS);
    }
    const before = this.#looks;
    this.#looks = await this.#look(targets);
    const rates = [...this.#looks].map(([key, now]): [string, ContainerUsage] => {
      const last = before.get(key) ?? now;
      const seconds = Math.max(0.001, (now.at - last.at) / 1000);
      // What ended took its time with it.
      return [key, { nanoCores: Math.max(0, now.cpuNanos - last.cpuNanos) / seconds, bytes: now.bytes }];
    });
    return new Map(rates);
  }
}
