/** One message in, one answer out, for whoever holds the connection. */

import type { ServerMessage } from '#core/contract/agent.ts';
import type { ClientAnswer } from '#core/contract/socket.ts';
import { answerAgent } from './agent.ts';
import type { AgentDeps } from './answer.ts';
import { answerPerson } from './person.ts';

export const message =
  (deps: AgentDeps) =>
  async (connectionId: string, text: string): Promise<ClientAnswer | ServerMessage> => {
    const connection = await deps.store.connections.get(connectionId);
    if (connection === null)
      return {
        type: 'error',
        code: 'auth.invalid_token',
        message: 'this connection is not known any more: connect again',
      };
    let body: unknown = null;
    try {
      body = JSON.parse(text);
    } catch {
      // Not JSON: answered below like any message that is not understood.
    }
    return connection.kind === 'agent' ? answerAgent(deps, connection, body) : answerPerson(deps, connection, body);
  };
