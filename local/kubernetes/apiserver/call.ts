/** What a request carries through the server: the server's parts, who asks, for what, and what is to be warned of. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Ledger } from './admission/quota/ledger.ts';
import type { Authenticator } from './auth/authenticate.ts';
import type { Authorizer } from './auth/rbac.ts';
import type { TokenSigner } from './auth/service-account-tokens.ts';
import type { User } from './auth/user.ts';
import type { Form } from './http/negotiate.ts';
import type { RequestInfo } from './http/request.ts';
import type { Json, Obj } from './json.ts';
import type { Kind, Surroundings } from './kinds/kind.ts';
import type { Registry } from './kinds/registry.ts';
import type { Store } from './storage/store.ts';

/** PEM: the certificate that the kubelet trusts, its key, and the authority of the kubelet's own certificate. */
export interface KubeletIdentity {
  caPem: string;
  certPem: string;
  keyPem: string;
}

export interface Context {
  store: Store;
  registry: Registry;
  authenticate: Authenticator;
  authorizer: Authorizer;
  signer: TokenSigner;
  around: Surroundings;
  quotaLedger: Ledger;
  /** `v1.35.0` */
  gitVersion: string;
  caPem: string;
  kubeletUrl: (() => string) | undefined;
  kubeletIdentity: (() => Promise<KubeletIdentity>) | undefined;
  /** Ends what lasts (watches, logs) when the server stops. */
  stopping: AbortSignal;
}

export interface Call {
  context: Context;
  request: IncomingMessage;
  response: ServerResponse;
  headers: IncomingHttpHeaders;
  info: RequestInfo;
  user: User;
  form: Form;
  body: Buffer;
  /** The bare connection, where the client asked for another protocol on it. */
  upgrade?: { socket: Duplex; head: Buffer };
  /** Texts of Warning headers, in order. */
  warnings: string[];
}

/** A call for a known kind. */
export interface KindCall extends Call {
  kind: Kind;
}

/** What a verb answers; `handled` means that it wrote the response itself. */
export type Answer =
  | { code: number; object: Obj; kind: Kind }
  | { code: number; list: ListAnswer; kind: Kind }
  | { code: number; json: Json }
  | { code: number; text: string; type?: string }
  | { handled: true };

export interface ListAnswer {
  items: readonly Obj[];
  /** The JSON of each item in the stored form, if it is the form of the answer. */
  texts?: readonly string[];
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
}
