/** Many watchers in one process of their own, as browsers are: opens sockets, subscribes, and notes when each push came to each. */
import { WebSocket } from 'ws';
import type { FromSockets, ToSockets } from './sockets.ts';

/** Sockets that are opened at a time. */
const AT_ONCE = 16;
const SUBSCRIBE_MS = 20_000;

const tell = (message: FromSockets): void => void process.send?.(message);
const sockets: WebSocket[] = [];
/** Push `id version` → latencies in ms from its `at`. */
let heard = new Map<string, number[]>();
let disorder = 0;

const open = (url: string, subscribe: boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const late = setTimeout(() => reject(new Error('a socket did not subscribe in time')), SUBSCRIBE_MS);
    const lastVersion = new Map<string, number>();
    const done = () => {
      clearTimeout(late);
      sockets.push(socket);
      resolve();
    };
    socket.on('open', () => (subscribe ? socket.send('{"type":"subscribe","id":"bench"}') : done()));
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`a socket was closed: ${code}`)));
    socket.on('message', (data) => {
      const now = Date.now();
      const push = JSON.parse(String(data)) as { type: string; id: string; version: number; at: string };
      if (push.type === 'subscribed') return done();
      if (push.type !== 'cluster.changed') return;
      if (push.version <= (lastVersion.get(push.id) ?? 0)) disorder += 1;
      lastVersion.set(push.id, push.version);
      const key = `${push.id} ${push.version}`;
      const known = heard.get(key) ?? [];
      known.push(now - Date.parse(push.at));
      heard.set(key, known);
    });
  });

const openAll = async ({ urls, subscribe, seconds }: Extract<ToSockets, { op: 'open' }>): Promise<void> => {
  const rest = [...urls];
  const end = Date.now() + seconds * 1000;
  let failure = '';
  const worker = async () => {
    for (let url = rest.shift(); url !== undefined && Date.now() < end; url = rest.shift())
      await open(url, subscribe).catch((error: Error) => {
        failure = error.message;
      });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  tell({ event: 'opened', open: sockets.length, failure });
};

process.on('message', (message: ToSockets) => {
  if (message.op === 'open') void openAll(message);
  if (message.op === 'report') {
    tell({ event: 'report', heard: Object.fromEntries(heard), disorder });
    if (message.forget) heard = new Map();
  }
});
process.on('disconnect', () => process.exit(0));
