/** The file system of a container: this machine's programs, read-only, and beside them only what the pod names. */
import { lstat, mkdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { ConfigError } from './environment.ts';
import type { Mount } from './paths.ts';
import { removeTree } from './remove-tree.ts';

/** A root folder that is ready to be mounted. */
export interface Root {
  folder: string;
  /** What to mount where, as an fstab. */
  table: string;
  /** File in which the container's first process notes its pid. */
  note: string;
  /** File in which it is said why the container's program could not be started. */
  fault: string;
}

export interface RootOptions {
  /** The container's folder; `root` in it is made anew. */
  dir: string;
  user: { name: string; uid: number; home: string };
  hostname: string;
  podIP: string;
  /** Folders that the image has. */
  folders: readonly string[];
  mounts: readonly Mount[];
  /** `readOnlyRootFilesystem`. */
  readOnly?: boolean;
}

const READ_ONLY = 'bind,ro,nosuid,nodev';
/** Programs and their libraries. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix'];
/** What programs look up under /etc: nothing of users, hosts or keys of this machine. */
const CONFIG_FILES =
  'bash.bashrc inputrc ld.so.cache ld.so.conf localtime mime.types nsswitch.conf os-release profile protocols resolv.conf services shells ssl/openssl.cnf'.split(
    ' ',
  );
const CONFIG_FOLDERS =
  'alternatives ca-certificates ld.so.conf.d pki/ca-trust pki/tls/certs ssl/certs terminfo zsh'.split(' ');
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
/** Parts of /proc through which root of this machine could change it, even without capabilities (as in the OCI runtime's default). */
const PROC_READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];
const LINKS = [
  ['var/run', '../run'],
  ['etc/mtab', '../proc/self/mounts'],
  ['dev/ptmx', 'pts/ptmx'],
  ['dev/fd', '../proc/self/fd'],
  ['dev/stdin', '../proc/self/fd/0'],
  ['dev/stdout', '../proc/self/fd/1'],
  ['dev/stderr', '../proc/self/fd/2'],
] as const;
/** Where this process's own Node.js is found inside. */
export const NODE_FOLDER = '/opt/node';
const NPM = 'lib/node_modules/npm';

const kindOf = async (path: string): Promise<'folder' | 'file' | 'none'> => {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 'none' : found.isDirectory() ? 'folder' : 'file';
};

/** A path in an fstab has no white space. */
const escaped = (path: string): string =>
  path.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
const line = (what: string, where: string, type: string, options: string): string =>
  `${escaped(what)} ${escaped(where)} ${type} ${options} 0 0\n`;

/** Makes the place that something is mounted on: a folder or an empty file. Links on the way there could lead out of the container. */
async function makeTarget(base: string, path: string, kind: 'folder' | 'file'): Promise<void> {
  const parts = path.split('/').filter(Boolean);
  let at = base;
  for (const [index, part] of parts.entries()) {
    at = join(at, part);
    const found = await lstat(at).catch(() => undefined);
    const last = index === parts.length - 1;
    if (found?.isSymbolicLink())
      throw new ConfigError(
        `mount path "${path}" leads through a symbolic link: choose another`,
        'CreateContainerError',
      );
    if (found) continue;
    if (last && kind === 'file') await writeFile(at, '');
    else await mkdir(at, { mode: 0o755 });
  }
}

