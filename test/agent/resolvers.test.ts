import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownResolvers, resolversOf } from '#agent/resolvers.ts';

test('the resolvers of a pod are those lines of its file that another pod could use', () => {
  const text = `search default.svc.cluster.local\n# nameserver 9.9.9.9\nnameserver 172.20.0.10\nnameserver 169.254.20.10
nameserver 127.0.0.53\n nameserver fd00::a\nnameserver fe80::1%eth0\nnameserver ::1\nnameserver nonsense\nnameserver 172.20.0.10\noptions ndots:5`;
  expect(resolversOf(text)).toEqual(['172.20.0.10', '169.254.20.10', 'fd00::a']);
});

test('without the file there are none', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'roadstead-resolvers-'));
  expect(await ownResolvers(join(dir, 'none'))).toEqual([]);
  await writeFile(join(dir, 'resolv.conf'), 'nameserver 10.96.0.10\n');
  expect(await ownResolvers(join(dir, 'resolv.conf'))).toEqual(['10.96.0.10']);
  await rm(dir, { recursive: true });
});
