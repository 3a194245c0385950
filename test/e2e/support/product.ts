/** The product inside the test's own process, so that a test can look at its parts and get between them. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '#core/contract/cluster.ts';
import type { Runtime, RuntimeOptions } from '#local/runtime.ts';
import { createSession, type Session, type Watch, watch } from '#scripts/journey/client.ts';
import { enter } from '#scripts/journey/journey.ts';
import { up } from '#scripts/local/up.ts';
import { forget } from './server.ts';

export interface Product {
  readonly runtime: Runtime;
  readonly state: string;
  readonly mails: { readonly to: string; readonly code: string }[];
  /** A new person, signed in. */
  readonly person: () => Promise<Session>;
  readonly stop: () => Promise<void>;
}

export const PASSWORD = 'Correct-horse-9-battery';

let people = 0;

export const startProduct = async (
  options: { readonly parameters?: Readonly<Record<string, string>>; readonly more?: Partial<RuntimeOptions> } = {},
): Promise<Product> => {
  const state = mkdtempSync(join(tmpdir(), 'roadstead-product-'));
  const mails: { to: string; code: string }[] = [];
  const runtime = await up({
    port: 0,
    state,
    fresh: true,
    log: () => {},
    onMail: (to, code) => mails.push({ to, code }),
    ...options,
  });
  return {
    runtime,
    state,
    mails,
    person: async () => {
      people += 1;
      const session = createSession(runtime.url);
      await enter(session, { email: `person-${people}-${Date.now()}@example.com`, password: PASSWORD, register: true });
      return session;
    },
    stop: async () => {
      await runtime.stop();
      forget(state);
    },
  };
};

/** Asks for a cluster and waits for the push of one of the phases; answers cluster and socket. */
export const createCluster = async (
  session: Session,
  name: string,
  phases: readonly string[] = ['Ready', 'Failed'],
  body: object = {},
): Promise<{ cluster: Cluster; watching: Watch }> => {
  const watching = await watch(session);
  const { id } = await session.call<Cluster>('POST', '/api/v1/clusters', { name, ...body });
  await watching.until(phases.join(' or '), (push) => push.id === id && phases.includes(push.phase), 120);
  return { cluster: await session.call<Cluster>('GET', `/api/v1/clusters/${id}`), watching };
};

/** Deletes it and waits for the last push. */
export const deleteCluster = async (session: Session, watching: Watch, id: string): Promise<void> => {
  await session.call('DELETE', `/api/v1/clusters/${id}`);
  await watching.until('Deleted', (push) => push.id === id && push.deleted === true, 120);
};
