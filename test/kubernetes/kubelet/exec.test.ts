import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attach, Exec } from '@kubernetes/client-node';
import { spawn } from '@lydell/node-pty';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { pods } from '#local/kubernetes/controllers/machinery/resources.ts';
import { app, startTestCluster } from '../cluster/harness.ts';
import { configOf, devPod, KUBECTL, kubectl, type Ran, ready, startKubectl } from './support.ts';

/** Behaviour is waited for; how long it takes is the machine's business. */
const SOON = { timeout: 15_000 };

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
const run = (args: string[], input = '', env = {}): Promise<Ran> =>
  kubectl(cluster.parts.adminKubeconfig, args, input, env);
const within = (words: string[], input?: string) =>
  run(['exec', ...(input === undefined ? [] : ['-i']), 'seat', '--', ...words], input);

beforeAll(async () => {
  cluster = await startTestCluster('127.81');
  await cluster.node('n1');
  await cluster.create(pods, devPod('seat', { env: [{ name: 'GREETING', value: 'ahoy' }] }));
  await cluster.create(pods, {
    metadata: { name: 'stone', labels: { app: 'stone' } },
    spec: { containers: [{ name: 'main', image: 'nginx:1.29' }] },
  });
  await cluster.create(pods, {
    metadata: { name: 'plain', labels: { app: 'plain' } },
    spec: { containers: [app()] },
  });
  await ready(cluster.parts.adminKubeconfig, 'seat', 'stone', 'plain');
});
afterAll(() => cluster?.stop());

/** kubectl on a terminal of its own. */
function onTerminal(args: string[], size: { cols: number; rows: number }) {
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', KUBECONFIG: cluster.parts.adminKubeconfig };
  const terminal = spawn(KUBECTL, args, { ...size, env });
  let shown = '';
  terminal.onData((text) => {
    shown += text;
  });
  const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  return { terminal, ended, shown: () => shown };
}

describe('kubectl exec', () => {
  test('has the environment, both outputs and the exit code of the command', async () => {
    const { code, out, err } = await within(['sh', '-c', 'echo $GREETING $HOSTNAME; echo oops >&2; exit 3']);
    expect({ code, out }).toEqual({ code: 3, out: 'ahoy seat\n' });
    expect(err).toBe('oops\ncommand terminated with exit code 3\n');
  });

  test('passes its input on and says where it ends', async () => {
    const text = 'x'.repeat(300_000);
    const { code, out } = await within(['wc', '-c'], text);
    expect([code, out.trim()]).toEqual([0, '300000']);
  });

  test('gets all of a large output, though the command ends before it is read', async () => {
    const { out } = await within(['head', '-c', '3000000', '/dev/zero']);
    expect(out.length).toBe(3_000_000);
  });

  test('of a program that is not there fails as a container runtime says it', async () => {
    const { code, err } = await within(['no-such-shell']);
    expect(code).toBe(127);
    expect(err).toContain('exec: "no-such-shell": executable file not found in $PATH: unknown');
  });

  test('of a killed command answers 128 and the signal', async () => {
    expect((await within(['sh', '-c', 'kill -9 $$'])).code).toBe(137);
  });

  test('leaves what the command put into the background running', async () => {
    const { code } = await within(['sh', '-c', 'sleep 300 & echo $! > /tmp/background']);
    expect(code).toBe(0);
    expect((await within(['sh', '-c', 'kill $(cat /tmp/background)'])).code).toBe(0);
  });

  test('is refused where there is no such container, and where the image is only simulated', async () => {
    expect((await run(['exec', 'seat', '-c', 'other', '--', 'ls'])).err).toContain(
      'container other is not valid for pod seat',
    );
    expect((await run(['exec', 'stone', '--', 'ls'])).err).toContain(
      'container "main" is simulated: its image nginx:1.29 is not run on this machine',
    );
  });

  test('over SPDY is refused with the variable that helps, but other reasons come first', async () => {
    const spdy = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false' };
    expect((await run(['exec', 'seat', '--', 'ls'], '', spdy)).err).toContain('KUBECTL_REMOTE_COMMAND_WEBSOCKETS');
    expect((await run(['exec', 'stone', '--', 'ls'], '', spdy)).err).toContain('is simulated');
  });

  test('works in a plain process of this machine, too', async () => {
    const { code, out } = await run(['exec', 'plain', '--', 'sh', '-c', 'echo $HOSTNAME; exit 4']);
    expect([code, out]).toEqual([4, 'plain\n']);
    expect((await run(['exec', 'plain', '--', 'no-such-shell'])).code).toBe(127);
  });

  test('on a terminal knows its name and size, follows a resize, takes an interrupt, and answers the exit code', async () => {
    const { terminal, ended, shown } = onTerminal(['exec', '-it', 'seat', '--', 'bash'], { cols: 101, rows: 31 });
    await expect.poll(shown, SOON).toContain('$ ');
    terminal.write('tty; stty size\r');
    await expect.poll(shown, SOON).toMatch(/\/dev\/pts\/\d+\r\n31 101\r\n/);
    terminal.resize(90, 20);
    await expect
      .poll(
        () => {
          terminal.write('stty size\r');
          return shown();
        },
        { ...SOON, interval: 100 },
      )
      .toContain('20 90\r\n');
    terminal.write('sleep 300\r');
    await expect.poll(shown, SOON).toContain('sleep 300');
    terminal.write('\x03');
    terminal.write('echo interrupted; exit 5\r');
    expect(await ended).toBe(5);
    expect(shown()).toContain('interrupted\r\n');
  });
});

