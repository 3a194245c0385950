/** What the soak's informer was told, compared with what its writer was answered. Pure. */

/** One acknowledged write. A delete has no version of its own: its object must go. */
export interface Acknowledged {
  verb: 'create' | 'update' | 'delete';
  name: string;
  uid: string;
  resourceVersion: string;
}

export type Told = Omit<Acknowledged, 'verb'> & { event: 'add' | 'update' | 'delete' };

export interface Verdict {
  /** Acknowledged writes of which the informer never heard. */
  missed: Acknowledged[];
  /** Events, and answers to the writer, whose version is not above the one before. */
  backward: string[];
}

const EVENT = { create: 'add', update: 'update', delete: 'delete' } as const;

function backwardIn(kind: string, versions: readonly { name: string; resourceVersion: string }[]): string[] {
  const found: string[] = [];
  let last = 0n;
  for (const { name, resourceVersion } of versions) {
    const version = BigInt(resourceVersion);
    if (version <= last) found.push(`${kind} of ${name}: version ${version} after ${last}`);
    if (version > last) last = version;
  }
  return found;
}

/** A deletion that an informer learns from a list has the last state that it knew, and its version. */
const hasOwnVersion = (heard: ReadonlySet<string>) => (one: Told) =>
  one.event !== 'delete' || !['add', 'update'].some((event) => heard.has(`${event} ${one.uid} ${one.resourceVersion}`));

/** Both lists in the order in which things arrived. */
export function judge(written: readonly Acknowledged[], told: readonly Told[]): Verdict {
  const keyOf = (event: Told['event'], { uid, resourceVersion }: Omit<Told, 'event'>) =>
    event === 'delete' ? `${event} ${uid}` : `${event} ${uid} ${resourceVersion}`;
  const heard = new Set(told.map((one) => keyOf(one.event, one)));
  return {
    missed: written.filter((one) => !heard.has(keyOf(EVENT[one.verb], one))),
    backward: [
      ...backwardIn('event', told.filter(hasOwnVersion(heard))),
      ...backwardIn(
        'answer',
        written.filter(({ verb }) => verb !== 'delete'),
      ),
    ],
  };
}
