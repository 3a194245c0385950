/** Who may do what: deny unless the table says otherwise (DESIGN §1 roles; house rule: 404 for strangers, 403 for those who may see it). */
import { Role } from '../contract/account.ts';
import { AppError } from '../contract/errors.ts';

/** A person who asks. */
export type Principal = {
  readonly kind: 'account';
  readonly id: string;
  readonly email: string;
  readonly personalTeam: string;
  readonly session: string | undefined;
};

/** A cluster's agent, or whoever holds its install token: may do what is of this cluster. */
export interface AgentPrincipal {
  readonly kind: 'agent';
  /** Of the cluster: requests are counted and repeated by it. */
  readonly id: string;
  readonly cluster: string;
  readonly team: string;
  readonly tokenKind: 'install' | 'agent';
  /** The token itself: for the one route that writes it into a manifest. Never logged, never stored. */
  readonly presented: string;
}

/** The least role for each action on what a team owns. */
const LEAST = {
  'cluster.read': 'viewer',
  'cluster.credentials': 'viewer',
  'cluster.create': 'member',
  'cluster.delete': 'member',
  'cluster.retry': 'member',
  'cluster.extend': 'member',
  'workspace.read': 'viewer',
  'workspace.create': 'member',
  /** Of one's own seat; of another's it takes an admin. */
  'workspace.change': 'member',
  'workspace.credentials': 'member',
  'group.read': 'viewer',
  'group.write': 'admin',
  'template.read': 'viewer',
  'template.write': 'admin',
  'secret.read': 'member',
  'secret.write': 'admin',
  'operation.read': 'viewer',
  'socket.subscribe': 'viewer',
  'token.read': 'admin',
  'token.write': 'admin',
} as const satisfies Record<string, Role>;

export type Action = keyof typeof LEAST;

const rank = (role: Role): number => Role.options.indexOf(role);

/** True when `role` is at least `least`. */
export const atLeast = (role: Role, least: Role): boolean => rank(role) >= rank(least);

export const can = (role: Role | null, action: Action): boolean => role !== null && atLeast(role, LEAST[action]);

/** Throws `not_found` for strangers to the team and `access.denied` for members of too low a role; `what` is what a stranger may know: what they asked for. */
export function authorize(role: Role | null, action: Action, what: string): asserts role is Role {
  if (role === null) throw new AppError('not_found', { detail: `there is no ${what} that you may see` });
  if (!can(role, action))
    throw new AppError('access.denied', { detail: `${action} needs the role ${LEAST[action]}; yours is ${role}` });
}

/** The cluster role that a team role's credentials carry (DESIGN §4 EKS row). */
export const clusterRoleOf = (role: Role): 'viewer' | 'editor' | 'admin' =>
  atLeast(role, 'admin') ? 'admin' : role === 'member' ? 'editor' : 'viewer';
