/** A container as a plain process of this machine: command, environment and folder, with the paths of its mounts made real. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, Pod } from '../controllers/machinery/types.ts';
import { environment, expand, type PodFacts, type Sources } from './environment.ts';
import type { KnownImage } from './images.ts';
import { LAUNCH } from './launch.ts';
import { MARK } from './marked.ts';
import { type Mount, rewrite } from './paths.ts';
import type { Runnable } from './runnable.ts';

/** What a process finds in the place of a container's file system and of the image's environment. */
const BASE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface SpecOptions {
  pod: Pod;
  container: Container;
  image: KnownImage;
  /** The API server, as pods are told. */
  server: URL;
  sources: Sources;
  facts: PodFacts;
  mounts: Mount[];
  podDir: string;
}

/** What every container is told of its cluster. */
export const clusterVariables = (pod: Pod, server: URL): Record<string, string> => ({
  HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
  KUBERNETES_SERVICE_HOST: server.hostname,
  KUBERNETES_SERVICE_PORT: server.port || '443',
  KUBERNETES_SERVICE_PORT_HTTPS: server.port || '443',
});

/** Throws ConfigError while something that the pod names is not there. */
export async function plainProcess(options: SpecOptions): Promise<Runnable> {
  const { pod, container, image, server } = options;
  const home = join(options.podDir, 'containers', container.name);
  await mkdir(join(home, 'tmp'), { recursive: true, mode: 0o700 });
  const base: Record<string, string> = {
    PATH: `${dirname(process.execPath)}:${BASE_PATH}`,
    HOME: home,
    [MARK]: join(home, 'tmp'),
    ...clusterVariables(pod, server),
  };
  // Folders that an image has and no volume stands for lie in the container's own.
  const mounts = [...options.mounts];
  for (const mountPath of image.dev?.folders ?? []) {
    if (mounts.some((mount) => mount.mountPath === mountPath)) continue;
    const folder = join(home, mountPath);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    mounts.push({ mountPath, folder });
  }
  for (const [name, value] of Object.entries(image.dev?.env ?? {})) base[name] = rewrite(value, mounts);
  const env = await environment(pod, container, options.sources, options.facts, base);
  // Only what the pod wrote names paths of a container; the image's command and our own variables are of this machine.
  const inside = (text: string) => rewrite(text, mounts);
  const own = (list: string[] | undefined) => list?.map((text) => inside(expand(text, env)));
  const args = own(container.args) ?? [];
  // The entrypoint of a dev image becomes what it is given.
  const entrypoint = image.dev && args.length > 0 ? [] : image.command.map((text) => (image.dev ? inside(text) : text));
  const command = [...(own(container.command) ?? entrypoint), ...args];
  for (const [name, value] of Object.entries(env)) if (value !== base[name]) env[name] = inside(value);
  // A dev image's home is the volume there, if the pod has one.
  if (image.dev && inside(image.dev.user.home) !== image.dev.user.home) env.HOME = inside(image.dev.user.home);
  const workingDir = container.workingDir || image.dev?.workingDir || '';
  const wanted = inside(workingDir);
  const cwd = wanted === workingDir ? home : wanted;
  // As a container runtime makes it.
  if (cwd !== home) await mkdir(cwd, { recursive: true }).catch(() => undefined);
  return {
    isolation: 'process',
    mark: join(home, 'tmp'),
    outside: inside,
    main: { command, env, cwd, handshake: false },
    beside: async (words) => ({
      command: ['/bin/sh', '-c', 'eval "$LAUNCH"', 'sh', cwd, ...words.map(inside)],
      env: { ...env, LAUNCH },
      cwd: '/',
      handshake: false,
    }),
  };
}
