/** One seat from its Workspace to its objects and back to its status: level-triggered, and harmless to repeat or to break off anywhere. */
import type { DesiredSeat } from '#core/contract/seat.ts';
import { NAME_LABEL, seatName } from '#core/domain/seat/names.ts';
import { checkSeat, type Policy, profileOf } from '#core/domain/seat/policy.ts';
import { type Explanation, explain, reasonOfText } from '#core/domain/seat/reasons.ts';
import { inOrder, renderSeat, type SeatContext } from '#core/domain/seat/render.ts';
import { hasStatus, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { reason } from '../log.ts';
import { ensureClaim, ForeignClaimError } from './claims.ts';
import { type Ensure, MANAGER } from './ensure.ts';
import type { NamespaceFacts, WorkspaceFacts } from './facts.ts';
import { type Mirrors, PRUNED } from './mirrors.ts';
import type { SeatSecrets } from './secrets.ts';
import type { Tell } from './tell.ts';

export interface Reconciled {
  /** What kept the seat from being made as it should. */
  readonly obstacles: readonly Explanation[];
  /** Nothing was done for it, and nothing will be until somebody changes something. */
  readonly refused: boolean;
  /** To be tried again after the back-off. */
  readonly error?: unknown;
  /** To be looked at again after this many milliseconds. */
  readonly again?: number;
}

export interface ReconcileOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly ensure: Ensure;
  readonly secrets: SeatSecrets;
  readonly policy: () => Policy;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** The seat behind a resource; one that a cluster's admin applied is called by its own name. */
export const seatOf = ({ name, labels, spec }: WorkspaceFacts, team: string): DesiredSeat | undefined =>
  spec && { id: spec.id ?? name, name: labels[NAME_LABEL] ?? name, team, spec };

/** Objects that were made for a resource that is gone, or that are no longer rendered for it. Claims are never among them. */
export const prune = async (
  namespace: string,
  seat: string,
  expected: ReadonlySet<string>,
  { mirrors, ensure, tell }: Pick<ReconcileOptions, 'mirrors' | 'ensure' | 'tell'>,
): Promise<void> => {
  for (const kind of PRUNED) {
    for (const object of [...mirrors[kind].within(namespace)]) {
      if (object.seat !== seat || object.deleting || expected.has(`${kind}/${object.name}`)) continue;
      if ((await ensure.remove(object)) && object.rendered === undefined) tell.foreign(object);
    }
  }
};

const least = (one: number | undefined, other: number): number => Math.min(one ?? Number.POSITIVE_INFINITY, other);

/** What the API server refuses for good until somebody changes something: said in the status, and tried again now and then. */
const isRefusal = (error: unknown): boolean => hasStatus(error, 403) || hasStatus(error, 422) || hasStatus(error, 400);

export const reconcileSeat = async (
  workspace: WorkspaceFacts,
  { team = '', deployment = '' }: NamespaceFacts,
  options: ReconcileOptions,
): Promise<Reconciled> => {
  const { kubernetes, mirrors, ensure, secrets, policy, tell, signal } = options;
  const { namespace, name } = workspace;
  const seat = seatOf(workspace, team);
  const refuse = (...obstacles: Explanation[]): Reconciled => ({ obstacles, refused: true });
  if (!seat) return refuse(explain('SpecInvalid', workspace.invalid));
  if (seatName(seat.id) !== name) {
    return refuse(explain('SpecInvalid', `a Workspace with spec.id ${seat.id} must be called ${seatName(seat.id)}`));
  }

  const refusals = checkSeat(seat.spec, policy());
  const profile = profileOf(seat.spec, policy());
  if (refusals.length > 0 || !profile) {
    // What runs is left as it is, but a stop is always granted.
    if (seat.spec.runState === 'Stopped' && mirrors.StatefulSet.get(namespace, name)) {
      await kubernetes.request('PATCH', pathOf(kinds.StatefulSet, namespace, name), {
        query: { fieldManager: MANAGER },
        contentType: 'application/merge-patch+json',
        body: { spec: { replicas: 0 } },
        signal,
      });
    }
    return refuse(...refusals.map(({ reason: why, message }) => explain(why, message)));
  }

  const obstacles: Explanation[] = [];
  let again: number | undefined;
  let error: unknown;
  const context: SeatContext = { namespace, profile, deploymentId: deployment, workspaceUid: workspace.uid };
  const objects = renderSeat(seat, context);

  const pods = [...mirrors.Pod.within(namespace)].filter((pod) => pod.seat === name);
  // A pod reads its Secret when it begins: another spec makes another pod, and a pod that went is followed by one.
  const occasion = [workspace.generation, ...pods.map(({ uid }) => uid)].join(' ');
  const outcome = await secrets.ensure(seat, context, occasion);
  if (!outcome.ready) {
    obstacles.push(explain('SecretsUnavailable', reason(outcome.error)));
    error = outcome.error;
  }
  const waitsForSecrets = !outcome.ready && outcome.blocks && seat.spec.runState === 'Running';

  const claims = new Set(objects.claims);
  const inUse = pods.some(({ spec }) => spec.nodeName !== undefined);
  const expected = new Set<string>();
  for (const object of inOrder(objects)) {
    expected.add(`${object.kind}/${object.metadata.name}`);
    if (object === objects.statefulSet && waitsForSecrets) continue;
    try {
      if (claims.has(object)) {
        const had = mirrors.StatefulSet.get(namespace, name) !== undefined;
        const did = await ensureClaim(object, { kubernetes, mirrors, signal, inUse });
        if (typeof did === 'object') obstacles.push(explain('VolumeNotGrown', did.refused));
        else if (did === 'created' && had) {
          tell.say(
            'VolumeMissing',
            `PersistentVolumeClaim ${namespace}/${object.metadata.name}`,
            'it was gone and was made anew, empty',
          );
        }
        continue;
      }
      const ensured = await ensure(object);
      if (ensured.did === 'repaired') tell.drift(object, ensured.how);
      if (ensured.did === 'waits') again = least(again, ensured.ms);
    } catch (failure) {
      if (failure instanceof ForeignClaimError) return refuse(explain('VolumeConflict', failure.message));
      error = failure;
      if (!isRefusal(failure)) throw failure;
      obstacles.push(explain(reasonOfText(reason(failure)) ?? 'PolicyRefused', reason(failure)));
    }
  }
  await prune(namespace, name, expected, options);
  return {
    obstacles,
    refused: false,
    ...(error === undefined ? {} : { error }),
    ...(again === undefined ? {} : { again }),
  };
};
