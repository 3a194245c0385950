/** The image recipes: linted, and their scripts run for real where that needs no container. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const IMAGES = join(import.meta.dirname, '../../images');
const common = join(IMAGES, 'common');
const recipes = readdirSync(IMAGES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'common')
  .map(({ name }) => name);

describe('a recipe', () => {
  it('is there for each built-in template', () => {
    expect(recipes.sort()).toEqual(['claude-terraform', 'go', 'gpu-notebook', 'node', 'python']);
  });

  it.each(recipes)('%s has no finding of the linter', (name) => {
    const text = readFileSync(join(IMAGES, name, 'Dockerfile'), 'utf8');
    expect(validate(text).map(({ message }) => message)).toEqual([]);
  });

  it.each(recipes)('%s ends as uid 1000, with an entry point that reaps, and leaves no host key in a layer', (name) => {
    const text = readFileSync(join(IMAGES, name, 'Dockerfile'), 'utf8');
    expect([...text.matchAll(/^USER (.+)$/gm)].at(-1)?.[1]).toBe('1000:1000');
    expect(text).toContain('ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/lib/roadstead/start"]');
    expect(text).toContain('/etc/ssh/ssh_host_*');
    expect(text).not.toMatch(/sudo|:latest|curl[^|\n]*\|\s*(ba)?sh/);
  });

  it.each(['start', 'prepare', 'credentials', 'activity'])('runs %s, which a POSIX shell can read', (script) => {
    expect(spawnSync('sh', ['-n', join(common, script)]).status).toBe(0);
  });
});

describe('prepare', () => {
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], { stdio: 'pipe' });
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'roadstead-images-'));
    git('init', '-q', '-b', 'main', join(folder, 'origin', 'demo'));
    writeFileSync(join(folder, 'origin', 'demo', 'README'), 'hello');
    git('-C', join(folder, 'origin', 'demo'), 'add', '.');
    git('-C', join(folder, 'origin', 'demo'), 'commit', '-qm', 'first');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs it in a home of its own; `https://example.com/` is the folder of repositories. */
  const prepare = (home: string, environment: Record<string, string> = {}) => {
    mkdirSync(join(home, 'work'), { recursive: true });
    writeFileSync(
      join(home, 'rewrites'),
      `[url "${join(folder, 'origin')}/"]\n\tinsteadOf = https://example.com/\n[safe]\n\tdirectory = *\n`,
    );
    return spawnSync('sh', [join(common, 'prepare')], {
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH ?? '',
        HOME: home,
        GIT_CONFIG_SYSTEM: join(home, 'rewrites'),
        ROADSTEAD_PARTS_DIR: common,
        ROADSTEAD_WORK_DIR: join(home, 'work'),
        ROADSTEAD_RETRY_SECONDS: '0',
        ...environment,
      },
    });
  };

  it('clones the repository once, and leaves alone what the person does with it', () => {
    const home = join(folder, 'once');
    const repository = { ROADSTEAD_REPOSITORY: 'https://example.com/demo' };
    const first = prepare(home, repository);
    expect(first.stdout).toContain('roadstead: repository Ready');
    expect(readFileSync(join(home, 'work/demo/README'), 'utf8')).toBe('hello');
    rmSync(join(home, 'work/demo'), { recursive: true });
    expect(prepare(home, repository).status).toBe(0);
    expect(existsSync(join(home, 'work/demo'))).toBe(false);
  });

  it('says why a repository could not be cloned, and still prepares the rest', () => {
    const home = join(folder, 'failing');
    const result = prepare(home, { ROADSTEAD_REPOSITORY: 'https://example.com/absent', ROADSTEAD_GIT_NAME: 'Ada' });
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^roadstead: repository Failed .+/m);
    expect(readFileSync(join(home, '.gitconfig'), 'utf8')).toContain('name = Ada');
    expect(existsSync(join(home, '.zshrc'))).toBe(true);
  });

  it('takes no option and no transport that runs a command for a repository', () => {
    const home = join(folder, 'hostile');
    const marker = join(folder, 'was-run');
    const option = prepare(home, { ROADSTEAD_REPOSITORY: `--upload-pack=touch ${marker}` });
    const transport = prepare(home, { ROADSTEAD_REPOSITORY: `ext::sh -c "touch ${marker}"` });
    expect([option.status, transport.status]).toEqual([1, 1]);
    expect(existsSync(marker)).toBe(false);
  });
});

describe('activity', () => {
  /** What it says, and what happens at each of its looks. */
  const watched = async (say: string, until: (said: readonly string[], looks: number) => boolean) => {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-activity-'));
    const file = join(folder, 'activity');
    writeFileSync(join(folder, 'busy'), '');
    const script = spawn('sh', [join(common, 'activity'), file], {
      env: {
        PATH: process.env.PATH ?? '',
        ROADSTEAD_RUN_DIR: folder,
        ROADSTEAD_ACTIVITY_SECONDS: '0.02',
        ROADSTEAD_SAY_SECONDS: say,
      },
    });
    const ended = new Promise((resolve) => script.once('close', resolve));
    let out = '';
    script.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const said = () => out.split('\n').slice(0, -1);
    try {
      let looks = 0;
      await vi.waitFor(
        () => {
          if (existsSync(file) && /^\d+\n$/.test(readFileSync(file, 'utf8'))) {
            looks += 1;
            writeFileSync(file, '');
          }
          expect(until(said(), looks)).toBe(true);
        },
        { timeout: 10_000, interval: 5 },
      );
      return said();
    } finally {
      script.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it('notes each look at which somebody was at work, and says it once', async () => {
    expect(await watched('3600', (said, looks) => looks >= 4 && said.length > 0)).toEqual(['roadstead: idle 0']);
  });

  it('says it again after a while', async () => {
    const said = await watched('1', ({ length }) => length >= 2);
    expect(said.slice(0, 2)).toEqual(['roadstead: idle 0', 'roadstead: idle 0']);
  });
});

describe('the credential helper', () => {
  it('gives the token of the host that is asked for, from its file, and none to plain http', () => {
    const secrets = mkdtempSync(join(tmpdir(), 'roadstead-secrets-'));
    try {
      writeFileSync(join(secrets, 'GITHUB_TOKEN'), 'ghp_secret');
      const ask = (question: string) =>
        spawnSync('sh', [join(common, 'credentials'), 'get'], {
          encoding: 'utf8',
          input: question,
          env: { PATH: process.env.PATH ?? '', ROADSTEAD_SECRETS_DIR: secrets },
        }).stdout;
      expect(ask('protocol=https\nhost=github.com\n\n')).toBe('username=x-access-token\npassword=ghp_secret\n');
      expect(ask('protocol=http\nhost=github.com\n\n')).toBe('');
      expect(ask('protocol=https\nhost=evil.example\n\n')).toBe('');
    } finally {
      rmSync(secrets, { recursive: true, force: true });
    }
  });
});
