/** The KMS API: GenerateDataKey, Encrypt and Decrypt, each asked of the role and of the key's own policy. */
import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import type { LocalIam } from '#local/iam/iam.ts';
import { type ApiCall, type AwsApi, AwsError, type Caller, type Check } from '#local/types.ts';
import type { Key, Keys } from './keys.ts';

const context = z.record(z.string(), z.string()).default({});
const keyId = z.string().min(1).max(2048);
const blob = z.base64();

const inputs = {
  GenerateDataKey: z.object({
    KeyId: keyId,
    EncryptionContext: context,
    KeySpec: z.enum(['AES_256', 'AES_128']).optional(),
    NumberOfBytes: z.int().min(1).max(1024).optional(),
  }),
  Encrypt: z.object({ KeyId: keyId, EncryptionContext: context, Plaintext: blob }),
  Decrypt: z.object({ KeyId: keyId.optional(), EncryptionContext: context, CiphertextBlob: blob }),
};
type Inputs = { [K in keyof typeof inputs]: z.infer<(typeof inputs)[K]> };

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

function keyOf(keys: Keys, call: ApiCall): Key {
  const { KeyId, CiphertextBlob } = call.input as { KeyId?: string; CiphertextBlob?: string };
  const used = CiphertextBlob ? keys.keyOf(bytes(CiphertextBlob)) : keys.find(KeyId!);
  if (KeyId && keys.find(KeyId).id !== used.id)
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  return used;
}

const operations: { [K in keyof Inputs]: (keys: Keys, key: Key, input: Inputs[K]) => Record<string, unknown> } = {
  GenerateDataKey(keys, key, { KeySpec, NumberOfBytes, EncryptionContext }) {
    if ((KeySpec === undefined) === (NumberOfBytes === undefined))
      throw new AwsError('ValidationException', 'Please specify either number of bytes or key spec.');
    const plaintext = randomBytes(NumberOfBytes ?? (KeySpec === 'AES_256' ? 32 : 16));
    return {
      Plaintext: plaintext.toString('base64'),
      CiphertextBlob: keys.encrypt(key, plaintext, EncryptionContext).toString('base64'),
    };
  },
  Encrypt: (keys, key, { Plaintext, EncryptionContext }) => ({
    CiphertextBlob: keys.encrypt(key, bytes(Plaintext), EncryptionContext).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  }),
  Decrypt: (keys, _key, { CiphertextBlob, EncryptionContext }) => ({
    Plaintext: keys.decrypt(bytes(CiphertextBlob), EncryptionContext).toString('base64'),
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  }),
};

const headers = { 'content-type': 'application/x-amz-json-1.1' };

export function kmsApi(keys: Keys, iam: LocalIam): AwsApi {
  const check = (call: ApiCall): Check => {
    const pairs = Object.entries(call.input.EncryptionContext as Record<string, string>);
    return {
      action: `kms:${call.operation}`,
      resource: keyOf(keys, call).arn,
      context: {
        'kms:EncryptionContextKeys': pairs.map(([name]) => name),
        ...Object.fromEntries(pairs.map(([name, value]) => [`kms:EncryptionContext:${name}`, value])),
      },
    };
  };
  /** A key's policy must let the account or the role in, whatever the role's own policies say. */
  const askKey = (call: ApiCall, caller: Caller): void => {
    const asked = check(call);
    if (iam.resourceVerdict(caller, asked, asked.resource) === 'allow') return;
    throw new AwsError(
      'AccessDeniedException',
      `User: ${caller.principalArn} is not authorized to perform: ${asked.action} on resource: ${asked.resource} because no resource-based policy allows the ${asked.action} action`,
    );
  };
  return {
    service: 'kms',
    conditionKeys: ['kms:EncryptionContextKeys', 'kms:EncryptionContext:*'],
    parse(request) {
      const operation = request.headers['x-amz-target']?.replace(/^TrentService\./, '') ?? '';
      if (!Object.hasOwn(inputs, operation))
        throw new AwsError(
          'UnknownOperationException',
          `KMS here answers ${Object.keys(inputs).join(', ')}; given: "${operation}"`,
        );
      const input = inputs[operation as keyof Inputs].safeParse(JSON.parse(request.body.toString() || '{}'));
      if (!input.success) throw new AwsError('ValidationException', z.prettifyError(input.error));
      return { operation, input: input.data };
    },
    checks: (call) => [check(call)],
    async run(call, caller) {
      askKey(call, caller);
      const key = keyOf(keys, call);
      const run = operations[call.operation as keyof Inputs] as (keys: Keys, key: Key, input: unknown) => object;
      return { status: 200, headers, body: JSON.stringify({ KeyId: key.arn, ...run(keys, key, call.input) }) };
    },
    fail: (error) => ({
      status: error.status,
      headers,
      body: JSON.stringify({ __type: error.code, message: error.message }),
    }),
  };
}
