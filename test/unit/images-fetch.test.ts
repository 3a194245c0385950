/** What a dev pod fetches at its start (images/common/fetch), run for real: git, folders, processes that are killed. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const common = join(import.meta.dirname, '../../images/common');
const DEMO = { ROADSTEAD_REPOSITORY: 'https://example.com/demo' };
/** Of the same name, by somebody else. */
const FORK = { ROADSTEAD_REPOSITORY: 'https://example.com/fork/demo' };

let folder: string;
const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { stdio: 'pipe' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-fetch-'));
  for (const [name, text] of [
    ['demo', 'hello'],
    ['fork/demo', 'forked'],
    ['other', 'other'],
  ] as const) {
    const at = join(folder, 'origin', name);
    git('init', '-q', '-b', 'main', at);
    writeFileSync(join(at, 'README'), text);
    git('-C', at, 'add', '.');
    git('-C', at, 'commit', '-qm', 'first');
    git('-C', at, 'branch', 'next');
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A dev pod's home and workspace; `https://example.com/` is the folder of repositories. */
const person = (name: string) => {
  const home = join(folder, name);
  const work = join(home, 'work');
  mkdirSync(work, { recursive: true });
  const settings = (more = '') =>
    writeFileSync(
      join(home, 'settings'),
      `[url "file://${join(folder, 'origin')}/"]\n\tinsteadOf = https://example.com/\n[safe]\n\tdirectory = *\n${more}`,
    );
  settings();
  const options = (environment: Record<string, string>) => ({
    env: {
      PATH: process.env.PATH ?? '',
      HOME: home,
      GIT_CONFIG_SYSTEM: join(home, 'settings'),
      ROADSTEAD_WORK_DIR: work,
      ROADSTEAD_RETRY_SECONDS: '0',
      ...environment,
    },
  });
  const script = join(common, 'fetch');
  return {
    home,
    work,
    settings,
    options,
    script,
    fetch: (environment: Record<string, string>) =>
      spawnSync('sh', [script], { encoding: 'utf8', ...options(environment) }),
    read: (path: string) => readFileSync(join(work, path), 'utf8'),
    git: (...args: string[]) => execFileSync('git', args, { stdio: 'pipe', ...options({}), cwd: work }),
  };
};

/** A process and all that came of it, which the kernel ends at once when it ends a container. */
const withDescendants = (pid: number): number[] => {
  const all = String(execFileSync('ps', ['-e', '-o', 'pid=', '-o', 'ppid=']))
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/).map(Number));
  const below = (of: number): number[] => [
    of,
    ...all.filter(([, ppid]) => ppid === of).flatMap(([own = 0]) => below(own)),
  ];
  return below(pid);
};

describe('a repository', () => {
  it('is cloned once, and what the person does with it is left alone', () => {
    const { fetch, read, work } = person('once');
    expect(fetch(DEMO).stdout).toBe('roadstead: repository Ready\n');
    expect(read('demo/README')).toBe('hello');
    expect(readdirSync(work)).toEqual(['.roadstead', 'demo']);
    rmSync(join(work, 'demo'), { recursive: true });
    expect(fetch(DEMO)).toMatchObject({ status: 0, stdout: 'roadstead: repository Ready\n' });
    expect(existsSync(join(work, 'demo'))).toBe(false);
  });

  it('is known again when the workspace outlived the home, whatever branch the person is on', () => {
    const { fetch, git } = person('outlived');
    const main = { ...DEMO, ROADSTEAD_BRANCH: 'main' };
    fetch(main);
    git('-C', 'demo', 'switch', '-q', 'next');
    expect(fetch({ ...main, HOME: person('another-home').home }).stdout).toBe('roadstead: repository Ready\n');
  });

  it('is cloned into an empty folder of its name, on the branch that is asked for', () => {
    const { fetch, work, git } = person('branch');
    mkdirSync(join(work, 'demo'));
    expect(fetch({ ...DEMO, ROADSTEAD_BRANCH: 'next' }).stdout).toBe('roadstead: repository Ready\n');
    expect(String(git('-C', 'demo', 'branch', '--show-current'))).toBe('next\n');
  });

  it('that cannot be cloned says why, and leaves nothing behind', () => {
    const { fetch, work } = person('failing');
    const result = fetch({ ROADSTEAD_REPOSITORY: 'https://example.com/absent' });
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^roadstead: repository Failed fatal: .*absent/);
    expect(readdirSync(work)).toEqual(['.roadstead']);
    expect(readdirSync(join(work, '.roadstead'))).toEqual(['said']);
  });

  it('whose cloning was killed half-way is cloned anew', async () => {
    const { fetch, read, script, options, settings, work } = person('killed');
    const reached = join(folder, 'killed-here');
    settings(`[uploadpack]\n\tpackObjectsHook = "touch ${reached}; sleep 60;"\n`);
    const fetching = spawn('sh', [script], { ...options(DEMO), stdio: 'ignore' });
    const ended = once(fetching, 'exit');
    await vi.waitFor(() => expect(existsSync(reached)).toBe(true), { timeout: 10_000 });
    for (const pid of withDescendants(fetching.pid as number)) process.kill(pid, 'SIGKILL');
    await ended;
    settings();
    expect(fetch(DEMO).stdout).toBe('roadstead: repository Ready\n');
    expect(read('demo/README')).toBe('hello');
    expect(readdirSync(work)).toEqual(['.roadstead', 'demo']);
  });

  it('takes no option and no transport that runs a command', () => {
    const { fetch } = person('hostile');
    const marker = join(folder, 'was-run');
    const option = fetch({ ROADSTEAD_REPOSITORY: `--upload-pack=touch ${marker}` });
    const transport = fetch({ ROADSTEAD_REPOSITORY: `ext::sh -c "touch ${marker}"` });
    expect([option.status, transport.status]).toEqual([1, 1]);
    expect(existsSync(marker)).toBe(false);
  });
});

