/** What every answer to an agent is made of. */
import type { Pace, ServerMessage } from '#core/contract/agent.ts';
import type { SeatLimits } from '#core/domain/decision.ts';
import type { Deps } from '../../lib/deps.ts';

export interface AgentDeps extends Deps {
  readonly deploymentId: string;
  readonly watched: Pace;
  readonly idle: Pace;
  readonly seatLimits: SeatLimits;
}

/** A message without the envelope that says whose question it answers. */
export type Unaddressed = ServerMessage extends infer M
  ? M extends ServerMessage
    ? Pick<M, 'type' | 'payload'>
    : never
  : never;
type ErrorCode = Extract<ServerMessage, { type: 'error' }>['payload']['code'];

export const refuse = (code: ErrorCode, message: string): Unaddressed => ({
  type: 'error',
  payload: { code, message },
});
export const ack: Unaddressed = { type: 'ack', payload: {} };
