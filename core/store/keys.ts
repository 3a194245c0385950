/**
 * Every key of the table, on one screen. pk/sk find an item; gsi1 lists (what belongs to what); gsi2 is due (what the sweeper must look at).
 *
 * | what                              | read by                                   |
 * |-----------------------------------|-------------------------------------------|
 * | account, signed-out sessions      | every request, one consistent BatchGet    |
 * | sockets of an account             | consistent query of pk ACCOUNT#account    |
 * | email → account                   | sign-in                                   |
 * | team, its members, quota, names, sockets | consistent reads under one pk      |
 * | cluster, its lease, link counter  | consistent reads under one pk             |
 * | clusters of a team, tokens and connections of a cluster, teams of an account, operations of a cluster | gsi1 |
 * | what is due                       | gsi2, one partition a kind                |
 * | dev pods, groups and templates of a team | gsi1                               |
 * | dev pods on a cluster; clusters that take dev pods, of a team or shared | gsi3 |
 * | names of dev pods and groups, a team's and a cluster's counters of seats | consistent reads |
 * | the list that an agent syncs by   | one consistent query of pk SEATS#cluster  |
 * | secrets of a person or a team     | one consistent query of pk SECRETS#holder |
 */
import { createHash } from 'node:crypto';

export interface Key {
  readonly pk: string;
  readonly sk: string;
}

/** SHA-256 in lower-case hex: how secrets and addresses are keyed. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const own = (kind: string, id: string): Key => ({ pk: `${kind}#${id}`, sk: kind });

export const keys = {
  account: (id: string): Key => own('ACCOUNT', id),
  email: (email: string): Key => own('EMAIL', sha256(email)),
  /** Of a session by its `origin_jti`, or of all sessions by the account. */
  signout: (of: string): Key => own('SIGNOUT', of),
  socket: (account: string, connection: string): Key => ({ pk: `ACCOUNT#${account}`, sk: `SOCKET#${connection}` }),
  team: (id: string): Key => own('TEAM', id),
  member: (team: string, account: string): Key => ({ pk: `TEAM#${team}`, sk: `MEMBER#${account}` }),
  teamQuota: (team: string): Key => ({ pk: `TEAM#${team}`, sk: 'QUOTA' }),
  clusterName: (team: string, name: string): Key => ({ pk: `TEAM#${team}`, sk: `CLUSTER_NAME#${name}` }),
  name: (of: 'workspace' | 'group', team: string, name: string): Key => ({
    pk: `TEAM#${team}`,
    sk: `${of.toUpperCase()}_NAME#${name}`,
  }),
  teamSeats: (team: string): Key => ({ pk: `TEAM#${team}`, sk: 'SEATS' }),
  subscription: (team: string, connection: string): Key => ({ pk: `TEAM#${team}`, sk: `SOCKET#${connection}` }),
  deploymentQuota: (): Key => ({ pk: 'DEPLOYMENT', sk: 'QUOTA' }),
  epoch: (): Key => ({ pk: 'DEPLOYMENT', sk: 'EPOCH' }),
  versions: (provider: string): Key => own('VERSIONS', provider),
  orphan: (name: string): Key => own('ORPHAN', name),
  cluster: (id: string): Key => own('CLUSTER', id),
  lease: (cluster: string): Key => ({ pk: `CLUSTER#${cluster}`, sk: 'LEASE' }),
  link: (cluster: string): Key => ({ pk: `CLUSTER#${cluster}`, sk: 'LINK' }),
  room: (cluster: string): Key => ({ pk: `CLUSTER#${cluster}`, sk: 'ROOM' }),
  mirror: (cluster: string, uid: string): Key => ({ pk: `CLUSTER#${cluster}`, sk: `MIRROR#${uid}` }),
  seatRow: (cluster: string, workspace: string): Key => ({ pk: `SEATS#${cluster}`, sk: workspace }),
  workspace: (id: string): Key => own('WORKSPACE', id),
  group: (id: string): Key => own('GROUP', id),
  template: (team: string, name: string, release?: string): Key => ({
    pk: `TEMPLATE#${team}#${name}`,
    sk: release === undefined ? 'TEMPLATE' : `TEMPLATE#${release}`,
  }),
  secret: (holder: string, name: string): Key => ({ pk: `SECRETS#${holder}`, sk: name }),
  credentialRequest: (id: string): Key => own('CREDENTIAL', id),
  operation: (id: string): Key => own('OPERATION', id),
  await: (operation: string): Key => ({ pk: `OPERATION#${operation}`, sk: 'AWAIT' }),
  token: (hash: string): Key => own('TOKEN', hash),
  connection: (id: string): Key => own('CONNECTION', id),
  ticket: (hash: string): Key => own('TICKET', hash),
  idempotency: (principal: string, route: string, key: string): Key =>
    own('IDEMPOTENCY', sha256(`${principal}\n${route}\n${key}`)),
  rate: (subject: string, window: number): Key => own('RATE', `${subject}#${window}`),
  audit: (team: string, at: string, id: string): Key => ({ pk: `AUDIT#${team}`, sk: `${at}#${id}` }),
} as const;

/** Partitions of gsi1: what belongs to what. */
export const lists = {
  teamsOf: (account: string): string => `ACCOUNT#${account}#TEAMS`,
  clustersOf: (team: string): string => `TEAM#${team}#CLUSTERS`,
  tokensOf: (cluster: string): string => `CLUSTER#${cluster}#TOKENS`,
  connectionsOf: (cluster: string): string => `CLUSTER#${cluster}#CONNECTIONS`,
  operationsOf: (cluster: string): string => `CLUSTER#${cluster}#OPERATIONS`,
  workspacesOf: (team: string): string => `TEAM#${team}#WORKSPACES`,
  groupsOf: (team: string): string => `TEAM#${team}#GROUPS`,
  templatesOf: (team: string): string => `TEAM#${team}#TEMPLATES`,
} as const;

/** Partitions of gsi3: where dev pods are and where they may be put. */
export const places = {
  workspacesOn: (cluster: string): string => `CLUSTER#${cluster}#WORKSPACES`,
  clustersFor: (team: string): string => `PLACES#${team}`,
  shared: (): string => 'PLACES#shared',
} as const;

/** Partitions of gsi2: what is due, sorted by when. */
export type DueKind = 'cluster' | 'operation' | 'lease' | 'await' | 'group' | 'secret' | 'orphan';
export const due = (kind: DueKind): string => `DUE#${kind}`;
