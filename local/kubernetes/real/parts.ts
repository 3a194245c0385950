/** The API server of a cluster where KUBEBUILDER_ASSETS names a real one, and what its other parts have to know of that. */
import { join } from 'node:path';
import type { AuthenticateOptions } from '../apiserver/auth/authenticate.ts';
import { kubeletPkiDirOf, pkiDirOf } from '../cluster-certificates.ts';
import { nodeAddresses } from '../kubelet/addresses.ts';
import { type Identity, identity } from '../kubelet/certificates.ts';
import { findAssets } from './assets.ts';
import { type RealApiServer, startRealApiServer } from './server.ts';

export interface RealOptions extends AuthenticateOptions {
  /** The folder of the cluster. */
  dir: string;
  /** The folder of `etcd` and `kube-apiserver`. */
  assets: string;
  port?: number;
}

/** Starts it on the cluster's folder, with the authority and the keys that an embedded API server there has. */
export async function startReal({ dir, assets, ...options }: RealOptions): Promise<RealApiServer> {
  return startRealApiServer({
    ...options,
    assets: await findAssets(assets),
    dir: join(dir, 'real'),
    pkiDir: pkiDirOf(dir),
    kubeletDir: kubeletPkiDirOf(dir),
  });
}

/** The kubelet's serving certificate: a real API server dials the address of a node, and any node may be ours. */
export const nodesIdentity = (dir: string, podNetwork: string): Promise<Identity> =>
  identity(kubeletPkiDirOf(dir), pkiDirOf(dir), 'kubelet-nodes', 'server', ['127.0.0.1', ...nodeAddresses(podNetwork)]);
