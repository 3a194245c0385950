/** In which phases a command on a cluster means anything, and what it is answered in the others (DESIGN §1 phases). */
import type { ClusterPhase } from '../contract/cluster.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { ClusterCommand } from './cluster-command.ts';

/** The transition table: the phases in which a command means anything. */
export const ALLOWED: Readonly<Record<Exclude<ClusterCommand['type'], 'create'>, readonly ClusterPhase[]>> = {
  step: ['Pending', 'Provisioning', 'Deleting'],
  created: ['Pending', 'Provisioning'],
  deleted: ['Deleting'],
  fail: ['Pending', 'Provisioning', 'Pivoting', 'Deleting'],
  delete: ['Pending', 'Provisioning', 'Pivoting', 'Ready', 'Deleting', 'Failed'],
  expire: ['Ready', 'Failed'],
  warn: ['Ready'],
  vanish: ['Ready'],
  retry: ['Failed'],
  extend: ['Ready'],
  drain: ['Deleting'],
};

/** What a command outside its phases is answered. */
export const refusal = (command: ClusterCommand['type'], phase: ClusterPhase): ErrorCode => {
  if (phase === 'Deleted') return 'not_found';
  if (command === 'retry') return 'cluster.not_failed';
  if (command === 'extend') return phase === 'Deleting' ? 'cluster.deleting' : 'cluster.not_ready';
  return 'operation.superseded';
};
