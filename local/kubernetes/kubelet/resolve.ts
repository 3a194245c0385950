/** From a container of a known image to its process here: kept apart from this machine where that can be, plain otherwise. */
import type { Container, Pod } from '../controllers/machinery/types.ts';
import { containedProcess } from './contained-process.ts';
import type { PodFacts, Sources } from './environment.ts';
import { type KnownImage, knownImage } from './images.ts';
import { plainProcess } from './plain-process.ts';
import { removeTree } from './remove-tree.ts';
import type { Runnable } from './runnable.ts';
import { terminationFile } from './termination-message.ts';
import type { PodVolumes } from './volumes.ts';

export interface ResolveOptions {
  pod: Pod;
  images: Record<string, KnownImage>;
  /** The API server, as pods are told. */
  server: URL;
  sources: Sources;
  facts: PodFacts;
  volumes: PodVolumes;
  podDir: string;
  /** The first process of a container whose processes this one is to see. */
  beside: number | undefined;
  /** Why containers of dev images are not kept apart; undefined: they are. */
  isolationFault(): Promise<string | undefined>;
}

/** What to start; undefined: the image is not run here. Throws ConfigError while something that the pod names is not there. */
export async function resolveContainer(
  container: Container,
  { images, volumes, isolationFault, ...given }: ResolveOptions,
): Promise<Runnable | undefined> {
  const image = knownImage(images, container.image ?? '');
  if (image === undefined) return undefined;
  // One that was added later may show volumes that no other does.
  await volumes.write([container]);
  const said = await terminationFile(given.podDir, container);
  const mounts = [...(await volumes.mounts(container)), ...(image.dev ? [image.dev.parts] : []), said];
  const options = { ...given, container, image, mounts };
  const { dev } = image;
  const contained = dev !== undefined && (await isolationFault()) === undefined;
  const started = await (contained ? containedProcess({ ...options, dev }) : plainProcess(options));
  const process = { ...started, terminationLog: said.folder };
  // With a command of its own the image's program does not run, and nothing of it listens.
  if (dev === undefined || (container.command ?? container.args)?.length) return process;
  const once = process.outside(dev.started);
  // Volumes outlive a run: what the one before said is not of this one.
  await removeTree(once);
  return { ...process, held: { ports: dev.ports, once } };
}
