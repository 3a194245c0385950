/** The watchers' process as the bench sees it. */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Me } from '#core/contract/account.ts';
import { keys as keysOf, sha256 } from '#core/store/keys.ts';
import type { Session } from '../journey/client.ts';
import { openItems } from './items.ts';
import type { Product } from './product.ts';

export type ToSockets =
  | { readonly op: 'open'; readonly urls: readonly string[]; readonly subscribe: boolean; readonly seconds: number }
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
  /**
   * Opens and subscribes up to `count` within the time; answers how many are open. `by: 'item'` puts the subscriptions into the table, which
   * is quicker than a message of each socket.
   */
  open(count: number, seconds: number, by?: 'message' | 'item'): Promise<number>;
  /** Waits until every socket heard all of these pushes (`id version`) or the time is over. */
  until(keys: readonly string[], seconds: number): Promise<Report>;
  /** Forgets what was heard. */
  forget(): Promise<void>;
  close(): void;
}

/** Each socket is a handshake; a ticket lives a minute, so they are made a handful at a time. */
const BATCH = 250;
const LIFE_SECONDS = 600;

/** Watchers of one person's team. Tickets are put into the table: a bench of sockets is none of the API. */
export const startSockets = async (product: Product, session: Session): Promise<Sockets> => {
  const { account } = Me.parse(await session.call('GET', '/api/v1/me'));
  const team = account.personalTeam;
  const items = openItems(product);
  const ticketItem = (ticket: string) => {
    const expiresAt = new Date(Date.now() + 60_000);
    return {
      ...keysOf.ticket(sha256(ticket)),
      entity: 'Ticket',
      ttl: Math.ceil(expiresAt.getTime() / 1000),
      account: account.id,
      personalTeam: team,
      expiresAt: expiresAt.toISOString(),
    };
  };
  const subscriptionItem = (connection: string) => ({
    ...keysOf.subscription(team, connection),
    entity: 'Subscription',
    team,
    connection,
    ttl: Math.ceil(Date.now() / 1000) + LIFE_SECONDS,
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
  return {
    async open(count, seconds, by = 'message') {
      const end = Date.now() + seconds * 1000;
      const others = new Set(product.runtime.connections.all().map(({ id }) => id));
      for (let left = count; left > 0 && Date.now() < end; left -= BATCH) {
        const tickets = Array.from(
          { length: Math.min(BATCH, left) },
          () => `rst_${randomBytes(32).toString('base64url')}`,
        );
        await items.put(tickets.map(ticketItem));
        const { open, failure } = await answer('opened', {
          op: 'open',
          urls: tickets.map((ticket) => `${product.runtime.socketUrl}?ticket=${ticket}`),
          subscribe: by === 'message',
          seconds: (end - Date.now()) / 1000,
        });
        watchers = open;
        if (open === 0) throw new Error(`no socket could be opened: ${failure}`);
      }
      const opened = product.runtime.connections.all().filter(({ id }) => !others.has(id));
      if (by === 'item') await items.put(opened.map(({ id }) => subscriptionItem(id)));
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
      items.close();
    },
  };
};
