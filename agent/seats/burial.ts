/** Carries a tombstone out, step by step: the resource, its objects, its pod, then its volumes as told. Each step can be begun again. */
import { seatName } from '#core/domain/seat/names.ts';
import { hasStatus, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import type { Known } from '../kubernetes/mirror.ts';
import type { Tombstone } from './desired.ts';
import type { Ensure } from './ensure.ts';
import { type Mirrors, PRUNED } from './mirrors.ts';

export interface BurialOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly ensure: Ensure;
  readonly signal: AbortSignal;
}

/** An object of the seat that is still there. */
export interface Remaining extends Known {
  readonly kind: string;
  /** Of a pod that was given one. */
  readonly node?: string;
}

/** Names of the claims that were kept, or what is still there: an event leads back here. */
export type Buried = { readonly kept: readonly string[] } | { readonly remains: readonly Remaining[] };

/** Throws KubernetesError. */
export const bury = async (
  { id, fate }: Tombstone,
  { kubernetes, mirrors, ensure, signal }: BurialOptions,
): Promise<Buried> => {
  const name = seatName(id);
  const drop = async (kind: keyof typeof kinds, { namespace, name: of, uid, deleting }: Known) => {
    if (deleting) return;
    await kubernetes
      .request('DELETE', pathOf(kinds[kind], namespace, of), {
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid } },
        signal,
      })
      .catch((error: unknown) => {
        if (!hasStatus(error, 404)) throw error;
      });
  };

  const resources = [...mirrors.Workspace.all()].filter(
    (one) => one.origin === 'ControlPlane' && (one.spec?.id === id || one.name === name),
  );
  for (const one of resources) await drop('Workspace', one);

  // Their owner is gone, so the cluster collects them too; where it has no collector, or is slow, we do.
  const owned = PRUNED.flatMap((kind) => [...mirrors[kind].all()].filter(({ seat }) => seat === name));
  for (const object of owned) if (!object.deleting) await ensure.remove(object);
  for (const namespace of new Set([...resources, ...owned].map((one) => one.namespace))) {
    await kubernetes.request('DELETE', pathOf(kinds.Secret, namespace, name), { signal }).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }
  const pods = [...mirrors.Pod.all()].filter(({ seat }) => seat === name);
  const first: readonly Remaining[] = [
    ...pods.map((pod) => ({
      ...pod,
      kind: 'Pod',
      ...(pod.spec.nodeName === undefined ? {} : { node: pod.spec.nodeName }),
    })),
    ...resources.map((one) => ({ ...one, kind: 'Workspace' })),
    ...owned,
  ];
  if (first.length > 0) return { remains: first };

  const claims = [...mirrors.PersistentVolumeClaim.all()].filter(({ seat }) => seat === name);
  if (fate === 'KeepVolumes') return { kept: claims.map((claim) => claim.name).sort() };
  for (const claim of claims) await drop('PersistentVolumeClaim', claim);
  if (claims.length === 0) return { kept: [] };
  return { remains: claims.map((claim) => ({ ...claim, kind: 'PersistentVolumeClaim' })) };
};
