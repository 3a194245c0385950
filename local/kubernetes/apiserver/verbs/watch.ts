/** WATCH: the changes after a version, for as long as the client stays. */
import type { Answer, KindCall } from '../call.ts';
import { internal, StatusError } from '../errors.ts';
import { type Json, same } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { type Shaper, shape } from '../output/shape.ts';
import type { Stored, StoreEvent } from '../storage/store.ts';
import { listOptions, versionNumber } from './options.ts';
import { matches, selectionOf, tooLarge } from './read.ts';
import { shown } from './stored.ts';

const BOOKMARK_MS = 60_000;
/** A watch without a timeout of its own ends after half an hour to an hour. */
const MIN_TIMEOUT_S = 1800;
/** A client that is so many changes behind and takes nothing for so long does not read: its watch is closed. */
const BEHIND = 1_000;
const STALL_MS = 2_000;
/** Bytes that may wait for a slow client, whatever it takes. */
const BACKLOG = 32 * 1024 * 1024;
const FUTURE_WAIT_MS = 3000;

const INITIAL_END = 'k8s.io/initial-events-end';

type Event = { type: string; object: Json };

export async function watch(call: KindCall): Promise<Answer> {
  const { kind, info, context, response } = call;
  const { store } = context;
  const options = listOptions(info.query, true);
  const selection = selectionOf(call);
  const wanted = versionNumber(options.resourceVersion, (why) =>
    internal(`resourceVersion: Invalid value: ${JSON.stringify(options.resourceVersion)}: ${why}`),
  );
  if (wanted > store.version) {
    await new Promise((done) => setTimeout(done, FUTURE_WAIT_MS));
    if (wanted > store.version) {
      response.setHeader('Retry-After', '1');
      throw tooLarge(wanted, store.version);
    }
  }
  const shaper: Shaper = shape(call.form, kind, info.query);

  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();

  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    stop();
    clearInterval(bookmarks);
    clearTimeout(timeout);
    clearTimeout(stall);
    context.stopping.removeEventListener('abort', end);
    response.end();
  };
  let behind = 0;
  let takenLast = 0;
  let stall: NodeJS.Timeout | undefined;
  const taken = () => {
    behind--;
    takenLast = performance.now();
  };
  // A client that does not read would hold everything in memory; it can resume from the version it saw.
  const drop = () => {
    end();
    response.destroy();
  };
  // Asked after the sockets had their turn, so that a server that was busy itself blames nobody.
  const dropStalled = () => {
    stall = undefined;
    if (behind > BEHIND && performance.now() - takenLast > STALL_MS / 2) drop();
  };
  const write = (text: string, change: boolean): void => {
    if (ended) return;
    response.write(text, change ? taken : undefined);
    if (response.writableLength > BACKLOG) drop();
    if (!change) return;
    behind++;
    // Many changes at once (a collection that is deleted) are no sign of a slow client; that nothing of them is taken is one.
    if (behind > BEHIND) stall ??= setTimeout(() => setImmediate(dropStalled), STALL_MS);
  };
  const send = (event: Event): void => write(`${JSON.stringify(event)}\n`, false);
  // Stored texts are what is shown of a built-in object as it is: they are not written anew for each watcher.
  const asStored = call.form.as === undefined && !kind.custom && kind.fromStored === undefined;
  const sendStored = (type: string, { object, json }: Pick<Stored, 'object' | 'json'>, change: boolean): void => {
    const text = asStored ? json : JSON.stringify(shaper.one(shown(kind, object)));
    write(`{"type":"${type}","object":${text}}\n`, change);
  };
  const bookmark = (version: number, annotations?: Json): void => {
    const object = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: {
        resourceVersion: String(version),
        ...(annotations ? { annotations } : kind.custom ? {} : { creationTimestamp: null }),
      },
    };
    if (!annotations) delete (object.metadata as Json).creationTimestamp;
    send({ type: 'BOOKMARK', object: shaper.bookmark(object as Json) });
  };
  /** The definition of a custom kind may have changed since the watch began: the client comes again and sees its objects in their new form. */
  const outdated = (): boolean => {
    if (!kind.custom) return false;
    const now = context.registry.find(kind.group, kind.version, kind.resource);
    return now !== kind && !same(now?.schema, kind.schema);
  };
  const deliver = ({ type, stored, before, rv }: StoreEvent, change = true): void => {
    if (outdated()) {
      end();
      return;
    }
    const now = type !== 'DELETED' && matches(kind, selection, stored.object);
    const was = before !== undefined && matches(kind, selection, before.object);
    if (now) sendStored(was ? 'MODIFIED' : 'ADDED', stored, change);
    else if (was) {
      // What leaves the selection is shown as it last matched, with the version of the change.
      const { object } = before;
      const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(rv) } };
      sendStored('DELETED', { object: last, json: JSON.stringify(last) }, change);
    }
  };

  const initial = options.sendInitialEvents ?? wanted === 0;
  // Without a version and without what is there, a watch begins now.
  const past = initial || wanted === 0 ? [] : store.since(kind.storage, wanted);
  // Nothing can happen between this look at the storage and listening: both are in one turn of the event loop.
  const stop = store.listen(kind.storage, (event) => deliver(event));
  const bookmarks = setInterval(() => options.bookmarks && bookmark(store.version), BOOKMARK_MS);
  const seconds = options.timeoutSeconds || MIN_TIMEOUT_S * (1 + Math.random());
  const timeout = setTimeout(
    () => {
      // A last bookmark tells where to go on.
      if (options.bookmarks) bookmark(store.version);
      end();
    },
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  response.on('close', end);
  response.on('error', end);
  context.stopping.addEventListener('abort', end, { once: true });

  if (past === undefined) {
    const gone = new StatusError(410, 'Expired', `too old resource version: ${wanted} (${store.version})`);
    send({ type: 'ERROR', object: gone.body });
    end();
    return { handled: true };
  }
  if (initial) {
    for (const stored of store.list(kind.storage))
      if (matches(kind, selection, stored.object)) sendStored('ADDED', stored, false);
    if (options.sendInitialEvents && options.bookmarks) bookmark(store.version, { [INITIAL_END]: 'true' });
  } else for (const event of past) deliver(event, false);
  return { handled: true };
}