describe('kubectl logs', () => {
  test('follows, cuts, dates, and knows the run before', async () => {
    const command = ['sh', '-c', 'echo one; echo two; while ! test -e /tmp/end; do sleep 0.05; done; exit 1'];
    await cluster.create(pods, devPod('teller', { command }));
    await cluster.ready('teller');
    const following = startKubectl(cluster.parts.adminKubeconfig, ['logs', '-f', 'teller']);
    await expect.poll(following.out, SOON).toBe('one\ntwo\n');
    await cluster.eventually(async () => (await run(['logs', 'teller', '--tail=1', '--since=1h'])).out).toBe('two\n');
    expect((await run(['logs', 'teller', '--timestamps'])).out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/);
    expect((await run(['logs', 'teller', '--previous'])).err).toContain(
      'previous terminated container "dev" in pod "teller" not found',
    );
    await run(['exec', 'teller', '--', 'touch', '/tmp/end']);
    expect((await following.ended).out).toBe('one\ntwo\n');
    await cluster.eventually(async () => (await run(['logs', 'teller', '--previous'])).out).toBe('one\ntwo\n');
  });
});

describe('a container with a start hook', () => {
  test('runs it inside, and goes when it fails', async () => {
    const hook = (...words: string[]) => ({ lifecycle: { postStart: { exec: { command: words } } } });
    await cluster.create(pods, devPod('hooked', hook('sh', '-c', 'echo $HOSTNAME > /tmp/hooked')));
    await cluster.ready('hooked');
    await cluster
      .eventually(async () => (await run(['exec', 'hooked', '--', 'cat', '/tmp/hooked'])).out)
      .toBe('hooked\n');
    await cluster.create(pods, devPod('unhooked', hook('false'), { terminationGracePeriodSeconds: 1 }));
    await cluster.eventually(() => cluster.reasons('unhooked')).toContain('FailedPostStartHook');
    await cluster
      .eventually(async () => (await cluster.pod('unhooked'))?.status?.containerStatuses?.[0]?.restartCount)
      .toBeGreaterThan(0);
  });
});

