/** The labels by which the objects of seats and teams are found, and whose they are. */
import type { DesiredSeat } from '../../contract/seat.ts';
import { DEPLOYMENT_LABEL, MANAGED, NAME_LABEL, OWNER_LABEL, seatName, TEAM_LABEL, WORKSPACE_LABEL } from './names.ts';

export type Labels = Readonly<Record<string, string>>;

/** On everything that we make for a team. */
export const teamLabels = (team: string, deploymentId: string): Labels => ({
  'app.kubernetes.io/managed-by': 'roadstead',
  [MANAGED]: 'true',
  [TEAM_LABEL]: team,
  [DEPLOYMENT_LABEL]: deploymentId,
});

/** On everything that we make for one seat, its pod and its claims too. */
export const seatLabels = ({ id, name, team, spec }: DesiredSeat, deploymentId: string): Labels => ({
  ...teamLabels(team, deploymentId),
  [WORKSPACE_LABEL]: seatName(id),
  [NAME_LABEL]: name,
  [OWNER_LABEL]: spec.owner,
});
