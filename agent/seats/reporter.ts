/** Where a seat's status goes: into its resource when it changed, and to the control plane. */
import { TeamId } from '#core/contract/names.ts';
import type { SeatStatus } from '#core/contract/seat.ts';
import { WORKSPACE_API } from '#core/domain/seat/render.ts';
import type { Clock } from '../clock.ts';
import { hasStatus, type Item, type Kubernetes } from '../kubernetes/client.ts';
import { kinds, pathOf } from '../kubernetes/kinds.ts';
import { canonical } from '../kubernetes/print.ts';
import { MANAGER } from './ensure.ts';
import type { WorkspaceFacts } from './facts.ts';
import type { Mirrors } from './mirrors.ts';
import type { Outbox } from './outbox.ts';
import { keptOf } from './status.ts';

export interface ReporterOptions {
  readonly kubernetes: Kubernetes;
  readonly mirrors: Mirrors;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface Reporter {
  /** Keeps and reports what was observed of a resource. Throws KubernetesError. */
  report(workspace: WorkspaceFacts, team: string | undefined, status: SeatStatus): Promise<void>;
  /** What was wanted of a seat could not even be written down: said until it can, whatever the older revision here does. */
  refused(id: string, status: SeatStatus): void;
  written(id: string): void;
  /** A resource is gone. */
  gone(workspace: WorkspaceFacts, team: string | undefined): void;
}

export const reporter = ({ kubernetes, mirrors, outbox, clock, signal }: ReporterOptions): Reporter => {
  /** Revisions that the cluster refused, by the id of their seat. */
  const refusals = new Map<string, number>();

  const keep = async (workspace: WorkspaceFacts, status: SeatStatus) => {
    const kept = keptOf(status, workspace.status, clock.wall());
    if (canonical(kept) === canonical(workspace.status)) return;
    const { namespace, name } = workspace;
    try {
      const answer = await kubernetes.request<Item>('PATCH', `${pathOf(kinds.Workspace, namespace, name)}/status`, {
        query: { fieldManager: MANAGER, force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...WORKSPACE_API, metadata: { name, namespace, uid: workspace.uid }, status: kept },
        signal,
      });
      mirrors.Workspace.learn(answer);
    } catch (error) {
      // 404 and 409: it is gone, or another of its name is there: the watch says so in a moment.
      if (!hasStatus(error, 404) && !hasStatus(error, 409)) throw error;
    }
  };

  const found = (workspace: WorkspaceFacts, team: string | undefined, status?: SeatStatus) => {
    const { uid, name, spec } = workspace;
    const whose = TeamId.safeParse(team);
    if (!whose.success || !spec) return undefined;
    const payload = { uid, name, team: whose.data, spec, gone: status === undefined, ...(status ? { status } : {}) };
    return { type: 'workspace.found', payload } as const;
  };

  return {
    report: async (workspace, team, status) => {
      await keep(workspace, status);
      const id = workspace.spec?.id;
      if (workspace.origin === 'ControlPlane') {
        const newer = id === undefined ? undefined : refusals.get(id);
        if (newer !== undefined && newer > status.observedRevision) return;
        if (id !== undefined) outbox.state(`seat ${id}`, { type: 'workspace.status', payload: { id, status } });
        return;
      }
      const message = found(workspace, team, status);
      if (message) outbox.state(`found ${workspace.uid}`, message);
    },
    refused: (id, status) => {
      refusals.set(id, status.observedRevision);
      outbox.state(`seat ${id}`, { type: 'workspace.status', payload: { id, status } });
    },
    written: (id) => void refusals.delete(id),
    gone: (workspace, team) => {
      if (workspace.origin === 'ControlPlane') return outbox.forget(`seat ${workspace.spec?.id}`);
      const message = found(workspace, team);
      if (message) outbox.event(`found ${workspace.uid}`, message);
    },
  };
};
