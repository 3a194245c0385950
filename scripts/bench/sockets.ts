/** The watchers' process as the bench sees it. */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Me } from '#core/contract/account.ts';
import { createStore } from '#core/store/store.ts';
import type { Session } from '../journey/client.ts';
import type { Product } from './product.ts';

export type ToSockets =
  | { readonly op: 'open'; readonly urls: readonly string[]; readonly seconds: number }
  | { readonly op: 'report'; readonly forget: boolean };
export type FromSockets =
  | { readonly event: 'opened'; readonly open: number; readonly failure: string }
  | {
      readonly event: 'report';
      readonly heard: Readonly<Record<string, readonly number[]>>;
      readonly disorder: number;
    };
type Report = Extract<FromSockets, { event: 'report' }>;

export interface Sockets {
  /** Opens and subscribes up to `count` more within the time; answers how many are open. */
  open(count: number, seconds: number): Promise<number>;
  /** Waits until every socket heard all of these pushes (`id version`) or the time is over. */
  until(keys: readonly string[], seconds: number): Promise<Report>;
  /** Forgets what was heard. */
  forget(): Promise<void>;
  close(): void;
}

/** Watchers of one person's team. Tickets are put into the table as the API does: a bench of sockets is none of the API. */
export const startSockets = async (product: Product, session: Session): Promise<Sockets> => {
  const { account } = Me.parse(await session.call('GET', '/api/v1/me'));
  const { accessKeyId, secretAccessKey, sessionToken } = product.runtime.operator;
  const client = new DynamoDBClient({
    endpoint: product.runtime.awsEndpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey, sessionToken },
  });
  const { people } = createStore({
    client,
    name: product.runtime.outputs.TableName ?? '',
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
  const child = fork(fileURLToPath(new URL('./sockets-main.ts', import.meta.url)), [], { execArgv: [] });
  const answer = <E extends FromSockets['event']>(event: E, ask: ToSockets): Promise<FromSockets & { event: E }> =>
    new Promise((resolve, reject) => {
      const listen = (message: FromSockets) => {
        if (message.event !== event) return;
        child.off('message', listen);
        resolve(message as FromSockets & { event: E });
      };
      child.on('message', listen);
      child.once('exit', (code) => reject(new Error(`the process of the sockets ended with ${code}`)));
      child.send(ask);
    });
  child.setMaxListeners(0);
  let watchers = 0;
  /** A ticket lives a minute, so they are made a handful at a time. */
  const BATCH = 250;
  return {
    async open(count, seconds) {
      const end = Date.now() + seconds * 1000;
      for (let left = count; left > 0 && Date.now() < end; left -= BATCH) {
        const urls: string[] = [];
        for (let i = 0; i < Math.min(BATCH, left); i++) {
          const ticket = `rst_${randomBytes(32).toString('base64url')}`;
          await people.addTicket(
            ticket,
            { account: account.id, personalTeam: account.personalTeam },
            new Date().toISOString(),
          );
          urls.push(`${product.runtime.socketUrl}?ticket=${ticket}`);
        }
        const { open, failure } = await answer('opened', { op: 'open', urls, seconds: (end - Date.now()) / 1000 });
        watchers = open;
        if (open === 0) throw new Error(`no socket could be opened: ${failure}`);
      }
      return watchers;
    },
    async until(keys, seconds) {
      for (const end = Date.now() + seconds * 1000; ; await sleep(100)) {
        const report = await answer('report', { op: 'report', forget: false });
        const all = keys.every((key) => (report.heard[key]?.length ?? 0) >= watchers);
        if (all || Date.now() > end) return report;
      }
    },
    async forget() {
      await answer('report', { op: 'report', forget: true });
    },
    close: () => {
      child.removeAllListeners('exit');
      child.kill();
      client.destroy();
    },
  };
};
