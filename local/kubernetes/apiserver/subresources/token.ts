/** `serviceaccounts/token`: a token that expires and may be bound to a pod or a secret. */
import { admitSubresource } from '../admission/admit.ts';
import { ISSUER, type TokenClaims } from '../auth/service-account-tokens.ts';
import type { Answer, KindCall } from '../call.ts';
import { badRequest, conflict, type FieldError, invalid, invalidField, notFound } from '../errors.ts';
import type { Json, Obj } from '../json.ts';
import { decode } from '../schema/decode.ts';
import { typeOf } from '../schema/definitions.ts';
import type { StructType } from '../schema/type.ts';
import { keyOf } from '../storage/store.ts';
import { parseBody } from '../verbs/body.ts';
import { writeOptions } from '../verbs/options.ts';
import { existing } from '../verbs/stored.ts';

const HOUR = 3600;
const LONGEST = 2 ** 32;
const STORAGE: Record<string, { storage: string; bound: 'pod' | 'secret' | 'node' }> = {
  Pod: { storage: 'pods', bound: 'pod' },
  Secret: { storage: 'secrets', bound: 'secret' },
  Node: { storage: 'nodes', bound: 'node' },
};

export function token(call: KindCall): Answer {
  const options = writeOptions(call.info.query, 'CreateOptions', call.headers['user-agent']);
  const account = existing(call).object;
  const body = decode(typeOf('io.k8s.api.authentication.v1.TokenRequest') as StructType, parseBody(call).value)
    .value as Json;
  if (body.metadata?.name && body.metadata.name !== account.metadata.name)
    throw badRequest(
      `the name of the object (${body.metadata.name}) does not match the name on the URL (${account.metadata.name})`,
    );
  const spec = body.spec ?? {};
  const seconds = spec.expirationSeconds ?? HOUR;
  const faults: FieldError[] = [];
  if (seconds < 600)
    faults.push(invalidField('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'));
  if (seconds > LONGEST)
    faults.push(invalidField('spec.expirationSeconds', seconds, 'may not specify a duration larger than 2^32 seconds'));
  if (faults.length) throw invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', faults);
  const ref = spec.boundObjectRef;
  let bound: TokenClaims['bound'];
  let node: TokenClaims['node'];
  if (ref) {
    const to = STORAGE[ref.kind];
    if (!to)
      throw badRequest(
        `cannot bind token to object of type ${ref.apiVersion?.includes('/') ? ref.apiVersion : `/${ref.apiVersion ?? ''}`}, Kind=${ref.kind}`,
      );
    const namespace = ref.kind === 'Node' ? undefined : call.info.namespace;
    const found: Obj | undefined = call.context.store.get(to.storage, keyOf(namespace, ref.name))?.object;
    if (!found) throw notFound({ group: '', resource: to.storage }, ref.name);
    if (ref.uid && ref.uid !== found.metadata.uid)
      throw conflict(
        { group: '', resource: ref.kind },
        ref.name,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    if (ref.kind === 'Pod' && (found.spec?.serviceAccountName || 'default') !== account.metadata.name) {
      throw badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
      );
    }
    bound = { kind: to.bound, name: ref.name, uid: found.metadata.uid };
    const host: string | undefined = ref.kind === 'Pod' ? found.spec?.nodeName : undefined;
    if (host) {
      const uid = call.context.store.get('nodes', keyOf(undefined, host))?.object.metadata.uid;
      node = { name: host, ...(uid && { uid }) };
    }
  }
  const form = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
  admitSubresource(call, 'CREATE', form, body, options.dryRun);
  const audiences: string[] = spec.audiences?.length ? spec.audiences : [ISSUER];
  const status = options.dryRun
    ? { token: '', expirationTimestamp: null }
    : (() => {
        const issued = call.context.signer.issue({
          namespace: call.info.namespace!,
          account: { name: account.metadata.name, uid: account.metadata.uid },
          audiences,
          lifetime: seconds,
          ...(bound && { bound }),
          ...(node && { node }),
        });
        return { token: issued.token, expirationTimestamp: issued.expires.toISOString().replace(/\.\d+/, '') };
      })();
  return {
    code: 201,
    json: {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {
        name: account.metadata.name,
        namespace: account.metadata.namespace,
        uid: account.metadata.uid,
        creationTimestamp: new Date().toISOString().replace(/\.\d+/, ''),
      },
      spec: { audiences, expirationSeconds: seconds, boundObjectRef: ref ?? null },
      status,
    },
  };
}
