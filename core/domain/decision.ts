/** What a rule decides: items to write if nobody was faster, claims on other items, and what the audit log says (DESIGN §3). */
import type { ErrorCode } from '../contract/errors.ts';

/** What is written whole: an entity of a known kind, with a version that counts its commits. */
export interface Versioned {
  readonly entity: 'Account' | 'Team' | 'Member' | 'Cluster' | 'Operation' | 'Token';
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
  | { readonly claim: 'await-release'; readonly operation: string };

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
