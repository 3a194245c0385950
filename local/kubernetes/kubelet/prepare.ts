/** What has to be there before a container starts: an image that can be pulled, and all that the pod names. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from '../controllers/machinery/types.ts';
import { ConfigError } from './environment.ts';
import { pullFailure, repositoryOf } from './images.ts';
import type { Backoff } from './restart.ts';
import type { Runnable } from './runnable.ts';

export interface PrepareHost {
  backoff: Backoff;
  /**
   * What to start; undefined: the image is not run here. Throws ConfigError. `beside`: the first process of a container whose processes it
   * is to see, as far as it is kept apart from this machine at all.
   */
  resolve(container: Container, beside?: number): Promise<Runnable | undefined>;
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** How often a container that lacks a secret, a config map or a valid name is tried again. */
const CONFIG_RETRY_MS = 1_000;
/** How long the reason of a failed pull is shown before that of the back-off. */
const PULL_SHOWN = 0.5;

type Waiting = (reason: string, message: string) => void;

const pause = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => undefined);

/** Fails for ever, with the kubelet's reasons and back-off: what is not there does not come. */
async function pullInVain(
  host: PrepareHost,
  image: string,
  why: string,
  signal: AbortSignal,
  waiting: Waiting,
): Promise<void> {
  const { baseMs, maxMs } = host.backoff;
  for (let wait = baseMs; !signal.aborted; wait = Math.min(wait * 2, maxMs)) {
    host.event('Normal', 'Pulling', `Pulling image "${image}"`);
    host.event('Warning', 'Failed', `Failed to pull image "${image}": ${why}`);
    host.event('Warning', 'Failed', 'Error: ErrImagePull');
    waiting('ErrImagePull', why);
    await pause(wait * PULL_SHOWN, signal);
    if (signal.aborted) return;
    host.event('Normal', 'BackOff', `Back-off pulling image "${image}"`);
    host.event('Warning', 'Failed', 'Error: ImagePullBackOff');
    waiting('ImagePullBackOff', `Back-off pulling image "${image}": ErrImagePull: ${why}`);
    await pause(wait * (1 - PULL_SHOWN), signal);
  }
}

/** What to start, as soon as it can be; undefined: nothing (a simulated image), or the signal came first. */
export async function prepare(
  host: PrepareHost,
  container: Container,
  signal: AbortSignal,
  waiting: Waiting,
): Promise<Runnable | undefined> {
  const { image = '' } = container;
  while (!signal.aborted) {
    try {
      if (repositoryOf(image) === undefined) {
        const why = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
        throw new ConfigError(why, 'InvalidImageName');
      }
      const absent = pullFailure(image);
      if (absent !== undefined) {
        await pullInVain(host, image, absent, signal, waiting);
        return undefined;
      }
      const runnable = await host.resolve(container);
      host.event('Normal', 'Pulled', `Container image "${image}" already present on machine`);
      return runnable;
    } catch (error) {
      const reason = error instanceof ConfigError ? error.reason : 'CreateContainerError';
      const { message } = error as Error;
      if (reason === 'InvalidImageName') host.event('Warning', 'InspectFailed', message);
      else host.event('Warning', 'Failed', `Error: ${message}`);
      waiting(reason, message);
      await pause(CONFIG_RETRY_MS, signal);
    }
  }
  return undefined;
}
