/** `$connect` and `$disconnect`: a person's single-use ticket or an agent's token opens a socket; its end is told to the cluster (DESIGN §4, §6). */
import { AppError } from '#core/contract/errors.ts';
import { tokenStateOf } from '#core/domain/token.ts';
import { sha256 } from '#core/store/keys.ts';
import { endConnection } from '../../lib/connection-end.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Handshake } from '../../lib/socket.ts';
import { isOver } from './session.ts';

/** Opens the connection or throws: the same 401 for unknown, used, expired and revoked (seed-systems §4.0 H1.4). */
export const connect =
  (deps: Deps) =>
  async ({ connectionId, ticket, agentToken }: Handshake): Promise<void> => {
    if (agentToken !== undefined) return connectAgent(deps, connectionId, agentToken);
    if (ticket === undefined) throw new AppError('auth.required');
    const now = deps.now();
    const holder = await deps.store.people.takeTicket(ticket, now);
    if (holder === null) throw new AppError('auth.invalid_token');
    await deps.store.connections.open({
      id: connectionId,
      kind: 'account',
      account: holder.account,
      personalTeam: holder.personalTeam,
      session: holder.session,
      teams: [],
      connectedAt: now,
    });
    // Looked at when the connection can be found: a sign-out is seen here, or its reader sees the connection.
    if (await isOver(deps, holder, holder.issuedAt)) {
      await deps.store.connections.close(connectionId);
      throw new AppError('auth.invalid_token');
    }
  };

const connectAgent = async (deps: Deps, connectionId: string, secret: string): Promise<void> => {
  const now = deps.now();
  const token = await deps.store.tokens.byHash(sha256(secret));
  if (token === null || tokenStateOf(token, now) !== 'Active') throw new AppError('auth.invalid_token');
  const cluster = await deps.store.clusters.cluster(token.cluster);
  if (cluster === null || cluster.phase === 'Deleted') throw new AppError('auth.invalid_token');
  const link = await deps.store.clusters.nextLink(cluster.id);
  await deps.store.connections.open({
    id: connectionId,
    kind: 'agent',
    cluster: cluster.id,
    tokenHash: token.hash,
    tokenKind: token.kind,
    link,
    connectedAt: now,
  });
};

/** API Gateway's word is best effort: a post that meets nobody ends a connection in the same way. */
export const disconnect =
  (deps: Deps) =>
  (connectionId: string): Promise<void> =>
    endConnection(deps, connectionId);
