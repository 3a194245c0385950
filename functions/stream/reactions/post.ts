/** Posting to sockets: one socket's trouble is its own (DESIGN §2: clients resync by version). */
import { PROTOCOL, type ServerMessage } from '#core/contract/agent.ts';
import { endConnection } from '../../lib/connection-end.ts';
import type { Connections } from '../../lib/connections.ts';
import type { Deps } from '../../lib/deps.ts';

export interface PushDeps extends Deps {
  readonly connections: Connections;
  /** The pace of heartbeats while somebody watches. */
  readonly watched: { readonly paceSeconds: number; readonly staleAfterSeconds: number };
}

/** What may be said to an agent without being asked. */
type Said = Extract<
  ServerMessage,
  { type: 'pace' | 'cluster.drain' | 'workspace.apply' | 'workspace.delete' | 'credential.mint' }
>;

/** A message to an agent; `id` is what it is about. */
export const tell = <T extends Said['type']>(
  deps: PushDeps,
  connection: string,
  type: T,
  payload: Extract<Said, { type: T }>['payload'],
  id: string,
): Promise<void> => postTo(deps, connection, { v: PROTOCOL, type, id, payload }, async () => {});

/** A message to everybody who listens to a team. */
export const announce = async (deps: PushDeps, team: string, message: unknown): Promise<void> => {
  const listeners = await deps.store.connections.listeners(team);
  await each(listeners, (connection) =>
    postTo(deps, connection, message, () => deps.store.connections.dropListener(team, connection)),
  );
};

/** One socket's trouble is its own: a gone one ends as `$disconnect` ends it, another failure is logged. */
const postTo = async (
  deps: PushDeps,
  connection: string,
  message: unknown,
  gone: () => Promise<void>,
): Promise<void> => {
  try {
    if (await deps.connections.post(connection, message)) return;
    await endConnection(deps, connection);
    await gone();
  } catch (error) {
    deps.log.warn('a push failed', { connection, error: error as Error });
  }
};

/** At a time, so that many watchers do not wait for each other. */
const AT_ONCE = 50;

export const each = async <T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> => {
  const rest = [...all];
  const worker = async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await act(next);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, worker));
};
