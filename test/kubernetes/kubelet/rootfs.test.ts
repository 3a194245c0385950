import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isolationFault } from '#local/kubernetes/kubelet/isolation.ts';
import { LAUNCH, quoted, wrapped } from '#local/kubernetes/kubelet/launch.ts';
import { removeTree } from '#local/kubernetes/kubelet/remove-tree.ts';
import { makeRoot } from '#local/kubernetes/kubelet/rootfs.ts';
import { subPathOf } from '#local/kubernetes/kubelet/sub-path.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'root fs-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const user = { name: 'node', uid: 1000, home: '/home/node' };
const options = { user, hostname: 'h', podIP: '127.1.1.1', folders: [] };

describe('the root of a container', () => {
  test('has the mounts of the pod in the order of their paths, with what is read-only marked', async () => {
    const [outer, inner, file] = [join(dir, 'outer'), join(dir, 'inner'), join(dir, 'a file')];
    await mkdir(outer);
    await mkdir(inner);
    await writeFile(file, 'x');
    const root = await makeRoot({
      ...options,
      dir: join(dir, 'one'),
      mounts: [
        { mountPath: '/data/inner', folder: inner, readOnly: true },
        { mountPath: '/data/', folder: outer },
        { mountPath: '/var/run/secret.txt', folder: file },
      ],
    });
    const table = await readFile(root.table, 'utf8');
    const own = table.split('\n').filter((line) => /\/(inner|outer|a\\040file) /.test(line));
    const at = (path: string) => `${root.folder}${path}`.replaceAll(' ', '\\040');
    expect(own.map((line) => line.split(' ').slice(1, 4).join(' '))).toEqual([
      `${at('/data')} none bind`,
      `${at('/data/inner')} none bind,ro,nosuid,nodev`,
      `${at('/run/secret.txt')} none bind`,
    ]);
    // The place of the inner mount is in the outer volume.
    expect(spawnSync('ls', [outer]).stdout.toString()).toBe('inner\n');
  });

  test('takes no mount whose place a tenant has turned into a link', async () => {
    const volume = join(dir, 'volume');
    await mkdir(volume);
    await symlink('/etc', join(volume, 'inner'));
    const mounts = [
      { mountPath: '/data', folder: volume },
      { mountPath: '/data/inner/x', folder: dir },
    ];
    await expect(makeRoot({ ...options, dir: join(dir, 'two'), mounts })).rejects.toThrow(
      'leads through a symbolic link',
    );
  });

  test('names no account and no key of this machine', async () => {
    const root = await makeRoot({ ...options, dir: join(dir, 'three'), mounts: [] });
    expect(await readFile(join(root.folder, 'etc/passwd'), 'utf8')).toContain('node:x:1000:1000::/home/node');
    expect(spawnSync('ls', [join(root.folder, 'etc')]).stdout.toString()).not.toMatch(/shadow|ssh|sudoers/);
  });

  test('can be made in a folder whose name has a space, where it can be made at all', async () => {
    const plain = await mkdtemp(join(tmpdir(), 'plain-'));
    expect(await isolationFault(dir)).toBe(await isolationFault(plain));
    await rm(plain, { recursive: true, force: true });
  });
});

test('a part of a volume is made where it is missing, and is never outside of the volume', async () => {
  const volume = join(dir, 'parts');
  await mkdir(volume);
  expect(await subPathOf(volume, 'a/b')).toBe(join(volume, 'a/b'));
  expect(await subPathOf(volume, '../../etc')).toBe(join(volume, 'etc'));
  await symlink('/etc', join(volume, 'link'));
  await expect(subPathOf(volume, 'link/passwd')).rejects.toThrow('symbolic link');
});

test('what a tenant locked is removed all the same', async () => {
  const locked = join(dir, 'locked');
  await mkdir(join(locked, 'inner'), { recursive: true });
  await writeFile(join(locked, 'inner', 'file'), '');
  await chmod(join(locked, 'inner'), 0);
  await removeTree(locked);
  expect(spawnSync('ls', [locked]).status).not.toBe(0);
});

describe('a command', () => {
  const launch = (env: Record<string, string>, ...words: string[]) => {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', LAUNCH, 'sh', dir, ...words], {
      env: { PATH: process.env.PATH, ...wrapped({ PATH: process.env.PATH ?? '', ...env }) },
    });
    return { code: status, out: stdout.toString(), err: stderr.toString() };
  };

  test('starts in its folder with its environment, odd names and all', () => {
    const env = { QUOTE: `it's "odd" $HOME`, 'tls.crt': 'a b' };
    expect(launch(env, 'sh', '-c', 'pwd; printf "%s\\n" "$QUOTE"').out).toBe(`${dir}\nit's "odd" $HOME\n`);
    expect(launch(env, 'env').out).toContain('tls.crt=a b\n');
    expect(launch(env, 'env').out).not.toContain('LAUNCH');
  });

  test('that is not there, or may not run, says so', async () => {
    expect(launch({}, 'no-such')).toMatchObject({
      code: 127,
      err: expect.stringContaining('executable file not found in $PATH'),
    });
    expect(launch({}, '/no/such')).toMatchObject({
      code: 127,
      err: expect.stringContaining('stat /no/such: no such file or directory'),
    });
    await writeFile(join(dir, 'text'), 'x', { mode: 0o644 });
    expect(launch({}, './text').code).toBe(126);
  });

  test('is quoted as the shell reads it', () => {
    expect(quoted(`a'b`)).toBe(`'a'\\''b'`);
  });
});
