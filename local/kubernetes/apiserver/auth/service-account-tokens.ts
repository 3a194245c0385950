/** Service-account tokens: JWTs signed by the cluster's own key, good as long as what they are bound to lives. */
import { createHash, type JsonWebKey, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import type { Json, Obj } from '../json.ts';
import { keyOf, type Store } from '../storage/store.ts';
import type { User } from './user.ts';

export const ISSUER = 'https://kubernetes.default.svc';

export interface TokenClaims {
  namespace: string;
  account: { name: string; uid: string };
  audiences: string[];
  /** Seconds. */
  lifetime: number;
  bound?: { kind: 'pod' | 'secret' | 'node'; name: string; uid: string };
  /** Where the pod runs that the token is bound to. */
  node?: { name: string; uid?: string };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A public key as JSON (RFC 7517). */
export interface PublicKey extends JsonWebKey {
  use: string;
  kid: string;
  alg: string;
}

export interface TokenSigner {
  /** By which others can check the tokens. */
  keys: { keys: PublicKey[] };
  issue(claims: TokenClaims): { token: string; expires: Date };
  /** The user of a token of ours; undefined for tokens that are not ours, expired, for other audiences or whose account, pod or secret is gone. */
  authenticate(token: string, audiences?: string[]): { user: User; audiences: string[] } | undefined;
}

export function tokenSigner(store: Store, signingKey: KeyObject, verifyKey: KeyObject): TokenSigner {
  const der = verifyKey.export({ format: 'der', type: 'spki' });
  const kid = createHash('sha256').update(der).digest('base64url');
  const header = encode({ alg: 'ES256', kid });
  const lives = (
    storage: string,
    namespace: string | undefined,
    { name, uid }: { name: string; uid: string },
  ): Obj | undefined => {
    const object = store.get(storage, keyOf(namespace, name))?.object;
    return object?.metadata.uid === uid && object.metadata.deletionTimestamp === undefined ? object : undefined;
  };

  return {
    keys: { keys: [{ use: 'sig', kid, alg: 'ES256', ...verifyKey.export({ format: 'jwk' }) }] },

    issue({ namespace, account, audiences, lifetime, bound, node }) {
      const now = Math.floor(Date.now() / 1000);
      const payload = encode({
        aud: audiences,
        exp: now + lifetime,
        iat: now,
        iss: ISSUER,
        jti: randomUUID(),
        'kubernetes.io': {
          namespace,
          ...(node && { node }),
          ...(bound && { [bound.kind]: { name: bound.name, uid: bound.uid } }),
          serviceaccount: account,
        },
        nbf: now,
        sub: `system:serviceaccount:${namespace}:${account.name}`,
      });
      const signature = sign('sha256', Buffer.from(`${header}.${payload}`), {
        key: signingKey,
        dsaEncoding: 'ieee-p1363',
      });
      return {
        token: `${header}.${payload}.${signature.toString('base64url')}`,
        expires: new Date((now + lifetime) * 1000),
      };
    },

    authenticate(token, audiences = [ISSUER]) {
      const [head, payload, signature, more] = token.split('.');
      if (head === undefined || payload === undefined || signature === undefined || more !== undefined)
        return undefined;
      let claims: Json;
      try {
        if (JSON.parse(Buffer.from(head, 'base64url').toString()).kid !== kid) return undefined;
        claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      } catch {
        return undefined;
      }
      const genuine = verify(
        'sha256',
        Buffer.from(`${head}.${payload}`),
        { key: verifyKey, dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      );
      if (!genuine || claims.iss !== ISSUER) return undefined;
      const now = Date.now() / 1000;
      if (claims.exp < now || claims.nbf > now + 5) return undefined;
      const meant = (claims.aud as string[]).filter((audience) => audiences.includes(audience));
      if (meant.length === 0) return undefined;
      const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io'];
      if (!lives('serviceaccounts', namespace, serviceaccount)) return undefined;
      if (pod && !podLives(store, namespace, pod)) return undefined;
      if (secret && !lives('secrets', namespace, secret)) return undefined;
      // A pod's token ends with the pod, wherever that runs.
      if (node && !pod && !lives('nodes', undefined, node)) return undefined;
      const extra: Record<string, string[]> = {
        'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`],
        ...(node && {
          'authentication.kubernetes.io/node-name': [node.name],
          ...(node.uid && { 'authentication.kubernetes.io/node-uid': [node.uid] }),
        }),
        ...(pod && {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        }),
      };
      return {
        audiences: meant,
        user: {
          name: claims.sub,
          uid: serviceaccount.uid,
          groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
          extra,
        },
      };
    },
  };
}

/** A pod's token works while the pod terminates within its grace, too. */
function podLives(store: Store, namespace: string, { name, uid }: { name: string; uid: string }): boolean {
  return store.get('pods', keyOf(namespace, name))?.object.metadata.uid === uid;
}
