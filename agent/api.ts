/** The few calls that the agent makes over HTTPS with its own token: what holds secrets never crosses the socket (DESIGN §6). */
import type * as z from 'zod';
import { TOKEN_HEADER } from '#core/contract/agent.ts';
import { createClient } from '#core/contract/client.ts';
import { seatAgentRoutes } from '#core/contract/seat-agent.ts';
import { type Config, readApiUrl } from './config.ts';
import { leanFetch } from './lean-fetch.ts';
import type { TokenStore } from './tokens.ts';

const TIMEOUT_MS = 20_000;

const SeatSecrets = seatAgentRoutes.secrets.reply[200];
export type SeatSecrets = z.output<typeof SeatSecrets>;
/** A credential, or why there is none. */
export type CredentialAnswer = z.input<typeof seatAgentRoutes.credential.body>;

/** Both throw ApiError for a refusal, and what the network says. */
export interface Api {
  /** Values of a seat's secrets and its SSH host key. */
  secrets(workspaceId: string): Promise<SeatSecrets>;
  /** Posts what a person waits for. */
  credential(request: string, answer: CredentialAnswer): Promise<void>;
}

export const agentApi = (config: Config, tokens: TokenStore, signal: AbortSignal): Api => {
  const prepare = async () => {
    const [baseUrl, { current }] = await Promise.all([readApiUrl(config), tokens.read()]);
    if (current === undefined) throw new Error('there is no agent token yet: the install token was not traded');
    const { call } = createClient({ baseUrl, fetch: leanFetch({ timeoutMs: TIMEOUT_MS, signal }) });
    return { call, headers: { [TOKEN_HEADER]: current } };
  };
  return {
    secrets: async (workspaceId) => {
      const { call, headers } = await prepare();
      const answer = await call(seatAgentRoutes.secrets, { params: { workspaceId }, headers });
      return SeatSecrets.parse(answer.body);
    },
    credential: async (request, body) => {
      const { call, headers } = await prepare();
      await call(seatAgentRoutes.credential, { params: { request }, body, headers });
    },
  };
};
