/** The volumes of a pod over its life: written as soon as all that they show is there, and looked at again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../controllers/machinery/types.ts';
import { ConfigError } from './environment.ts';
import type { PodVolumes } from './volumes.ts';

export interface VolumeLife {
  volumes: PodVolumes;
  /** Those whose volumes are of this machine. */
  containers: Container[];
  /** How often secrets, config maps and tokens are looked at again. */
  refreshMs: number;
  signal: AbortSignal;
  log(message: string): void;
  /** Why the pod cannot start yet. */
  missing(message: string): void;
}

const RETRY_MS = 500;
const RETRY_MAX_MS = 10_000;

/** Writes the volumes, as soon as all that they show is there. False: the pod was ended meanwhile. */
export async function mountVolumes({ volumes, containers, signal, log, missing }: VolumeLife): Promise<boolean> {
  for (let wait = RETRY_MS; !signal.aborted; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
    try {
      await volumes.write(containers);
      return true;
    } catch (error) {
      if (error instanceof ConfigError) missing(error.message);
      else log((error as Error).message);
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}

/** Until the signal. */
export async function refreshVolumes({ volumes, containers, refreshMs, signal, log }: VolumeLife): Promise<void> {
  while (containers.length > 0 && !signal.aborted) {
    await sleep(refreshMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // What cannot be read now keeps its last content; the next turn tries again.
    await volumes.write(containers).catch((error) => log((error as Error).message));
  }
}
