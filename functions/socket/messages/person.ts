/** Messages of people: subscribe to a team's changes, unsubscribe, ping (docs/socket.md). */
import { AppError } from '#core/contract/errors.ts';
import { type ClientAnswer, ClientMessage } from '#core/contract/socket.ts';
import { authorize } from '#core/domain/access.ts';
import type { PersonConnection } from '#core/store/connections.ts';
import type { Deps } from '../../lib/deps.ts';
import { isOver } from './session.ts';

/** The answer to one message. */
export const answerPerson = async (deps: Deps, connection: PersonConnection, body: unknown): Promise<ClientAnswer> => {
  const parsed = ClientMessage.safeParse(body);
  const id =
    typeof (body as { id?: unknown } | null)?.id === 'string' ? { id: (body as { id: string }).id.slice(0, 64) } : {};
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      type: 'error',
      ...id,
      code: 'request.invalid',
      message: `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'not understood'}; send {"type":"subscribe"|"unsubscribe"|"ping"}`,
    };
  }
  const message = parsed.data;
  try {
    // What push may have missed: nothing more goes to a socket whose session has ended.
    if (await isOver(deps, connection, connection.connectedAt)) {
      await deps.store.connections.close(connection.id);
      throw new AppError('auth.invalid_token', { detail: 'the session has ended: sign in and open another socket' });
    }
    if (message.type === 'ping') return { type: 'pong', ...id, at: deps.now() };
    const team = message.team ?? connection.personalTeam;
    if (message.type === 'unsubscribe') {
      await deps.store.connections.unsubscribe(connection, team);
      return { type: 'unsubscribed', ...id, team };
    }
    authorize(await deps.store.people.role(team, connection.account), 'socket.subscribe', 'team');
    await deps.store.connections.subscribe(connection, team);
    return { type: 'subscribed', ...id, team };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { type: 'error', ...id, code: error.code, message: error.detail ?? error.message };
  }
};
