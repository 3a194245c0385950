/** The dev pod's transition table as data: which command means anything in which phase, and what the others are answered. */
import type { ErrorCode } from '../contract/errors.ts';
import type { WorkspacePhase } from '../contract/seat.ts';
import type { WorkspaceCommand } from './workspace-command.ts';

export type Asked = Exclude<WorkspaceCommand['type'], 'create'>;

export const LIVE: readonly WorkspacePhase[] = ['Pending', 'Starting', 'Running', 'Stopping', 'Stopped', 'Failed'];
const THERE: readonly WorkspacePhase[] = [...LIVE, 'Deleting'];
const EVER: readonly WorkspacePhase[] = [...THERE, 'Deleted'];

/** The transition table: the phases in which a command means anything. */
export const ALLOWED: Readonly<Record<Asked, readonly WorkspacePhase[]>> = {
  change: LIVE,
  start: LIVE,
  stop: LIVE,
  restart: LIVE,
  delete: THERE,
  forget: ['Deleting'],
  secrets: LIVE,
  step: THERE,
  succeed: EVER,
  fail: EVER,
  report: THERE,
  gone: ['Deleting', 'Deleted'],
  lost: THERE,
};

/** News may come late: outside its phases it changes nothing, and nobody is refused. */
export const NEWS: ReadonlySet<Asked> = new Set<Asked>(['secrets', 'report', 'gone', 'lost']);
/** What the cluster's own Workspace takes from us. */
export const FOR_MIRRORS: ReadonlySet<Asked> = new Set<Asked>(['report', 'lost']);

/** What a command outside its phases is answered. */
export const refusal = (command: Asked, phase: WorkspacePhase): ErrorCode => {
  if (command === 'step') return 'operation.superseded';
  if (phase === 'Deleted') return 'not_found';
  return command === 'forget' ? 'workspace.not_deleting' : 'workspace.deleting';
};
