/** The ReplicaSets of a Deployment: one a template, found or made, with the annotations that keep its history. */
import { isStatus } from '../machinery/client.ts';
import { says } from '../machinery/equal.ts';
import { controllerReference, isControlledBy } from '../machinery/owners.ts';
import { deployments, replicaSets } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { Deployment, ReplicaSet } from '../machinery/types.ts';
import { templateHash } from '../template-hash.ts';
import { bounds, DESIRED, HASH_LABEL, MAX, newestSize, REVISION, revisionOf, total } from './rollout.ts';

const HISTORY = 'deployment.kubernetes.io/revision-history';

/** What a set was sized for: the shares of a later scaling are counted from it. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = deployment.spec.replicas ?? 1;
  return { [DESIRED]: String(replicas), [MAX]: String(replicas + bounds(deployment).surge) };
}

/** What the sets carry of the deployment's annotations (`kubernetes.io/change-cause`, for one): kubectl's own bookkeeping stays behind. */
function inherited(deployment: Deployment): Record<string, string> {
  const {
    'kubectl.kubernetes.io/last-applied-configuration': _applied,
    [REVISION]: _revision,
    [HISTORY]: _history,
    [DESIRED]: _desired,
    [MAX]: _max,
    ...rest
  } = deployment.metadata.annotations ?? {};
  return rest;
}

/** The set of the present template, with as many pods as may start at once. */
export async function createSet(runtime: Runtime, deployment: Deployment, old: ReplicaSet[]): Promise<ReplicaSet> {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const { namespace } = deployment.metadata;
  const name = `${deployment.metadata.name}-${hash}`;
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  try {
    return await runtime.create(replicaSets, namespace, {
      metadata: {
        name,
        namespace,
        labels,
        annotations: { ...inherited(deployment), ...sizeAnnotations(deployment), [REVISION]: String(revision) },
        ownerReferences: [controllerReference(deployments, deployment)],
      },
      spec: {
        replicas: newestSize(deployment, 0, total(old)),
        ...(minReadySeconds !== undefined && { minReadySeconds }),
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    });
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    const taken = await runtime.client.find(replicaSets, namespace, name);
    // The name belongs to another template: the next try hashes with a higher count.
    if (taken && !isControlledBy(taken, deployment)) {
      const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
      await runtime.patch(deployments, deployment, { status: { collisionCount } }, 'status');
    }
    throw error;
  }
}

/** A known set that has the present template (again): the newest revision, its history kept, annotations and minReadySeconds as the deployment's. */
export async function renew(
  runtime: Runtime,
  deployment: Deployment,
  set: ReplicaSet,
  old: ReplicaSet[],
): Promise<ReplicaSet> {
  const newest = Math.max(0, ...old.map(revisionOf)) + 1;
  const before = revisionOf(set);
  const passed = [set.metadata.annotations?.[HISTORY], before || undefined].filter(Boolean).join(',');
  const annotations = {
    ...inherited(deployment),
    ...(before < newest && { [REVISION]: String(newest), ...(passed && { [HISTORY]: passed }) }),
  };
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (says(set.metadata.annotations, annotations) && (set.spec.minReadySeconds ?? 0) === minReadySeconds) return set;
  return runtime.patch(replicaSets, set, { metadata: { annotations }, spec: { minReadySeconds } });
}