/** Mounts of this machine below a folder. */
async function mountsBelow(folder: string): Promise<string[]> {
  const text = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((row) => row.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`) && !path.includes('\\'));
}

async function systemTable(root: string): Promise<string> {
  let table = '';
  for (const path of SYSTEM) {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSymbolicLink()) await symlink((await readlink(path)).replace(/^\/+/, ''), join(root, path));
    else if (found?.isDirectory()) {
      await mkdir(join(root, path));
      table += line(path, join(root, path), 'none', `r${READ_ONLY}`);
      for (const below of await mountsBelow(path)) table += line(below, join(root, below), 'none', READ_ONLY);
    }
  }
  for (const name of CONFIG_FILES) {
    const content = await readFile(join('/etc', name)).catch(() => undefined);
    if (content === undefined) continue;
    await mkdir(dirname(join(root, 'etc', name)), { recursive: true });
    await writeFile(join(root, 'etc', name), content);
  }
  for (const name of CONFIG_FOLDERS) {
    if ((await kindOf(join('/etc', name))) !== 'folder') continue;
    await mkdir(join(root, 'etc', name), { recursive: true });
    table += line(join('/etc', name), join(root, 'etc', name), 'none', READ_ONLY);
  }
  return table;
}

/** This process's own Node.js with its npm, and nothing else of the folder that they are in. One of the system is in /usr already. */
async function nodeTable(root: string): Promise<string> {
  if (process.execPath.startsWith('/usr/')) return '';
  const at = (path: string) => join(root, NODE_FOLDER, path);
  await mkdir(at('bin'), { recursive: true });
  await writeFile(at('bin/node'), '');
  const table = line(process.execPath, at('bin/node'), 'none', READ_ONLY);
  const npm = join(dirname(dirname(process.execPath)), NPM);
  if ((await kindOf(npm)) !== 'folder') return table;
  await mkdir(at(NPM), { recursive: true });
  for (const name of ['npm', 'npx']) await symlink(`../${NPM}/bin/${name}-cli.js`, at(`bin/${name}`));
  return table + line(npm, at(NPM), 'none', READ_ONLY);
}

async function kernelTable(root: string): Promise<string> {
  const proc = join(root, 'proc');
  let table = line('proc', proc, 'proc', 'nosuid,nodev,noexec');
  for (const name of PROC_READ_ONLY)
    if ((await kindOf(`/proc/${name}`)) !== 'none')
      table += line(join(proc, name), join(proc, name), 'none', READ_ONLY);
  for (const device of DEVICES) {
    await writeFile(join(root, 'dev', device), '');
    table += line(`/dev/${device}`, join(root, 'dev', device), 'none', 'bind');
  }
  table += line('devpts', join(root, 'dev/pts'), 'devpts', 'newinstance,ptmxmode=0666,mode=0620');
  table += line('shm', join(root, 'dev/shm'), 'tmpfs', 'nosuid,nodev,noexec,mode=1777,size=64m');
  return table;
}

async function mountTable(root: string, mounts: readonly Mount[]): Promise<string> {
  // `/var/run` is a link to `/run` in every image.
  const at = (path: string) =>
    normalize(`/${path}`)
      .replace(/\/+$/, '')
      .replace(/^\/var\/run(?=\/|$)/, '/run');
  const sorted = mounts
    .map((mount) => ({ ...mount, mountPath: at(mount.mountPath) }))
    .sort((a, b) => (a.mountPath < b.mountPath ? -1 : 1));
  let table = '';
  for (const [index, { mountPath, folder, readOnly }] of sorted.entries()) {
    const kind = await kindOf(folder);
    if (kind === 'none')
      throw new ConfigError(`failed to mount "${mountPath}": its source is not there`, 'CreateContainerError');
    // Inside another mount, the place is one of that volume.
    const outer = sorted.slice(0, index).findLast((other) => mountPath.startsWith(`${other.mountPath}/`));
    if (outer) await makeTarget(outer.folder, mountPath.slice(outer.mountPath.length), kind);
    else await makeTarget(root, mountPath, kind);
    table += line(folder, join(root, mountPath), 'none', readOnly ? READ_ONLY : 'bind');
  }
  return table;
}

/** Makes the root folder of a container anew, with the table of its mounts. Throws ConfigError for a mount that cannot be. */
export async function makeRoot(options: RootOptions): Promise<Root> {
  const { dir, user, hostname, podIP } = options;
  const root: Root = {
    folder: join(dir, 'root'),
    table: join(dir, 'fstab'),
    note: join(dir, 'pid'),
    fault: join(dir, 'fault'),
  };
  await removeTree(root.folder);
  for (const file of [root.note, root.fault]) await rm(file, { force: true });
  const folders = [
    'proc',
    'dev/pts',
    'dev/shm',
    'etc',
    'tmp',
    'var/tmp',
    'var/log',
    'run',
    'opt',
    user.home,
    ...options.folders,
  ];
  for (const folder of folders) await mkdir(join(root.folder, folder), { recursive: true, mode: 0o755 });
  for (const [path, to] of LINKS) await symlink(to, join(root.folder, path));
  const { name, uid, home } = user;
  const etc = {
    passwd: `root:x:0:0:root:/root:/bin/sh\n${name}:x:${uid}:${uid}::${home}:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n`,
    group: `root:x:0:\n${name}:x:${uid}:\nnogroup:x:65534:\n`,
    hostname: `${hostname}\n`,
    hosts: `127.0.0.1 localhost\n::1 localhost\n${podIP} ${hostname}\n`,
  };
  const table = [
    line(root.folder, root.folder, 'none', options.readOnly ? READ_ONLY : 'bind'),
    await systemTable(root.folder),
    await nodeTable(root.folder),
    await kernelTable(root.folder),
    await mountTable(root.folder, options.mounts),
  ];
  for (const [file, text] of Object.entries(etc)) await writeFile(join(root.folder, 'etc', file), text);
  await writeFile(root.table, table.join(''), { mode: 0o600 });
  return root;
}
