/** What was pushed to a watcher: all of it is kept, and callers wait for more. */
import type { ClusterChanged, Push, WorkspaceChanged } from '#core/contract/socket.ts';

export interface Inbox {
  /** Resolves with the first push (already received or to come) that matches. Rejects after `seconds`, saying what was seen last. */
  until(what: string, matches: (push: ClusterChanged) => boolean, seconds: number): Promise<ClusterChanged>;
  /** The same for a dev pod. */
  untilSeat(what: string, matches: (push: WorkspaceChanged) => boolean, seconds: number): Promise<WorkspaceChanged>;
  /** Called for every push, in order. */
  onPush: (push: Push) => void;
}

/** The watcher's own side of it. */
export interface OpenInbox extends Inbox {
  /** Another push has come. */
  readonly take: (push: Push) => void;
  /** No more will come: who waits is told why, at once. */
  readonly end: (why: Error) => void;
}

interface Waiter {
  readonly look: (push: Push) => void;
  readonly reject: (why: Error) => void;
}

export const createInbox = (): OpenInbox => {
  const seen: Push[] = [];
  const waiters = new Set<Waiter>();
  let over: Error | undefined;
  const first = <T extends Push>(what: string, matches: (push: Push) => push is T, seconds: number): Promise<T> =>
    new Promise((resolve, reject) => {
      const found = seen.find(matches);
      if (found !== undefined) return resolve(found);
      if (over !== undefined) return reject(over);
      const end = setTimeout(
        () =>
          waiter.reject(
            new Error(`${what} was not pushed within ${seconds} s; last was ${JSON.stringify(seen.at(-1) ?? null)}`),
          ),
        seconds * 1000,
      );
      const done = () => {
        clearTimeout(end);
        waiters.delete(waiter);
      };
      const waiter: Waiter = {
        look: (push) => {
          if (!matches(push)) return;
          done();
          resolve(push);
        },
        reject: (why) => {
          done();
          reject(why);
        },
      };
      waiters.add(waiter);
    });
  const inbox: OpenInbox = {
    onPush: () => {},
    until: (what, matches, seconds) =>
      first(what, (push): push is ClusterChanged => push.type === 'cluster.changed' && matches(push), seconds),
    untilSeat: (what, matches, seconds) =>
      first(what, (push): push is WorkspaceChanged => push.type === 'workspace.changed' && matches(push), seconds),
    take: (push) => {
      seen.push(push);
      inbox.onPush(push);
      for (const { look } of [...waiters]) look(push);
    },
    end: (why) => {
      over = why;
      for (const { reject } of [...waiters]) reject(why);
    },
  };
  return inbox;
};
