/** Secrets of type `kubernetes.io/service-account-token`: filled with a token of their account, removed with it. */
import { isStatus } from './machinery/client.ts';
import { keyOf } from './machinery/informer.ts';
import { pathOf, secrets, serviceAccounts } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import type { Secret, ServiceAccount } from './machinery/types.ts';

const TYPE = 'kubernetes.io/service-account-token';
const NAME = 'kubernetes.io/service-account.name';
const UID = 'kubernetes.io/service-account.uid';
/** The longest life that an API server gives (2^32 s): the token ends with its secret, to which it is bound. */
const LIFE_SECONDS = 2 ** 32;

export function serviceAccountSecretController(runtime: Runtime, caPem: string): void {
  const informer = runtime.informer(secrets);
  const accounts = runtime.informer(serviceAccounts);
  const accountOf = (secret: Secret): string | undefined =>
    secret.type === TYPE && secret.metadata.annotations?.[NAME]
      ? `${secret.metadata.namespace}/${secret.metadata.annotations[NAME]}`
      : undefined;

  const remove = (secret: Secret): Promise<void> =>
    runtime.delete(secrets, secret).catch((error) => {
      if (!isStatus(error, 404, 409)) throw error;
    });

  async function token(account: ServiceAccount, { metadata: { name, uid } }: Secret): Promise<string> {
    const answer = await runtime.client.call<{ status: { token: string } }>(
      'POST',
      pathOf(serviceAccounts, account.metadata.namespace, account.metadata.name, 'token'),
      {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { expirationSeconds: LIFE_SECONDS, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
        },
      },
    );
    return answer.status.token;
  }

  const queue = runtime.queue({ name: 'service-account-secrets' }, async (key) => {
    const secret = informer.get(key);
    const owner = secret && accountOf(secret);
    if (secret === undefined || owner === undefined || secret.metadata.deletionTimestamp) return;
    const { namespace, annotations } = secret.metadata;
    const account =
      accounts.get(owner) ?? (await runtime.client.find(serviceAccounts, namespace, annotations?.[NAME] ?? ''));
    const other = annotations?.[UID] !== undefined && annotations[UID] !== account?.metadata.uid;
    if (account === undefined || other) return remove(secret);
    const encode = (text: string) => Buffer.from(text).toString('base64');
    const fixed = { 'ca.crt': encode(caPem), namespace: encode(namespace ?? '') };
    const { data } = secret;
    const filled =
      data?.token && annotations?.[UID] && Object.entries(fixed).every(([name, value]) => data[name] === value);
    if (filled) return;
    await runtime.patch(secrets, secret, {
      metadata: { annotations: { [UID]: account.metadata.uid } },
      data: { ...fixed, ...(!data?.token && { token: encode(await token(account, secret)) }) },
    });
  });

  informer.on(({ type, object }) => type !== 'deleted' && accountOf(object) && queue.add(keyOf(object)));
  accounts.on(({ type, object }) => {
    if (type === 'updated') return;
    for (const secret of informer.list(object.metadata.namespace))
      if (accountOf(secret) === keyOf(object)) queue.add(keyOf(secret));
  });
}
