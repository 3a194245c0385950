/** The product in the bench's own process, with every invocation of a function and every AWS call timed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Invocation } from '#local/lambda/functions.ts';
import type { Runtime, RuntimeOptions } from '#local/runtime.ts';
import { createSession, type Session, watch } from '../journey/client.ts';
import { enter } from '../journey/journey.ts';
import { up } from '../local/up.ts';

/** One timed thing: by whom, how long in ms, and when it ended (`performance.now()`). */
export interface Timed {
  readonly by: string;
  readonly ms: number;
  readonly endedAt: number;
}

export interface Product {
  readonly runtime: Runtime;
  readonly state: string;
  /** Invocations by logical id of the function, as its caller sees them: worker and JSON included, network not. */
  readonly invocations: Timed[];
  /** AWS calls by the name of the calling function, as the endpoint sees them. */
  readonly awsCalls: Timed[];
  /** A new person, signed in. */
  person(): Promise<Session>;
  stop(): Promise<void>;
}

const PASSWORD = 'Correct-horse-9-battery';
let people = 0;

/** Starts it on a folder of its own. */
export const startProduct = async (
  options: { readonly parameters?: Readonly<Record<string, string>>; readonly more?: Partial<RuntimeOptions> } = {},
): Promise<Product> => {
  const state = mkdtempSync(join(tmpdir(), 'roadstead-bench-'));
  const [invocations, awsCalls]: Timed[][] = [[], []];
  const begun = new Map<string, number>();
  const called = new WeakMap<object, number>();
  const timed = {
    invoke: {
      before: ({ requestId }: Invocation) => void begun.set(requestId, performance.now()),
      after: ({ requestId, function: { logicalId } }: Invocation) => {
        const endedAt = performance.now();
        invocations?.push({ by: logicalId, ms: endedAt - (begun.get(requestId) ?? endedAt), endedAt });
        begun.delete(requestId);
      },
    },
    call: {
      before: (call: object) => void called.set(call, performance.now()),
      after: (call: { readonly caller: { readonly sessionName: string } }) => {
        const endedAt = performance.now();
        awsCalls?.push({ by: call.caller.sessionName, ms: endedAt - (called.get(call) ?? endedAt), endedAt });
      },
    },
  };
  const runtime = await up({
    port: 0,
    state,
    fresh: true,
    log: () => {},
    onMail: () => {},
    ...(options.parameters && { parameters: options.parameters }),
    more: { hooks: timed, ...options.more },
  });
  return {
    runtime,
    state,
    invocations: invocations ?? [],
    awsCalls: awsCalls ?? [],
    person: async () => {
      people += 1;
      const session = createSession(runtime.url);
      await enter(session, { email: `bench-${people}@example.com`, password: PASSWORD, register: true });
      return session;
    },
    stop: async () => {
      await runtime.stop();
      rmSync(state, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
};

/** Asks for a cluster and waits until it is Ready; throws when it fails. */
export const readyCluster = async (session: Session, name: string, body: object = {}): Promise<Cluster> => {
  const watching = await watch(session);
  try {
    const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name, ...body });
    const ended = await watching.until('Ready', (push) => push.id === id && /^(Ready|Failed)$/.test(push.phase), 120);
    if (ended.phase === 'Failed') throw new Error(`the cluster ${name} failed at ${ended.step}`);
    return await session.call<Cluster>('GET', `/api/v1/clusters/${id}`);
  } finally {
    await watching.close();
  }
};
