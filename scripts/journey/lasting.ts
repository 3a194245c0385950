/** Watching for longer than one socket lives, as docs/socket.md says: pings, a new ticket after every end, and a read of what was missed. */
import type { Cluster } from '#core/contract/cluster.ts';
import { ClusterChanged, type Push, WorkspaceChanged } from '#core/contract/socket.ts';
import type { Workspace } from '#core/contract/workspace.ts';
import { ApiFailure, openSocket, type Session, type Socket, type Watch } from './client.ts';
import { createInbox } from './inbox.ts';

export interface LastingOptions {
  /** Seconds between pings: API Gateway ends a socket that was silent for ten minutes. */
  readonly pingSeconds?: number;
  /** Seconds before the first try to come back, at most; doubled with each failure up to `longestSeconds`. */
  readonly firstSeconds?: number;
  readonly longestSeconds?: number;
}

/** Tries in a row after which it gives up. */
const TRIES = 10;

/** Watches the personal team until it is closed, over as many sockets as that takes. */
export const keepWatching = async (
  session: Session,
  { pingSeconds = 300, firstSeconds = 1, longestSeconds = 30 }: LastingOptions = {},
): Promise<Watch> => {
  const inbox = createInbox();
  const versions = new Map<string, number>();
  /** What is read and what is pushed may overtake each other. */
  const take = (push: Push): void => {
    if (push.version <= (versions.get(push.id) ?? 0)) return;
    versions.set(push.id, push.version);
    inbox.take(push);
  };

  const closing = new AbortController();
  const open = async (): Promise<Socket> => {
    const socket = await openSocket(session, take);
    if (closing.signal.aborted) await socket.close();
    return socket;
  };
  let socket = await open();
  const pings = setInterval(() => socket.ping(), pingSeconds * 1000);

  const comeBack = async (): Promise<void> => {
    for (let tries = 1; !closing.signal.aborted; tries += 1) {
      const most = Math.min(firstSeconds * 2 ** (tries - 1), longestSeconds);
      await pause(Math.random() * most, closing.signal);
      if (closing.signal.aborted) return;
      try {
        socket = await open();
        // After the subscription, so that nothing falls between the two.
        for (const push of await missed(session, versions)) take(push);
        return;
      } catch (error) {
        await socket.close();
        if (tries === TRIES)
          throw new Error(`the socket ended, and ${TRIES} tries to come back failed: ${(error as Error).message}`);
      }
    }
  };
  const closed = (async () => {
    try {
      for (;;) {
        const code = await socket.closed;
        if (closing.signal.aborted) return code;
        await comeBack();
      }
    } catch (error) {
      inbox.end(error as Error);
      return 1006;
    } finally {
      clearInterval(pings);
    }
  })();
  return Object.assign(inbox, {
    closed,
    close: async () => {
      closing.abort();
      await socket.close();
      await closed;
    },
  });
};

const pause = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(end);
      resolve();
    });
  });

/** The present of all clusters and dev pods, as pushes would have told it; of what is not listed any more by its id. */
const missed = async (session: Session, known: ReadonlyMap<string, number>): Promise<Push[]> => {
  const at = new Date().toISOString();
  const clusters = await everything<Cluster>(session, 'clusters', known, 'clu_');
  const workspaces = await everything<Workspace>(session, 'workspaces', known, 'wsp_');
  return [
    ...clusters.map((each) => ClusterChanged.strip().parse({ ...told(each), at, type: 'cluster.changed' })),
    ...workspaces.map((each) => WorkspaceChanged.strip().parse({ ...told(each), at, type: 'workspace.changed' })),
  ];
};

const told = <T extends Cluster | Workspace>(resource: T) => ({
  ...resource,
  ...(resource.phase === 'Deleted' ? { deleted: true } : {}),
});

const everything = async <T extends Cluster | Workspace>(
  session: Session,
  kind: 'clusters' | 'workspaces',
  known: ReadonlyMap<string, number>,
  prefix: string,
): Promise<T[]> => {
  const found: T[] = [];
  let cursor: string | undefined;
  do {
    const from = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await session.call<{ items: T[]; nextCursor?: string }>('GET', `/api/v1/${kind}?limit=100${from}`);
    found.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  const listed = new Set(found.map(({ id }) => id));
  for (const id of known.keys()) {
    if (!id.startsWith(prefix) || listed.has(id)) continue;
    const gone = await session.call<T>('GET', `/api/v1/${kind}/${id}`).catch((error: Error) => {
      if (error instanceof ApiFailure && error.status === 404) return undefined;
      throw error;
    });
    if (gone !== undefined) found.push(gone);
  }
  return found;
};
