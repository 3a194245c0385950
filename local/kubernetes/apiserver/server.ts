/** A small Kubernetes API server over TLS, with its state in one folder. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { quotaLedger } from './admission/quota/ledger.ts';
import { keepApiService } from './api-service.ts';
import { keepAggregated } from './auth/aggregation.ts';
import { type AuthenticateOptions, authenticator } from './auth/authenticate.ts';
import type { Certificate } from './auth/certificates.ts';
import { loadPki } from './auth/pki.ts';
import { authorizer } from './auth/rbac.ts';
import { tokenSigner } from './auth/service-account-tokens.ts';
import { bootstrap } from './bootstrap.ts';
import type { Context, KubeletIdentity } from './call.ts';
import { customResources } from './custom/definitions.ts';
import { keepExpiring } from './event-expiry.ts';
import { draining } from './http/drain.ts';
import { handler } from './http/handle.ts';
import { listen } from './http/listen.ts';
import { BUILTIN } from './kinds/builtin.ts';
import { Registry } from './kinds/registry.ts';
import { METRICS } from './metrics/kinds.ts';
import { keyOf, Store } from './storage/store.ts';

export interface ApiServerOptions extends AuthenticateOptions {
  /** State: database, CA, serving certificate, service-account key; made when missing, resumed when there. */
  dir: string;
  /** 0 or undefined: any free one. */
  port?: number;
  /** `1.35` */
  version: string;
  /** Base URL of the kubelet's API: /containerLogs, /exec, /attach, /portForward. */
  kubeletUrl?: () => string;
  /** What the kubelet knows this server by; needed where its URL is https. */
  kubeletIdentity?: () => Promise<KubeletIdentity>;
  /** At least so many changes can be watched after a restart; default 1,000. */
  keptHistory?: number;
  /** How long events stay after they were last written; default an hour. */
  eventTtlMs?: number;
}

export interface ApiServer {
  url: string;
  caPem: string;
  /** A client certificate of the group that may do everything. */
  admin: Certificate;
  stop(): Promise<void>;
}

/** `1.35` → `v1.35.0`; a full version stays. */
const gitVersionOf = (version: string): string =>
  `v${version.replace(/^v/, '')}${/^v?\d+\.\d+$/.test(version) ? '.0' : ''}`;

/** Starts the server; resolves when it answers. Throws when the port is taken or the state is of no use. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const pki = await loadPki(options.dir);
  const store = new Store(join(options.dir, 'state.sqlite'), options.keptHistory);
  const stopping = new AbortController();
  const signer = tokenSigner(store, pki.signingKey, pki.verifyKey);
  const registry = new Registry();
  for (const kind of BUILTIN) registry.add(kind);
  // Without a kubelet there is nobody to measure.
  if (options.kubeletUrl) for (const kind of METRICS) registry.add(kind);
  const context: Context = {
    store,
    registry,
    signer,
    authenticate: authenticator(options, signer),
    authorizer: authorizer(store),
    around: {
      find: (storage, namespace, name) => store.get(storage, keyOf(namespace, name))?.object,
      all: (storage) => store.list(storage).map(({ object }) => object),
    },
    quotaLedger: quotaLedger(store),
    gitVersion: gitVersionOf(options.version),
    caPem: pki.caPem,
    kubeletUrl: options.kubeletUrl,
    kubeletIdentity: options.kubeletIdentity,
    stopping: stopping.signal,
  };
  const custom = customResources(context);
  const { handle, drain } = draining(handler(context));
  const server = await listen(pki, options.port ?? 0, handle).catch((error) => {
    store.close();
    throw error;
  });
  bootstrap(context, server.port);
  keepAggregated(store);
  const keepers = [keepApiService(context, server.port), keepExpiring(store, options.eventTtlMs)];
  custom.start();
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await drain();
    stopping.abort();
    custom.stop();
    for (const end of keepers) end();
    await server.close();
    store.close();
  };
  return {
    url: `https://127.0.0.1:${server.port}`,
    caPem: pki.caPem,
    admin: pki.admin,
    stop: () => (stopped ??= stop()),
  };
}
