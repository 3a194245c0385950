/** Deployments: one ReplicaSet a template, rolled from the old to the new, with conditions that say how it goes. */
import { claim } from '../machinery/claim.ts';
import { says } from '../machinery/equal.ts';
import { keyOf } from '../machinery/informer.ts';
import { controllerKey, controllerOf, isControlledBy } from '../machinery/owners.ts';
import { deployments, pods, replicaSets } from '../machinery/resources.ts';
import type { Runtime } from '../machinery/runtime.ts';
import { selectorMatches } from '../machinery/selectors.ts';
import type { Deployment, ReplicaSet } from '../machinery/types.ts';
import { isFinished } from '../pods.ts';
import { createSet, renew, sizeAnnotations } from './replica-sets.ts';
import { isScaling, newestOf, plan, REVISION, scaled, surplus, wanted } from './rollout.ts';
import { deploymentStatus, progressDeadlineIn } from './status.ts';

export function deploymentController(runtime: Runtime): void {
  const record = runtime.recordAs('deployment-controller');
  const informer = runtime.informer(deployments);
  const sets = runtime.informer(replicaSets);
  const podInformer = runtime.informer(pods);

  const said = (deployment: Deployment, { metadata: { name } }: ReplicaSet, from: number, to: number) =>
    record(
      deployment,
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${to > from ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`,
    );

  async function resize(deployment: Deployment, set: ReplicaSet, size: number): Promise<void> {
    const from = wanted(set);
    const annotations = sizeAnnotations(deployment);
    if (from === size && says(set.metadata.annotations, annotations)) return;
    await runtime.patch(replicaSets, set, {
      metadata: { resourceVersion: set.metadata.resourceVersion, annotations },
      spec: { replicas: size },
    });
    if (from !== size) said(deployment, set, from, size);
  }

  /** How many pods of these sets are still there, terminating ones too. */
  const alive = (deployment: Deployment, of: ReplicaSet[]): number =>
    podInformer
      .list(deployment.metadata.namespace)
      .filter((pod) => !isFinished(pod) && of.some((set) => isControlledBy(pod, set))).length;

  /** The set of the present template: found, or made as soon as the strategy lets it. */
  async function newestSet(deployment: Deployment, all: ReplicaSet[]): Promise<ReplicaSet | undefined> {
    const known = newestOf(deployment, all);
    const old = all.filter((set) => set !== known);
    if (known) return renew(runtime, deployment, known, old);
    const waits =
      deployment.spec.strategy?.type === 'Recreate' &&
      (alive(deployment, old) > 0 || old.some((set) => wanted(set) > 0));
    if (waits) return undefined;
    const made = await createSet(runtime, deployment, old);
    if (wanted(made) > 0) said(deployment, made, 0, wanted(made));
    return made;
  }

  const queue = runtime.queue({ name: 'deployment' }, async (key) => {
    const deployment = informer.get(key);
    if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return;
    const { selector, paused } = deployment.spec;
    const all = await claim(runtime, replicaSets, deployments, deployment, selector, () => true);
    const found = newestOf(deployment, all) !== undefined;
    const scaling = paused === true || isScaling(deployment, all);
    const newest = scaling ? newestOf(deployment, all) : await newestSet(deployment, all);
    const old = all.filter((set) => set.metadata.uid !== newest?.metadata.uid);

    const next = scaling
      ? scaled(deployment, newest, old)
      : newest
        ? plan(deployment, newest, old, alive(deployment, old))
        : new Map(old.filter((set) => wanted(set) > 0).map((set) => [set, 0]));
    for (const [set, size] of next) await resize(deployment, set, size);
    for (const set of surplus(deployment, old)) await runtime.delete(replicaSets, set);

    const now = sets.list(deployment.metadata.namespace).filter((set) => isControlledBy(set, deployment));
    const current = now.find((set) => set.metadata.uid === newest?.metadata.uid);
    const status = deploymentStatus(deployment, current, now, found);
    // Annotations written with the status leave the generation alone.
    const revision = newest?.metadata.annotations?.[REVISION];
    const renumbered = revision !== undefined && deployment.metadata.annotations?.[REVISION] !== revision;
    if (renumbered || !says(deployment.status, status)) {
      const metadata = { metadata: { annotations: { [REVISION]: revision } } };
      await runtime.patch(deployments, deployment, { status, ...(renumbered && metadata) }, 'status');
    }
    return progressDeadlineIn(deployment, status.conditions);
  });

  informer.on(({ object }) => queue.add(keyOf(object)));
  sets.on(({ object }) => {
    const owner = controllerKey(object, 'Deployment');
    if (owner !== undefined) return queue.add(owner);
    if (controllerOf(object) !== undefined) return;
    for (const deployment of informer.list(object.metadata.namespace)) {
      if (selectorMatches(deployment.spec.selector, object.metadata.labels)) queue.add(keyOf(deployment));
    }
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
