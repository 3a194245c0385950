/** A container in namespaces of its own: its file system holds this machine's programs and the pod's volumes, and nothing else. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, expand } from './environment.ts';
import type { DevImage } from './images.ts';
import { wrapped } from './launch.ts';
import { enter, enterOnTerminal, initCommand, initOnTerminal, SYSTEM_PATH } from './namespace.ts';
import { rewrite } from './paths.ts';
import { clusterVariables, type SpecOptions } from './plain-process.ts';
import { makeRoot, NODE_FOLDER, type Root } from './rootfs.ts';
import type { Runnable } from './runnable.ts';

/** The first process needs some milliseconds until it can be entered. */
const READY_MS = 10_000;
const LOOK_MS = 20;

/** The pid, on this machine, of a container's first process, as soon as it can be entered. */
export async function firstProcess(root: Root): Promise<number> {
  for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(LOOK_MS)) {
    const pid = Number(await readFile(root.note, 'utf8').catch(() => ''));
    if (pid > 1) return pid;
  }
  throw new Error('the container cannot be entered: its first process did not start');
}

/** Throws ConfigError while something that the pod names is not there. Each call makes the container's file system anew. */
export async function containedProcess(
  options: SpecOptions & { dev: DevImage; beside?: number | undefined },
): Promise<Runnable> {
  const { pod, container, image, dev, mounts } = options;
  const { home } = dev.user;
  const base = {
    PATH: `${NODE_FOLDER}/bin:${home}/.local/bin:${SYSTEM_PATH}`,
    HOME: home,
    USER: dev.user.name,
    LOGNAME: dev.user.name,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    ...dev.env,
    ...clusterVariables(pod, options.server),
  };
  const env = await environment(pod, container, options.sources, options.facts, base);
  const uid = container.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? dev.user.uid;
  const cwd = container.workingDir || dev.workingDir;
  const hostname = pod.spec.hostname ?? pod.metadata.name;
  const root = await makeRoot({
    dir: join(options.podDir, 'containers', container.name),
    user: { ...dev.user, uid },
    hostname,
    podIP: options.facts.podIP,
    folders: [...dev.folders, cwd],
    mounts,
    readOnly: container.securityContext?.readOnlyRootFilesystem === true,
  });
  const own = (list: string[] | undefined) => list?.map((text) => expand(text, env));
  // An entrypoint becomes what it is given; given nothing, it is the image's own program.
  const given = [...(own(container.command) ?? []), ...(own(container.args) ?? [])];
  const command = given.length > 0 ? given : image.command;
  const variables = wrapped(env);

  const tty = container.tty === true;
  const main = (tty ? initOnTerminal : initCommand)(root, { hostname, uid, cwd, beside: options.beside }, command);
  return {
    isolation: 'user-namespace',
    fault: root.fault,
    main: { command: main.command, env: { ...main.env, ...variables }, cwd: '/', handshake: tty },
    async beside(words, terminal) {
      const pid = await firstProcess(root);
      const entering = terminal ? enterOnTerminal(pid, { uid, cwd }, words) : enter(pid, { uid, cwd }, words);
      const env = { ...entering.env, ...variables };
      return { command: entering.command, env, cwd: '/', handshake: terminal };
    },
    firstProcess: () => firstProcess(root),
    outside: (path) => rewrite(path, [...mounts, { mountPath: '/', folder: root.folder }]),
  };
}
