import type { IncomingMessage } from 'node:http';
import { Duplex, PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { join } from '#local/kubernetes/apiserver/subresources/stream.ts';

test('the last words of a kubelet that has closed reach a client that takes them slowly', async () => {
  let got = '';
  const client = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      void sleep(20).then(() => {
        got += chunk;
        done();
      });
    },
  });
  const kubelet = new PassThrough();
  const closed = new Promise((resolve) => client.once('close', resolve));
  join(client, Buffer.alloc(0), { rawHeaders: ['Upgrade', 'websocket'] } as IncomingMessage, kubelet, Buffer.from('a'));
  kubelet.end('b');
  await closed;
  expect(got).toBe('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nab');
});