describe('a WebSocket of the older protocol', () => {
  const open = (protocols: string[], script = 'read+line;+echo+got+$line;+exit+2') => {
    const query = `command=sh&command=-c&command=${script}&stdin=true&stdout=true&stderr=true`;
    return new WebSocket(
      new URL(`/api/v1/namespaces/default/pods/seat/exec?${query}`, cluster.parts.server.replace('https', 'wss')),
      protocols,
      {
        ca: cluster.parts.caPem,
        headers: { authorization: `Bearer ${cluster.parts.adminToken}` },
      },
    );
  };

  test('carries the same channels', async () => {
    const socket = open(['v9.channel.k8s.io', 'v4.channel.k8s.io']);
    const got: Record<number, string> = {};
    socket.on('message', (data: Buffer) => {
      const [channel = -1] = data;
      got[channel] = (got[channel] ?? '') + data.subarray(1);
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve) => socket.once('open', resolve));
    expect(socket.protocol).toBe('v4.channel.k8s.io');
    socket.send(Buffer.from('\0ahoy\n'));
    await closed;
    expect(got[1]).toBe('got ahoy\n');
    expect(JSON.parse(got[3] ?? '')).toMatchObject({ status: 'Failure', details: { causes: [{ message: '2' }] } });
  });

  test('that reads late still gets all, and the Status last', async () => {
    const socket = open(['v4.channel.k8s.io'], 'head+-c+8000000+/dev/zero');
    await new Promise((resolve) => socket.once('open', resolve));
    socket.pause();
    let bytes = 0;
    let last: Buffer | undefined;
    socket.on('message', (data: Buffer) => {
      last = data;
      if (data[0] === 1) bytes += data.length - 1;
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await sleep(500);
    socket.resume();
    await closed;
    expect(bytes).toBe(8_000_000);
    expect(last?.subarray(1).toString()).toContain('"Success"');
  });

  test('that nobody speaks any more is refused', async () => {
    const socket = open(['channel.k8s.io']);
    const refused = new Promise<string>((resolve) =>
      socket.once('unexpected-response', async (_request, response) =>
        resolve(Buffer.concat(await response.toArray()).toString()),
      ),
    );
    expect(JSON.parse(await refused).message).toContain('offer one of [v5.channel.k8s.io v4.channel.k8s.io]');
  });
});

describe('kubectl attach and run', () => {
  test('a container made for input gets it, and its log has what it said', async () => {
    const pod = devPod('echo', { stdin: true, stdinOnce: true, command: ['cat'] }, { restartPolicy: 'Never' });
    await cluster.create(pods, pod);
    await cluster.ready('echo');
    expect((await run(['attach', '-i', 'echo'], 'hello\n')).out).toBe('hello\n');
    await cluster.eventually(async () => (await cluster.pod('echo'))?.status?.phase).toBe('Succeeded');
    expect(await cluster.log('echo')).toBe('hello\n');
  });

  test('run -it is a shell, whose end is the end of the pod', async () => {
    const args = ['run', 'shell', '-it', '--rm', '--restart=Never', '--image=node:24', '--', 'bash'];
    const { terminal, ended, shown } = onTerminal(args, { cols: 80, rows: 24 });
    terminal.write('\r');
    await expect.poll(shown, SOON).toContain('$ ');
    terminal.write('echo I am $HOSTNAME; exit\r');
    expect(await ended).toBe(0);
    expect(shown()).toContain('I am shell\r\n');
  });

  test('attaching to any other container shows its output from then on, stream by stream', async () => {
    const command = ['sh', '-c', 'while ! test -e /tmp/go; do echo wait; sleep 0.05; done; echo out; echo err >&2'];
    await cluster.create(pods, devPod('talk', { command }, { restartPolicy: 'Never' }));
    await cluster.ready('talk');
    const attached = startKubectl(cluster.parts.adminKubeconfig, ['attach', 'talk']);
    await expect.poll(attached.out, SOON).toContain('wait\n');
    await run(['exec', 'talk', '--', 'touch', '/tmp/go']);
    const { code, out, err } = await attached.ended;
    expect([code, out.replaceAll('wait\n', '')]).toEqual([0, 'out\n']);
    expect(err).toContain('err\n');
  });
});

describe('the client library', () => {
  const config = () => configOf(cluster.parts.server, cluster.parts.caPem, cluster.parts.adminToken);
  const collect = () => {
    const stream = new PassThrough();
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk;
    });
    return { stream, text: () => text };
  };

  test('runs a command with input and learns its Status', async () => {
    const [out, err, input] = [collect(), collect(), new PassThrough()];
    const status = await new Promise((resolve, reject) => {
      new Exec(config())
        .exec(
          'default',
          'seat',
          'dev',
          ['sh', '-c', 'cat; echo bad >&2; exit 6'],
          out.stream,
          err.stream,
          input,
          false,
          resolve,
        )
        .catch(reject);
      input.end('typed');
    });
    expect(status).toMatchObject({
      status: 'Failure',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '6' }] },
    });
    expect([out.text(), err.text()]).toEqual(['typed', 'bad\n']);
  });

  test('that goes away ends the command', async () => {
    const out = collect();
    const socket = (await new Exec(config()).exec(
      'default',
      'seat',
      'dev',
      ['sh', '-c', 'echo $$; exec sleep 300'],
      out.stream,
      null,
      null,
      false,
    )) as unknown as WebSocket;
    await expect.poll(out.text, SOON).toMatch(/^\d+\n$/);
    const alive = async () => (await within(['test', '-d', `/proc/${out.text().trim()}`])).code;
    expect(await alive()).toBe(0);
    socket.terminate();
    await cluster.eventually(alive).toBe(1);
  });

  test('attaches', async () => {
    const command = ['sh', '-c', 'while ! test -e /tmp/go; do echo wait; sleep 0.05; done; echo said'];
    await cluster.create(pods, devPod('library', { command }, { restartPolicy: 'Never' }));
    await cluster.ready('library');
    const out = collect();
    await new Attach(config()).attach('default', 'library', 'dev', out.stream, null, null, false);
    await expect.poll(out.text, SOON).toContain('wait\n');
    await run(['exec', 'library', '--', 'touch', '/tmp/go']);
    await expect.poll(out.text, SOON).toContain('said\n');
  });
});
