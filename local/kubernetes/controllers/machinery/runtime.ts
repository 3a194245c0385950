/** What every controller is given: shared informers, queues, writes that are seen at once, and events. */
import type { Client, DeleteOptions } from './client.ts';
import { eventRecorder, type RecordEvent } from './events.ts';
import { Informer } from './informer.ts';
import { type QueueOptions, type Reconcile, WorkQueue } from './queue.ts';
import { type Resource, resourceKey } from './resources.ts';
import type { Stored } from './types.ts';

export interface Runtime {
  readonly client: Client;
  /** Records events under a component's name: `replicaset-controller`. */
  recordAs(component: string): RecordEvent;
  readonly log: (line: string) => void;
  /** The one informer of a resource; the first asker starts it. */
  informer<T extends Stored>(of: Resource<T>): Informer<T>;
  /** Tells of every object that goes, whatever its kind, as far as somebody follows the kind. */
  onDeleted(handler: (object: Stored) => void): void;
  /** Ends the informer of a resource that is gone. */
  drop(of: Resource): void;
  /** A queue which starts once all informers are filled. */
  queue(options: QueueOptions, reconcile: Reconcile): WorkQueue;
  create<T extends Stored>(of: Resource<T>, namespace: string | undefined, body: unknown): Promise<T>;
  update<T extends Stored>(of: Resource<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends Stored>(of: Resource<T>, object: Stored, patch: unknown, subresource?: string): Promise<T>;
  delete(of: Resource, object: Stored, options?: DeleteOptions): Promise<void>;
}

export interface RunningRuntime extends Runtime {
  /** Waits for the caches and opens the queues. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createRuntime(client: Client, log: (line: string) => void = () => undefined): RunningRuntime {
  const informers = new Map<string, Informer<Stored>>();
  const queues: WorkQueue[] = [];
  const whenDeleted: ((object: Stored) => void)[] = [];
  const { recordAs, flush } = eventRecorder(client);
  let started = false;

  const seen = <T extends Stored>(of: Resource<T>, object: T): T => {
    (informers.get(resourceKey(of)) as Informer<T> | undefined)?.observe(object);
    return object;
  };

  return {
    client,
    recordAs,
    log,
    informer<T extends Stored>(of: Resource<T>) {
      const key = resourceKey(of);
      const known = informers.get(key) as unknown as Informer<T> | undefined;
      if (known) return known;
      const informer = new Informer(client, of, { log });
      informers.set(key, informer as unknown as Informer<Stored>);
      informer.on(({ type, object }) => {
        if (type === 'deleted') for (const tell of whenDeleted) tell(object);
      });
      informer.start();
      return informer;
    },
    onDeleted: (handler) => void whenDeleted.push(handler),
    drop(of) {
      void informers.get(resourceKey(of))?.stop();
      informers.delete(resourceKey(of));
    },
    queue(options, reconcile) {
      const queue = new WorkQueue({ log, ...options }, reconcile);
      queues.push(queue);
      if (started) queue.start();
      return queue;
    },
    create: async (of, namespace, body) => seen(of, await client.create(of, namespace, body)),
    update: async (of, object, subresource) => seen(of, await client.update(of, object, subresource)),
    patch: async (of, object, patch, subresource) => seen(of, await client.patch(of, object, patch, subresource)),
    async delete(of, object, options) {
      const answer = await client.delete(of, object, { preconditions: { uid: object.metadata.uid }, ...options });
      // What stays (a grace, a finalizer) is answered, marked: it is not deleted twice.
      const left = answer as { metadata?: { uid?: string; deletionTimestamp?: string } } | undefined;
      if (left?.metadata?.uid === object.metadata.uid && left.metadata.deletionTimestamp) seen(of, answer as Stored);
    },
    async start() {
      await Promise.all([...informers.values()].map((informer) => informer.synced));
      started = true;
      for (const queue of queues) queue.start();
    },
    async stop() {
      const flushed = flush();
      await Promise.all([
        ...queues.map((queue) => queue.stop()),
        ...[...informers.values()].map((informer) => informer.stop()),
      ]);
      await flushed;
    },
  };
}
