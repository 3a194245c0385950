/** Deployments: one ReplicaSet a template, rolled from the old to the new, with conditions that say how it goes. */
import { deploymentStatus, progressDeadlineIn } from './deployment-status.ts';
import { isStatus } from './machinery/client.ts';
import { sameJson } from './machinery/equal.ts';
import { keyOf } from './machinery/informer.ts';
import { controllerKey, controllerReference, isControlledBy } from './machinery/owners.ts';
import { deployments, pods, replicaSets } from './machinery/resources.ts';
import type { Runtime } from './machinery/runtime.ts';
import { selectorMatches } from './machinery/selectors.ts';
import type { Deployment, ReplicaSet } from './machinery/types.ts';
import { isFinished } from './pods.ts';
import { bounds, HASH_LABEL, newestOf, plan, REVISION, revisionOf, surplus, wanted } from './rollout.ts';
import { templateHash } from './template-hash.ts';

export function deploymentController(runtime: Runtime): void {
  const record = runtime.recordAs('deployment-controller');
  const informer = runtime.informer(deployments);
  const sets = runtime.informer(replicaSets);
  const podInformer = runtime.informer(pods);

  function sizeAnnotations(deployment: Deployment): Record<string, string> {
    const replicas = deployment.spec.replicas ?? 1;
    return {
      'deployment.kubernetes.io/desired-replicas': String(replicas),
      'deployment.kubernetes.io/max-replicas': String(replicas + bounds(deployment).surge),
    };
  }

  /** kubectl's own bookkeeping stays with the deployment. */
  function inherited(deployment: Deployment): Record<string, string> {
    const {
      'kubectl.kubernetes.io/last-applied-configuration': _applied,
      [REVISION]: _revision,
      ...rest
    } = deployment.metadata.annotations ?? {};
    return rest;
  }

  async function createSet(deployment: Deployment, revision: number): Promise<ReplicaSet> {
    const { template, selector, minReadySeconds } = deployment.spec;
    const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
    const name = `${deployment.metadata.name}-${hash}`;
    try {
      const set = await runtime.create(replicaSets, deployment.metadata.namespace, {
        metadata: {
          name,
          namespace: deployment.metadata.namespace,
          labels,
          annotations: { ...inherited(deployment), ...sizeAnnotations(deployment), [REVISION]: String(revision) },
          ownerReferences: [controllerReference(deployments, deployment)],
        },
        spec: {
          replicas: 0,
          ...(minReadySeconds !== undefined && { minReadySeconds }),
          selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
          template: { ...template, metadata: { ...template.metadata, labels } },
        },
      });
      return set;
    } catch (error) {
      if (isStatus(error, 409)) {
        const taken = await runtime.client.find(replicaSets, deployment.metadata.namespace, name);
        // The name belongs to another template: the next try hashes with a higher count.
        if (taken && !isControlledBy(taken, deployment)) {
          const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
          await runtime.patch(deployments, deployment, { status: { collisionCount } }, 'status');
        }
      }
      throw error;
    }
  }

  async function resize(deployment: Deployment, set: ReplicaSet, size: number): Promise<void> {
    const from = wanted(set);
    await runtime.patch(replicaSets, set, {
      metadata: { resourceVersion: set.metadata.resourceVersion, annotations: sizeAnnotations(deployment) },
      spec: { replicas: size },
    });
    record(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      size > from
        ? `Scaled up replica set ${set.metadata.name} from ${from} to ${size}`
        : `Scaled down replica set ${set.metadata.name} from ${from} to ${size}`,
    );
  }

  const queue = runtime.queue({ name: 'deployment' }, async (key) => {
    const deployment = informer.get(key);
    if (deployment === undefined) return;
    const mine = () => sets.list(deployment.metadata.namespace).filter((set) => isControlledBy(set, deployment));
    if (deployment.metadata.deletionTimestamp !== undefined) return;

    const others = mine();
    const highest = Math.max(0, ...others.map(revisionOf));
    let newest = newestOf(deployment, others);
    const found = newest !== undefined;
    if (newest === undefined && deployment.spec.paused !== true) newest = await createSet(deployment, highest + 1);
    const old = others.filter((set) => set.metadata.uid !== newest?.metadata.uid);

    if (newest !== undefined) {
      const oldHighest = Math.max(0, ...old.map(revisionOf));
      if (revisionOf(newest) <= oldHighest && old.length > 0) {
        // Rolled back: the old template becomes the newest revision.
        newest = await runtime.patch(replicaSets, newest, {
          metadata: { annotations: { [REVISION]: String(oldHighest + 1) } },
        });
      }
      const revision = newest.metadata.annotations?.[REVISION];
      if (revision !== undefined && deployment.metadata.annotations?.[REVISION] !== revision) {
        await runtime.patch(deployments, deployment, { metadata: { annotations: { [REVISION]: revision } } });
        return 0;
      }
      const alive = podInformer
        .list(deployment.metadata.namespace)
        .filter((pod) => !isFinished(pod) && old.some((set) => isControlledBy(pod, set))).length;
      for (const [set, size] of plan(deployment, newest, old, alive)) await resize(deployment, set, size);
    } else if (old.length === 1 && old[0] !== undefined && wanted(old[0]) !== (deployment.spec.replicas ?? 1)) {
      await resize(deployment, old[0], deployment.spec.replicas ?? 1);
    }
    for (const set of surplus(deployment, old)) await runtime.delete(replicaSets, set);

    const now = mine();
    const current = now.find((set) => set.metadata.uid === newest?.metadata.uid);
    const status = deploymentStatus(deployment, current, now, found);
    if (
      !sameJson({ ...deployment.status, ...status }, deployment.status) ||
      deployment.status?.observedGeneration !== status.observedGeneration
    ) {
      await runtime.patch(deployments, deployment, { status }, 'status');
    }
    return progressDeadlineIn(deployment, status.conditions);
  });

  informer.on(({ object }) => queue.add(keyOf(object)));
  sets.on(({ object }) => {
    const owner = controllerKey(object, 'Deployment');
    if (owner !== undefined) queue.add(owner);
  });
  // Recreate waits until the last old pod is gone, which changes no ReplicaSet.
  podInformer.on(({ type, object }) => {
    if (type !== 'deleted') return;
    for (const deployment of informer.list(object.metadata.namespace)) {
      const recreate = deployment.spec.strategy?.type === 'Recreate';
      if (recreate && selectorMatches(deployment.spec.selector, object.metadata.labels)) queue.add(keyOf(deployment));
    }
  });
}
