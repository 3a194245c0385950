/** Carries what the control plane wants into Workspaces, says what the cluster does not take, and tells whether a spec is still the one that was given. */
import type { DesiredSeat } from '#core/contract/seat.ts';
import { seatName, teamNamespace } from '#core/domain/seat/names.ts';
import { type Explanation, explain, reasonOfText } from '#core/domain/seat/reasons.ts';
import { type Kubernetes, KubernetesError } from '../kubernetes/client.ts';
import { specHash, type WorkspaceFacts } from './facts.ts';
import type { Mirrors } from './mirrors.ts';
import { NamespaceConflictError, type Namespaces } from './namespaces.ts';
import type { Reporter } from './reporter.ts';
import type { Tell } from './tell.ts';
import { writeWorkspace } from './workspace-writer.ts';

export interface WantedWriterOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly shaper: Namespaces;
  readonly wanted: (id: string) => DesiredSeat | undefined;
  readonly reporter: Reporter;
  readonly tell: Tell;
  readonly deploymentId: () => string;
  readonly onWritten: (seat: DesiredSeat, namespace: string, name: string) => void;
  readonly signal: AbortSignal;
}

export interface WantedWriter {
  /** The work of one key of the queue: writes the seat of this id, if it is wanted. Throws what is to be tried again. */
  write(id: string): Promise<undefined>;
  /** The spec of the control plane was changed by somebody else, who broke no glass. */
  isTampered(workspace: WorkspaceFacts): boolean;
}

const isFinal = (error: unknown): error is KubernetesError =>
  error instanceof KubernetesError && [400, 403, 422].includes(error.status);

export const wantedWriter = (options: WantedWriterOptions): WantedWriter => {
  const { kubernetes, mirrors, shaper, wanted, reporter, tell, deploymentId, onWritten, signal } = options;
  /** Hash of each spec as it was after our own last write of it: an older CRD may have dropped a field. */
  const wrote = new Map<string, string>();

  /** Said of the revision that is wanted, since the resource, if there is one, speaks of an older one. */
  const cannotWrite = ({ id, team, spec }: DesiredSeat, { reason, message }: Explanation) => {
    const known = mirrors.Workspace.get(teamNamespace(team), seatName(id));
    reporter.refused(id, {
      phase: 'Failed',
      observedRevision: spec.revision ?? 0,
      observedGeneration: known?.generation ?? 0,
      uid: known?.uid ?? '',
      conditions: [{ type: 'Ready', status: 'False', reason, message }],
    });
  };

  return {
    write: async (id) => {
      const seat = wanted(id);
      if (!seat) return undefined;
      try {
        await shaper.shape(seat.team, teamNamespace(seat.team));
        const { did, namespace, name, hash } = await writeWorkspace(seat, {
          kubernetes,
          mirrors,
          deploymentId: deploymentId(),
          signal,
        });
        if (did === 'repaired') tell.drift({ kind: 'Workspace', metadata: { namespace, name } }, 'changed');
        if (did !== 'overridden') wrote.set(`${namespace}/${name}`, hash);
        reporter.written(id);
        onWritten(seat, namespace, name);
        return undefined;
      } catch (error) {
        if (error instanceof NamespaceConflictError) cannotWrite(seat, explain('NamespaceConflict', error.message));
        else if (isFinal(error)) {
          cannotWrite(seat, explain(reasonOfText(error.message) ?? 'SpecInvalid', error.message));
        }
        throw error;
      }
    },
    isTampered: ({ origin, spec, given, breakGlass, namespace, name }) => {
      if (origin !== 'ControlPlane' || breakGlass !== undefined) return false;
      const hash = spec && specHash(spec);
      return hash === undefined || (hash !== given && hash !== wrote.get(`${namespace}/${name}`));
    },
  };
};
