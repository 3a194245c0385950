/** Reads of dev pods, of the list that agents sync by, of the room on clusters, and of where a team's pods may be put. */
import type { SeatRow } from '../contract/agent.ts';
import { WorkspaceId } from '../contract/names.ts';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { Lease } from '../domain/link.ts';
import type { OperationState } from '../domain/operation.ts';
import type { Candidate, Room } from '../domain/placement.ts';
import type { WorkspaceSubject } from '../domain/workspace-command.ts';
import type { Usage } from '../domain/workspace-mirror.ts';
import type { WorkspaceState } from '../domain/workspace-state.ts';
import type { ClusterRead } from './clusters.ts';
import { asEntity, fromItem, type Item } from './items.ts';
import { keys, lists, places } from './keys.ts';
import { everything, onePage } from './pages.ts';
import type { Table } from './table.ts';

const number = (item: Item | null | undefined, name: string): number => Number(item?.[name] ?? 0);

const roomOf = (item: Item | null | undefined): Room => ({
  seats: number(item, 'seats'),
  taken: {
    cpuMillis: number(item, 'cpuMillis'),
    memoryMiB: number(item, 'memoryMiB'),
    gpus: number(item, 'gpus'),
    pods: number(item, 'pods'),
  },
  closed: item?.closed === true,
});

export const workspacesIn = (table: Table) => {
  const workspace = async (id: string): Promise<WorkspaceState | null> =>
    asEntity<WorkspaceState>(await table.get(keys.workspace(id)));
  const byPointer = async (pointer: Item | null): Promise<WorkspaceState | null> =>
    pointer === null ? null : workspace(String(pointer.id));

  return {
    workspace,

    /** By id, or by name within a team. Deleted ones are found by id only. */
    find: async (team: string, ref: string): Promise<WorkspaceState | null> =>
      WorkspaceId.safeParse(ref).success
        ? workspace(ref)
        : byPointer(await table.get(keys.name('workspace', team, ref))),

    /** Those of these names that there are, in the order asked. */
    named: async (team: string, names: readonly string[]): Promise<(WorkspaceState | null)[]> => {
      const pointers = await table.batchGet(names.map((name) => keys.name('workspace', team, name)));
      const ids = pointers.flatMap((pointer) => (pointer === null ? [] : [String(pointer.id)]));
      const found = new Map(
        (await table.batchGet(ids.map((id) => keys.workspace(id)))).map((item) => [
          item?.id,
          asEntity<WorkspaceState>(item),
        ]),
      );
      return pointers.map((pointer) => (pointer === null ? null : (found.get(pointer.id) ?? null)));
    },

    /** The mirror of a Workspace that lives in a cluster. */
    mirror: async (cluster: string, uid: string): Promise<WorkspaceState | null> =>
      byPointer(await table.get(keys.mirror(cluster, uid))),

    /** The dev pod with its open or last operation: what decideWorkspace is given. */
    subject: async (id: string): Promise<WorkspaceSubject> => {
      const found = await workspace(id);
      const named = found?.operationId ?? found?.lastOperationId;
      return {
        workspace: found,
        operation: named === undefined ? null : asEntity<OperationState>(await table.get(keys.operation(named))),
      };
    },

    /** One page of a team's dev pods, newest first. */
    page: (of: {
      team: string;
      limit: number;
      cursor: string | undefined;
      matches: (workspace: WorkspaceState) => boolean;
    }): Promise<{ items: WorkspaceState[]; nextCursor: string | undefined }> =>
      onePage(
        table,
        { index: 'gsi1', pk: lists.workspacesOf(of.team) },
        { ...of, keyOf: (id) => (WorkspaceId.safeParse(id).success ? keys.workspace(id) : null) },
      ),

    /** Every dev pod of all teams that has not been cleared away: for administration. */
    all: async (): Promise<WorkspaceState[]> =>
      (await table.scan('Workspace')).map((item) => fromItem<WorkspaceState>(item)),

    /** All dev pods on a cluster that are not deleted. From an index: a moment late. */
    ofCluster: (cluster: string): Promise<WorkspaceState[]> =>
      everything<WorkspaceState>(table, { index: 'gsi3', pk: places.workspacesOn(cluster) }),

    /** The list that the agent syncs by: one consistent read of all pages, sorted by id. */
    rowsOf: async (cluster: string): Promise<SeatRow[]> => {
      const rows: SeatRow[] = [];
      let from: Record<string, unknown> | undefined;
      do {
        const page = await table.query({ pk: keys.seatRow(cluster, '').pk, from });
        for (const item of page.items) {
          const { id, revision, tombstone } = fromItem<SeatRow>(item);
          rows.push({ id, revision, ...(tombstone === undefined ? {} : { tombstone }) });
        }
        from = page.next;
      } while (from !== undefined);
      return rows;
    },

    /** What seats hold of a cluster, and whether it takes any more. */
    room: async (cluster: string): Promise<Room> => roomOf(await table.get(keys.room(cluster))),

    /** What a team's seats take of its quotas. */
    usage: async (team: string): Promise<Usage> => {
      const item = await table.get(keys.teamSeats(team));
      return {
        workspaces: number(item, 'workspaces'),
        cpuMillis: number(item, 'cpuMillis'),
        memoryMiB: number(item, 'memoryMiB'),
        storageGiB: number(item, 'storageGiB'),
      };
    },

    /** The clusters of these dev pods with their leases, by id. */
    clustersOf: async (workspaces: readonly WorkspaceState[]): Promise<ReadonlyMap<string, ClusterRead>> => {
      const ids = [...new Set(workspaces.map(({ cluster }) => cluster))];
      const found = await table.batchGet(ids.flatMap((id) => [keys.cluster(id), keys.lease(id)]));
      return new Map(
        ids.map((id, n) => [
          id,
          { cluster: asEntity<ClusterState>(found[2 * n]), lease: asEntity<Lease>(found[2 * n + 1]) },
        ]),
      );
    },

    /** One cluster as a place. */
    place: async (id: string): Promise<Candidate | null> => {
      const [cluster, lease, room] = await table.batchGet([keys.cluster(id), keys.lease(id), keys.room(id)]);
      const found = asEntity<ClusterState>(cluster);
      return found === null ? null : { cluster: found, lease: asEntity<Lease>(lease), room: roomOf(room) };
    },

    /** Clusters that take dev pods of the team: its own, and those that all teams share. */
    candidates: async (team: string): Promise<Candidate[]> => {
      const [own, shared] = await Promise.all(
        [places.clustersFor(team), places.shared()].map((pk) => everything<ClusterState>(table, { index: 'gsi3', pk })),
      );
      const clusters = [...(own ?? []), ...(shared ?? [])];
      const held = await table.batchGet(clusters.flatMap(({ id }) => [keys.lease(id), keys.room(id)]));
      return clusters.map((cluster, n) => ({
        cluster,
        lease: asEntity<Lease>(held[2 * n]),
        room: roomOf(held[2 * n + 1]),
      }));
    },
  };
};
