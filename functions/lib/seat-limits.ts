/** The quotas and deadlines of dev pods, from a function's environment. */
import type { SeatLimits } from '#core/domain/decision.ts';
import type { WorkspaceTimings } from '#core/domain/workspace-command.ts';

/** vCPU and GiB as the deployment gives them, in the units that are counted. */
export const seatLimitsOf = (env: {
  readonly TEAM_WORKSPACE_LIMIT: number;
  readonly TEAM_CPU_LIMIT: number;
  readonly TEAM_MEMORY_LIMIT: number;
  readonly TEAM_STORAGE_LIMIT: number;
}): SeatLimits => ({
  teamWorkspaces: env.TEAM_WORKSPACE_LIMIT,
  teamCpuMillis: env.TEAM_CPU_LIMIT * 1000,
  teamMemoryMiB: env.TEAM_MEMORY_LIMIT * 1024,
  teamStorageGiB: env.TEAM_STORAGE_LIMIT,
});

export const seatTimingsOf = (env: {
  readonly WORKSPACE_START_DEADLINE_SECONDS: number;
  readonly WORKSPACE_STOP_DEADLINE_SECONDS: number;
  readonly WORKSPACE_DELETE_DEADLINE_SECONDS: number;
  readonly START_GRACE_SECONDS: number;
}): WorkspaceTimings => ({
  startDeadline: env.WORKSPACE_START_DEADLINE_SECONDS,
  stopDeadline: env.WORKSPACE_STOP_DEADLINE_SECONDS,
  deleteDeadline: env.WORKSPACE_DELETE_DEADLINE_SECONDS,
  startGrace: env.START_GRACE_SECONDS,
});
