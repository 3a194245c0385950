import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSealing, type DataKeys, kmsDataKeys, type Sealing } from '#functions/lib/sealing.ts';
import { kmsApi } from '#local/kms/api.ts';
import { type Keys, openKeys } from '#local/kms/keys.ts';
import { credentials, serveApis } from '#test/local/states/endpoint.ts';

const SECRET = 'apiVersion: v1\nusers: [{token: "ä secret"}]';
const context = { team: 'team_1', cluster: 'clu_1', version: '3' };

let server: Awaited<ReturnType<typeof serveApis>>;
let keys: Keys;
let sealing: Sealing;
let generated = 0;

beforeAll(async () => {
  keys = openKeys(mkdtempSync(join(tmpdir(), 'kms-')));
  const arn = keys.ensure('Sealing').arn;
  server = await serveApis([kmsApi(keys, { resourceVerdict: () => 'allow' } as never)]);
  const client = new KMSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const live = kmsDataKeys(arn, client);
  const counted: DataKeys = {
    ...live,
    generate: (given) => {
      generated += 1;
      return live.generate(given);
    },
  };
  sealing = createSealing(counted);
});
afterAll(() => server[Symbol.asyncDispose]());

describe('sealing', () => {
  it('opens to the same text in the same context, whatever the order of its names', async () => {
    const sealed = await sealing.seal(SECRET, context);
    expect(await sealing.open(sealed, { version: '3', cluster: 'clu_1', team: 'team_1' })).toBe(SECRET);
    expect(sealed).not.toContain('secret');
    expect(sealed).toMatch(/^v1\.[\w-]+\.[\w-]+$/);
  });

  it.each([
    ['another team', { ...context, team: 'team_2' }],
    ['another version', { ...context, version: '4' }],
    ['a name less', { team: 'team_1', cluster: 'clu_1' }],
    ['a name more', { ...context, extra: '' }],
  ])('opens nothing in the context of %s', async (_, other) => {
    const sealed = await sealing.seal(SECRET, context);
    await expect(sealing.open(sealed, other)).rejects.toThrow();
  });

  it('binds the context to the cipher text too: a key that opens anywhere does not help', async () => {
    const key = Uint8Array.from({ length: 32 }, (_, at) => at);
    const careless = createSealing({
      generate: async () => ({ plain: Uint8Array.from(key), wrapped: Uint8Array.of(1) }),
      unwrap: async () => Uint8Array.from(key),
    });
    const sealed = await careless.seal(SECRET, context);
    expect(await careless.open(sealed, context)).toBe(SECRET);
    await expect(careless.open(sealed, { ...context, team: 'team_2' })).rejects.toThrow();
  });

  it('notices every changed byte', async () => {
    const [version, wrapped, body] = (await sealing.seal(SECRET, context)).split('.') as [string, string, string];
    const bytes = Buffer.from(body, 'base64url');
    for (const at of [0, 11, 12, bytes.length - 17, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      await expect(sealing.open(`${version}.${wrapped}.${changed.toString('base64url')}`, context)).rejects.toThrow();
    }
    const short = bytes.subarray(0, bytes.length - 4).toString('base64url');
    await expect(sealing.open(`${version}.${wrapped}.${short}`, context)).rejects.toThrow();
  });

  it('takes a new data key and a new nonce each time', async () => {
    generated = 0;
    const [one, two] = [await sealing.seal(SECRET, context), await sealing.seal(SECRET, context)];
    expect(generated).toBe(2);
    expect(one.split('.')[1]).not.toBe(two.split('.')[1]);
    const nonceOf = (sealed: string) =>
      Buffer.from(sealed.split('.')[2] as string, 'base64url')
        .subarray(0, 12)
        .toString('hex');
    expect(nonceOf(one)).not.toBe(nonceOf(two));
  });

  it('says what a sealed text looks like when it is given something else', async () => {
    for (const text of ['', 'v1.a', 'v2.a.b'])
      await expect(sealing.open(text, context)).rejects.toThrow('begins with v1');
  });
});

it('moves from one key to another: what the old one sealed is opened without naming it, what is sealed is the new one’s', async () => {
  const client = new KMSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  const next = keys.ensure('Next').arn;
  const moving = createSealing(kmsDataKeys(next, client, null));
  const old = await sealing.seal(SECRET, context);
  await expect(createSealing(kmsDataKeys(next, client)).open(old, context)).rejects.toThrow();
  const moved = await moving.seal(await moving.open(old, context), context);
  expect(await createSealing(kmsDataKeys(next, client)).open(moved, context)).toBe(SECRET);
  await expect(sealing.open(moved, context)).rejects.toThrow();
});
