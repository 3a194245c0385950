/** The image recipes: linted, and their scripts run for real where that needs no container. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { describe, expect, it, vi } from 'vitest';
import { SecretName } from '#core/contract/seat.ts';
import { SECRETS_DIR } from '#core/domain/seat/allowed.ts';

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

  const scripts = ['start', 'prepare', 'fetch', 'session', 'credentials', 'activity'].map((name) => `common/${name}`);
  it.each([...scripts, 'gpu-notebook/service'])('runs %s, which a POSIX shell can read', (script) => {
    expect(spawnSync('sh', ['-n', join(IMAGES, script)]).status).toBe(0);
  });

  it('that has a service takes it along, where start looks for it', () => {
    for (const name of recipes) {
      const text = readFileSync(join(IMAGES, name, 'Dockerfile'), 'utf8');
      expect(text.includes(` ${name}/service /usr/local/lib/roadstead/`), name).toBe(
        existsSync(join(IMAGES, name, 'service')),
      );
    }
  });
});

describe('prepare', () => {
  it('puts there what is missing, and only that', () => {
    const home = mkdtempSync(join(tmpdir(), 'roadstead-home-'));
    try {
      writeFileSync(join(home, '.bashrc'), 'mine');
      const { status } = spawnSync('sh', [join(common, 'prepare')], {
        env: { PATH: process.env.PATH ?? '', HOME: home, ROADSTEAD_PARTS_DIR: common, ROADSTEAD_GIT_NAME: 'Ada' },
      });
      expect(status).toBe(0);
      expect(readFileSync(join(home, '.gitconfig'), 'utf8')).toMatch(/name = Ada[\s\S]*helper = .*credentials/);
      expect(readFileSync(join(home, '.zshrc'), 'utf8')).toContain('HISTFILE');
      expect(readFileSync(join(home, '.bashrc'), 'utf8')).toBe('mine');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});

describe('start', () => {
  /** Runs it with the folder as home, run folder and workspace; `until` is asked for what must come before it is told to end. */
  const started = async (
    environment: Record<string, string>,
    until: (folder: string, said: () => string) => unknown,
  ) => {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-start-'));
    // A shell between: a start script whose parent is the first process of all takes itself for that of a container.
    const script = spawn('sh', ['-c', 'sh "$0" & echo $!; wait', join(common, 'start')], {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        ROADSTEAD_PARTS_DIR: common,
        ROADSTEAD_RUN_DIR: folder,
        ROADSTEAD_WORK_DIR: folder,
        ROADSTEAD_SSHD: '',
        ROADSTEAD_ACTIVITY_SECONDS: '0.05',
        ...environment,
      },
    });
    const ended = once(script, 'exit');
    let said = '';
    for (const stream of [script.stdout, script.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
      });
    try {
      await vi.waitFor(() => expect(existsSync(join(folder, 'started'))).toBe(true), { timeout: 10_000 });
      await until(folder, () => said);
      process.kill(Number(/^\d+$/m.exec(said)?.[0]));
      await ended;
    } finally {
      script.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  };

  it('comes to sshd while a repository is being fetched, and ends the fetching when it is told to end', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const repository = `https://127.0.0.1:${(silent.address() as AddressInfo).port}/nobody/there`;
    const asked = once(silent, 'connection');
    let closed: Promise<unknown> | undefined;
    try {
      await started({ ROADSTEAD_REPOSITORY: repository }, async () => {
        const [git] = (await asked) as [Socket];
        closed = once(git.resume(), 'close');
      });
      // The connection ends with git itself.
      await closed;
    } finally {
      silent.close();
    }
  });

  it('keeps the environment for those who come by ssh where only they can read it, and says what they lack', async () => {
    const secrets = mkdtempSync(join(tmpdir(), 'roadstead-secrets-'));
    try {
      writeFileSync(join(secrets, 'ssh_host_key'), 'key');
      // In the place of sshd.
      writeFileSync(join(secrets, 'sshd'), '#!/bin/sh\necho "sshd $*"\nexec sleep 60\n', { mode: 0o755 });
      const environment = {
        ROADSTEAD_SSHD: join(secrets, 'sshd'),
        ROADSTEAD_SECRETS_DIR: secrets,
        PARAM_two: "it's\ntwo",
      };
      await started(environment, async (folder, said) => {
        await vi.waitFor(() =>
          expect(said()).toContain(`sshd -D -e -f ${common}/sshd_config -h ${secrets}/ssh_host_key`),
        );
        expect(said()).toContain('there is no secret SSH_AUTHORIZED_KEYS');
        expect(statSync(join(folder, 'environment')).mode & 0o777).toBe(0o600);
        const login = (command: string, input = '') =>
          spawnSync('sh', [join(common, 'session')], {
            encoding: 'utf8',
            input,
            env: { PATH: '/bin', SHELL: '/bin/sh', ROADSTEAD_RUN_DIR: folder, SSH_ORIGINAL_COMMAND: command },
          });
        expect(login('echo "$PARAM_two"; exit 3')).toMatchObject({ stdout: "it's\ntwo\n", status: 3 });
        expect(login('', 'echo "$PATH"').stdout).toBe(`${process.env.PATH}\n`);
      });
    } finally {
      rmSync(secrets, { recursive: true, force: true });
    }
  });
});

