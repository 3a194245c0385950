/** What a rule decides: items to write if nobody was faster, claims on other items, and what the audit log says (DESIGN §3). */
import type { ErrorCode } from '../contract/errors.ts';
import type { VolumeFate } from '../contract/seat.ts';

/** What is written whole: an entity of a known kind, with a version that counts its commits. */
export interface Versioned {
  readonly entity:
    | 'Account'
    | 'Team'
    | 'Member'
    | 'Cluster'
    | 'Operation'
    | 'Token'
    | 'Workspace'
    | 'Group'
    | 'Template'
    | 'Secret'
    | 'CredentialRequest';
  readonly id: string;
  readonly version: number;
}

/** One item before and after. `before: null` makes it; the commit fails as stale when the stored version is another. */
export interface Write<E extends Versioned = Versioned> {
  readonly before: E | null;
  readonly next: E;
}

/** The write of one entity, its whole kind checked. */
export const write = <E extends Versioned>(before: E | null, next: E): Write<E> => ({ before, next });

/** A conditional write of another item in the same transaction; `code` is what its failure answers. */
export type Claim =
  | { readonly claim: 'email'; readonly email: string; readonly account: string; readonly code: ErrorCode }
  | {
      readonly claim: 'cluster-name';
      readonly team: string;
      readonly name: string;
      readonly cluster: string;
      readonly code: ErrorCode;
    }
  | { readonly claim: 'cluster-name-release'; readonly team: string; readonly name: string; readonly cluster: string }
  | {
      readonly claim: 'capacity';
      readonly team: string;
      readonly clusters: 1 | -1;
      readonly vcpu: number;
      readonly limits: CapacityLimits;
    }
  | { readonly claim: 'await-release'; readonly operation: string }
  /** A name that is unique among the team's dev pods, or among its groups. */
  | {
      readonly claim: 'name';
      readonly of: 'workspace' | 'group';
      readonly team: string;
      readonly name: string;
      readonly id: string;
      readonly code: ErrorCode;
    }
  | {
      readonly claim: 'name-release';
      readonly of: 'workspace' | 'group';
      readonly team: string;
      readonly name: string;
      readonly id: string;
    }
  /** The group is still at the revision that was looked at; nothing of it is written. */
  | { readonly claim: 'group-revision'; readonly group: string; readonly revision: number }
  /** A seat's place on a cluster: what it takes is added, what it gives back is negative. `capacity` when it takes: the most that all seats together may take there. */
  | {
      readonly claim: 'room';
      readonly cluster: string;
      readonly seats: 1 | 0 | -1;
      readonly amount: Amount;
      readonly capacity?: Amount;
    }
  /** No seat may be placed on the cluster any more; fails with cluster.has_workspaces while some are there, unless forced. */
  | { readonly claim: 'room-close'; readonly cluster: string; readonly force: boolean }
  /** The uid of a Workspace that lives in a cluster leads to its mirror here. */
  | { readonly claim: 'mirror'; readonly cluster: string; readonly uid: string; readonly workspace: string }
  | { readonly claim: 'mirror-release'; readonly cluster: string; readonly uid: string }
  /** What a team's dev pods take of its quotas; stopped ones take storage only. */
  | {
      readonly claim: 'team-seats';
      readonly team: string;
      readonly workspaces: 1 | 0 | -1;
      readonly cpuMillis: number;
      readonly memoryMiB: number;
      readonly storageGiB: number;
      readonly limits: SeatLimits;
    }
  /** The line of the list that the agent syncs by (DESIGN §2): written with every spec change; `gone` when the agent has acknowledged the tombstone. */
  | {
      readonly claim: 'seat-row';
      readonly cluster: string;
      readonly workspace: string;
      readonly revision: number;
      readonly tombstone?: VolumeFate | undefined;
      readonly gone?: true;
    };

/** CPU in millis, memory in MiB. */
export interface Amount {
  readonly cpuMillis: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  readonly pods: number;
}

/** What a team's dev pods may take together. */
export interface SeatLimits {
  readonly teamWorkspaces: number;
  readonly teamCpuMillis: number;
  readonly teamMemoryMiB: number;
  readonly teamStorageGiB: number;
}

/** Quotas as the deployment was configured. */
export interface CapacityLimits {
  readonly teamClusters: number;
  readonly deploymentClusters: number;
  readonly deploymentVcpu: number;
}

/** One line of the audit log. Never a secret. */
export interface AuditEntry {
  readonly team: string;
  /** `account:acc_…`, `agent:clu_…`, `system`. */
  readonly actor: string;
  readonly action: string;
  readonly resource: string;
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}

export interface Decision {
  readonly writes: readonly Write[];
  readonly claims: readonly Claim[];
  readonly audit: readonly AuditEntry[];
}

/** A decision with nothing in it, to spread over. */
export const nothing: Decision = { writes: [], claims: [], audit: [] };

/** Several decisions as one: they are committed together or not at all. */
export const joined = (...decisions: readonly Decision[]): Decision => ({
  writes: decisions.flatMap(({ writes }) => writes),
  claims: decisions.flatMap(({ claims }) => claims),
  audit: decisions.flatMap(({ audit }) => audit),
});