describe('another repository than the one that was cloned', () => {
  it('is cloned beside it where there is room', () => {
    const { fetch, read } = person('beside');
    fetch(DEMO);
    expect(fetch({ ROADSTEAD_REPOSITORY: 'https://example.com/other' }).stdout).toBe('roadstead: repository Ready\n');
    expect([read('demo/README'), read('other/README')]).toEqual(['hello', 'other']);
  });

  it('is not said to be there when its place is taken, and comes when that was moved away', () => {
    const { fetch, read, work } = person('fork');
    fetch(DEMO);
    writeFileSync(join(work, 'demo/README'), 'my work');
    expect(fetch(FORK).stdout).toBe(
      `roadstead: repository Failed ${work}/demo is there already and holds https://example.com/demo, not https://example.com/fork/demo: move it away and restart the dev pod\n`,
    );
    expect(read('demo/README')).toBe('my work');
    expect(fetch(DEMO).stdout).toBe('roadstead: repository Ready\n');
    renameSync(join(work, 'demo'), join(work, 'mine'));
    expect(fetch(FORK).stdout).toBe('roadstead: repository Ready\n');
    expect([read('demo/README'), read('mine/README')]).toEqual(['forked', 'my work']);
  });

  it('or another branch is not taken for what is asked for, until the person has switched', () => {
    const { fetch, git } = person('switch');
    fetch(DEMO);
    const next = { ...DEMO, ROADSTEAD_BRANCH: 'next' };
    expect(fetch(next).stdout).toMatch(
      /^roadstead: repository Failed .*not on the branch next: git -C \S+ switch next/,
    );
    git('-C', 'demo', 'switch', '-q', 'next');
    expect(fetch(next).stdout).toBe('roadstead: repository Ready\n');
  });
});

describe('what somebody put in the place of the repository', () => {
  it('is that repository when they cloned it by hand', () => {
    const { fetch, git } = person('by-hand');
    git('clone', '-q', DEMO.ROADSTEAD_REPOSITORY);
    expect(fetch(DEMO).stdout).toBe('roadstead: repository Ready\n');
  });

  it('is left alone also when it came while the repository was being cloned', () => {
    const { fetch, settings, work, read } = person('meanwhile');
    settings(`[uploadpack]\n\tpackObjectsHook = "mkdir ${work}/demo; echo mine > ${work}/demo/notes;"\n`);
    expect(fetch(DEMO).stdout).toMatch(/^roadstead: repository Failed .*filled meanwhile.*: clone into it by hand$/m);
    expect(read('demo/notes')).toBe('mine\n');
    expect(readdirSync(join(work, 'demo'))).toEqual(['notes']);
  });

  it('is never taken for it otherwise, nor touched, and no password of theirs is told', () => {
    const { fetch, read, work, git } = person('theirs');
    mkdirSync(join(work, 'demo'));
    writeFileSync(join(work, 'demo/notes'), 'mine');
    expect(fetch(DEMO).stdout).toMatch(/^roadstead: repository Failed .*\/demo is there already and holds no clone/);
    git('init', '-q', 'demo');
    git('-C', 'demo', 'remote', 'add', 'origin', DEMO.ROADSTEAD_REPOSITORY);
    expect(fetch(DEMO).stdout).toContain(
      '/demo is there already and holds a clone of https://example.com/demo without a commit',
    );
    git('-C', 'demo', 'remote', 'set-url', 'origin', 'https://ada:s3cret@example.com/else');
    const { stdout } = fetch(DEMO);
    expect(stdout).toContain('holds https://example.com/else, not');
    expect(stdout).not.toContain('s3cret');
    expect(read('demo/notes')).toBe('mine');
  });
});

describe('dotfiles', () => {
  it('are linked where the person has none of that name', () => {
    const { fetch, home } = person('dotfiles');
    const at = join(folder, 'origin', 'dots');
    git('init', '-q', at);
    for (const name of ['.vimrc', '.inputrc']) writeFileSync(join(at, name), 'theirs');
    git('-C', at, 'add', '.');
    git('-C', at, 'commit', '-qm', 'first');
    writeFileSync(join(home, '.inputrc'), 'mine');
    const { stdout } = fetch({ ...DEMO, ROADSTEAD_DOTFILES: 'https://example.com/dots' });
    expect(stdout).toBe('roadstead: dotfiles Ready\nroadstead: repository Ready\n');
    expect(['.vimrc', '.inputrc'].map((name) => readFileSync(join(home, name), 'utf8'))).toEqual(['theirs', 'mine']);
  });
});
