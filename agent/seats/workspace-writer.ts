/** Writes what the control plane wants of a seat as its Workspace, the durable cache that the reconcile works from (DESIGN §2). */
import type { DesiredSeat } from '#core/contract/seat.ts';
import { seatLabels } from '#core/domain/seat/labels.ts';
import { seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { WORKSPACE_API } from '#core/domain/seat/render.ts';
import type { Item, Kubernetes, Query } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { MANAGER } from './ensure.ts';
import { specHash, workspaceOf } from './facts.ts';
import type { Mirrors } from './mirrors.ts';
import { ANNOTATION } from './names.ts';

export interface WriteOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly deploymentId: string;
  readonly signal: AbortSignal;
}

const hashOfSpec = (object: Item): string => {
  const { spec } = workspaceOf(object);
  return spec === undefined ? '' : specHash(spec);
};

export interface Wrote {
  /** `repaired`: somebody had changed what this revision said. `overridden`: a person in the cluster broke the glass, and it is left so. */
  readonly did: 'written' | 'repaired' | 'overridden';
  readonly namespace: string;
  readonly name: string;
  /** Of the spec as the cluster now has it. */
  readonly hash: string;
}

/** Throws KubernetesError, for a spec that the cluster refuses too. */
export const writeWorkspace = async (
  seat: DesiredSeat,
  { kubernetes, mirrors, deploymentId, signal }: WriteOptions,
): Promise<Wrote> => {
  const [namespace, name] = [teamNamespace(seat.team), seatName(seat.id)];
  const given = specHash(seat.spec);
  const known = mirrors.Workspace.get(namespace, name);
  if (known?.breakGlass !== undefined) return { did: 'overridden', namespace, name, hash: given };
  const path = pathOf(kinds.Workspace, namespace, name);
  const patch = (contentType: string, body: unknown, query: Query = {}) =>
    kubernetes.request<Item>('PATCH', path, { query: { fieldManager: MANAGER, ...query }, contentType, body, signal });

  let now = await patch(
    'application/apply-patch+yaml',
    {
      ...WORKSPACE_API,
      metadata: { name, namespace, labels: seatLabels(seat, deploymentId), annotations: { [ANNOTATION.given]: given } },
      spec: seat.spec,
    },
    { force: true },
  );
  const applied = hashOfSpec(now);
  if (applied !== given) {
    // An apply leaves what others added: then the spec is put in its place as a whole.
    now = await patch('application/json-patch+json', [
      { op: 'test', path: '/metadata/resourceVersion', value: now.metadata.resourceVersion },
      { op: 'replace', path: '/spec', value: seat.spec },
    ]);
  }
  mirrors.Workspace.learn(now);
  const did = applied !== given || known?.spec?.revision === seat.spec.revision ? 'repaired' : 'written';
  return { did, namespace, name, hash: hashOfSpec(now) };
};
