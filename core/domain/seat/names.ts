/** What the objects of a seat are called: derived from ids, never from what a person typed (DESIGN §7; kubernetes.md finding 17). */

/** The label that a namespace of ours carries; the fence lets the agent write nowhere else. */
export const MANAGED = 'roadstead.dev/managed';
/** On every object of a seat, and what its pod is selected by: the seat's object name. */
export const WORKSPACE_LABEL = 'roadstead.dev/workspace';
export const TEAM_LABEL = 'roadstead.dev/team';
export const OWNER_LABEL = 'roadstead.dev/owner';
/** What the person calls it. */
export const NAME_LABEL = 'roadstead.dev/name';
/** Which control plane made it: another one's things are left alone. */
export const DEPLOYMENT_LABEL = 'roadstead.dev/deployment';
/** On a namespace: its own name as value says that it may be deleted with the volumes in it. */
export const DELETE_ANNOTATION = 'roadstead.dev/delete';
/** On a Workspace: why a person in the cluster overrides what the control plane wants. */
export const BREAK_GLASS_ANNOTATION = 'roadstead.dev/break-glass';

/** Where the agent lives; also the name of everything that is its own. */
export const AGENT_NAMESPACE = 'roadstead-system';
export const AGENT_NAME = 'roadstead-agent';
/** The ConfigMap in which a cluster's admin says what may be asked of it. */
export const POLICY_NAME = 'roadstead-policy';

/** The pod and the policy with which the agent finds out, for a minute, whether policies are enforced. */
export const PROBE_NAME = 'roadstead-probe';

/** The service account of every dev pod: it has no rights, and no token of it is mounted. */
export const SEAT_ACCOUNT = 'seat';
/** The registry credential of a namespace, where the cluster's admin made one. */
export const PULL_SECRET = 'roadstead-pull';
/** The role that the agent binds to itself in namespaces that it made (kubernetes.md §5.3). */
export const TENANT_ROLE = 'roadstead-tenant';

const objectName = (id: string): string => id.replaceAll('_', '-');

/** Of the Workspace, StatefulSet, Service and Secret: `wsp_01k…` → `wsp-01k…`. The name of a Workspace that a cluster's admin applied is its id here, and stays as it is. */
export const seatName = (id: string): string => objectName(id);

/** The one pod of a seat. */
export const podName = (id: string): string => `${seatName(id)}-0`;

/** The claim of one volume of a seat. */
export const claimName = (volume: string, id: string): string => `${volume}-${seatName(id)}`;

/** The Role that opens this seat and nothing else. */
export const seatRoleName = (id: string): string => `seat-${seatName(id)}`;

/** The service account whose short-lived tokens the person who holds the seat is given. */
export const accessName = (id: string): string => `access-${seatName(id)}`;

/** The namespace of a team's seats: `team_01k…` → `rs-team-01k…`. */
export const teamNamespace = (team: string): string => `rs-${objectName(team)}`;

/** DNS name of a seat inside its cluster, by its headless Service. */
export const seatHost = (id: string, team: string): string =>
  `${podName(id)}.${seatName(id)}.${teamNamespace(team)}.svc.cluster.local`;
