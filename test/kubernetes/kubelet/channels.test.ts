import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { WebSocket } from 'ws';
import { commandStreams } from '#local/kubernetes/kubelet/streams/channels.ts';
import { SUCCESS } from '#local/kubernetes/kubelet/streams/streams.ts';

test('what waits for a slow client goes out before the Status, and the Status before the close', async () => {
  const seen: string[] = [];
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    send(message: Buffer, done?: () => void) {
      if (socket.readyState === 1) seen.push(`${message[0]}:${message.subarray(1)}`);
      void sleep(20).then(done);
    },
    close() {
      socket.readyState = 2;
      seen.push('close');
    },
  });
  const streams = commandStreams(socket as unknown as WebSocket, {
    stdin: false,
    stdout: true,
    stderr: false,
    tty: false,
  });
  for (const part of ['one', 'two', 'three']) streams.stdout?.write(part);
  await streams.finish(SUCCESS);
  expect(seen).toEqual(['1:', '1:one', '1:two', '1:three', `3:${JSON.stringify(SUCCESS)}`, 'close']);
});
