import { expect, it } from 'vitest';
import { AppError } from '#core/contract/errors.ts';
import type { Deps } from '#functions/lib/deps.ts';
import { type Handshake, type SocketApp, socket } from '#functions/lib/socket.ts';

const logged: unknown[] = [];
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (line: unknown) => logged.push(line),
} as unknown as Deps['log'];

const adapter = (app: Partial<SocketApp>) => {
  const refuse = async () => {
    throw new Error('not expected');
  };
  const handler = socket({ log }, { connect: refuse, disconnect: refuse, message: refuse, ...app });
  return (eventType: 'CONNECT' | 'DISCONNECT' | 'MESSAGE', more: object = {}) =>
    handler({ requestContext: { connectionId: 'socket-1', eventType }, ...more } as unknown as Parameters<
      typeof handler
    >[0]);
};

it('hands the ticket of the query and the token of the header to connect, whatever the case of the header', async () => {
  const seen: Handshake[] = [];
  const send = adapter({ connect: async (handshake) => void seen.push(handshake) });
  expect(await send('CONNECT', { queryStringParameters: { ticket: 't' } })).toEqual({ statusCode: 200 });
  expect(await send('CONNECT', { headers: { 'X-CLUSTER-token': 'rsc_1' } })).toEqual({ statusCode: 200 });
  expect(seen).toEqual([
    { connectionId: 'socket-1', ticket: 't', agentToken: undefined },
    { connectionId: 'socket-1', ticket: undefined, agentToken: 'rsc_1' },
  ]);
});

it('refuses the handshake with the status of the error and its code, nothing more', async () => {
  const send = adapter({
    connect: async () => {
      throw new AppError('auth.invalid_token', { detail: 'the token of clu_1 was revoked' });
    },
  });
  expect(await send('CONNECT')).toEqual({ statusCode: 401, body: 'auth.invalid_token' });
});

it('answers a message with exactly one answer as JSON, an empty message too', async () => {
  const send = adapter({ message: async (connection, text) => ({ connection, text }) });
  expect(await send('MESSAGE', { body: 'hello' })).toEqual({
    statusCode: 200,
    body: '{"connection":"socket-1","text":"hello"}',
  });
  expect(await send('MESSAGE')).toEqual({ statusCode: 200, body: '{"connection":"socket-1","text":""}' });
});

it('passes the end of a connection on', async () => {
  const ended: string[] = [];
  const send = adapter({ disconnect: async (id) => void ended.push(id) });
  expect(await send('DISCONNECT')).toEqual({ statusCode: 200 });
  expect(ended).toEqual(['socket-1']);
});

it('answers 500 without a word about what went wrong, and logs it', async () => {
  logged.length = 0;
  expect(await adapter({})('MESSAGE', { body: 'x' })).toEqual({ statusCode: 500 });
  expect(logged).toEqual(['the socket failed']);
});