describe('JupyterLab', () => {
  it('is started again when it ends, on 8080, with a token of its own that no log and no argument holds', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-jupyter-'));
    // In the place of JupyterLab: notes what it was given and ends.
    writeFileSync(
      join(folder, 'jupyter'),
      '#!/bin/sh\necho "ran $* with $(cat "$JUPYTER_TOKEN_FILE")" >> "$HOME/runs"\n',
      {
        mode: 0o755,
      },
    );
    const token = join(folder, '.roadstead/jupyter-token');
    const runs = () =>
      existsSync(join(folder, 'runs')) ? readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n') : [];
    const service = spawn('sh', [join(IMAGES, 'gpu-notebook/service')], {
      env: { PATH: `${folder}:${process.env.PATH ?? ''}`, HOME: folder, ROADSTEAD_RETRY_SECONDS: '0.01' },
    });
    const ended = once(service, 'close');
    let said = '';
    service.stdout.on('data', (chunk) => {
      said += chunk;
    });
    try {
      await vi.waitFor(() => expect(runs().length).toBeGreaterThan(1), { timeout: 10_000 });
      service.kill();
      await ended;
      const held = readFileSync(token, 'utf8');
      expect(held).toMatch(/^[0-9a-f]{48}$/);
      expect(statSync(token).mode & 0o777).toBe(0o600);
      const command =
        'ran lab --no-browser --log-level=WARN --ip=0.0.0.0 --port=8080 --ServerApp.port_retries=0 --ServerApp.root_dir=/workspace';
      expect([...new Set(runs())]).toEqual([`${command} with ${held}`]);
      expect(said).toContain(`kubectl exec POD -- cat ${token}`);
      expect(said).not.toContain(held);
    } finally {
      service.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is not started without a token, which would let everybody in', () => {
    const folder = mkdtempSync(join(tmpdir(), 'roadstead-jupyter-'));
    try {
      writeFileSync(join(folder, 'od'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
      const { stderr } = spawnSync('sh', [join(IMAGES, 'gpu-notebook/service')], {
        encoding: 'utf8',
        env: { PATH: `${folder}:${process.env.PATH ?? ''}`, HOME: folder },
      });
      expect(stderr).toContain('JupyterLab is not started');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('sshd', () => {
  const config = readFileSync(join(common, 'sshd_config'), 'utf8');
  const set = (name: string) => new RegExp(`^${name} (.+)$`, 'm').exec(config)?.[1];

  it('reads the keys from a secret that a person can keep, in a folder whose modes it must not judge', () => {
    const [, folder, name] = /^(.*)\/([^/]+)$/.exec(set('AuthorizedKeysFile') ?? '') ?? [];
    expect(folder).toBe(SECRETS_DIR);
    expect(SecretName.safeParse(name).success).toBe(true);
    expect(set('StrictModes')).toBe('no');
    expect(set('PasswordAuthentication')).toBe('no');
    expect(set('ForceCommand')).toBe('sh /usr/local/lib/roadstead/session');
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
