/** The claims behind a seat's volumes, made by the agent itself: they grow, never shrink, and have no owner (kubernetes.md findings 9 and 10). */
import { quantity } from '#core/contract/quantity.ts';
import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { OWNER_LABEL } from '#core/domain/seat/names.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { MANAGER } from './ensure.ts';
import { type ClaimFacts, claimOf } from './facts.ts';
import type { Mirrors } from './mirrors.ts';

export type ClaimOutcome =
  | 'nothing'
  | 'created'
  | 'grown'
  /** It never had a volume, so it was made anew with its new size. */
  | 'replaced'
  /** The storage class does not let it grow, or a quota forbids it. */
  | { readonly refused: string };

/** A claim of this name holds the files of somebody else: it is never given to another person. */
export class ForeignClaimError extends Error {
  constructor(name: string) {
    super(`the volume ${name} belongs to somebody else: a volume is never given to another person`);
    this.name = 'ForeignClaimError';
  }
}

interface Claim extends KubernetesObject {
  readonly spec: { readonly resources: { readonly requests: { readonly storage: string } } };
}

export interface EnsureClaimOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly signal: AbortSignal;
  /** A pod is on its way to a node with this claim: it must not be replaced under it. */
  readonly inUse: boolean;
}

export const ensureClaim = async (given: KubernetesObject, options: EnsureClaimOptions): Promise<ClaimOutcome> => {
  const { kubernetes, mirrors, signal, inUse } = options;
  const claim = given as Claim;
  const { namespace = '', name } = claim.metadata;
  const mirror = mirrors.PersistentVolumeClaim;
  const collection = pathOf(kinds.PersistentVolumeClaim, namespace);
  const wanted = claim.spec.resources.requests.storage;

  const create = async () => {
    try {
      mirror.learn(await kubernetes.request<Item>('POST', collection, { body: claim, signal }));
      return true;
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      return false;
    }
  };
  const patch = async (body: object) => {
    const query = { fieldManager: MANAGER };
    const contentType = 'application/merge-patch+json';
    mirror.learn(
      await kubernetes.request<Item>('PATCH', `${collection}/${name}`, { query, contentType, body, signal }),
    );
  };
  const read = async (): Promise<ClaimFacts> =>
    claimOf(await kubernetes.request<Item>('GET', `${collection}/${name}`, { signal }));

  let known = mirror.get(namespace, name);
  if (!known) {
    if (await create()) return 'created';
    // It is there without our label, or the watch is behind.
    known = await read();
  }
  const owner = claim.metadata.labels?.[OWNER_LABEL];
  if (known.owner !== undefined && known.owner !== owner) throw new ForeignClaimError(name);
  if (known.seat === undefined) await patch({ metadata: { labels: claim.metadata.labels } });
  if (known.deleting || quantity(known.requested) >= quantity(wanted)) return 'nothing';
  if (!known.bound) {
    if (inUse) return 'nothing';
    await kubernetes.request('DELETE', `${collection}/${name}`, {
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: { uid: known.uid, resourceVersion: known.version },
      },
      signal,
    });
    if (!(await create()))
      throw new Error(`the claim ${name} is still going: it is made anew with ${wanted} after that`);
    return 'replaced';
  }
  try {
    await patch({ spec: { resources: { requests: { storage: wanted } } } });
    return 'grown';
  } catch (error) {
    if (hasStatus(error, 403) || hasStatus(error, 422)) return { refused: (error as Error).message };
    throw error;
  }
};
