/** Entities as items: their keys, index entries and time to live, and back again. */

import type { AccountState, MemberState, TeamState } from '../domain/account.ts';
import { epochSeconds, plus } from '../domain/clock.ts';
import { endsAt } from '../domain/cluster-expiry.ts';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { CredentialRequestState } from '../domain/credential.ts';
import type { Versioned } from '../domain/decision.ts';
import type { GroupState } from '../domain/group-state.ts';
import type { OperationState } from '../domain/operation.ts';
import type { SecretState } from '../domain/secret.ts';
import type { TemplateState } from '../domain/template-state.ts';
import type { AgentTokenState } from '../domain/token.ts';
import type { WorkspaceState } from '../domain/workspace-state.ts';
import { due, type Key, keys, lists, places } from './keys.ts';

/** Everything that a decision writes. */
type Entity =
  | AccountState
  | TeamState
  | MemberState
  | ClusterState
  | OperationState
  | AgentTokenState
  | WorkspaceState
  | GroupState
  | TemplateState
  | SecretState
  | CredentialRequestState;

/** The shape of items now; older ones are upgraded when read. */
const SCHEMA = 1;

/** Days that ended things are kept for people to look up. */
const KEEP_DAYS = { deletedCluster: 30, endedOperation: 90, endedToken: 30, deletedSeat: 30, audit: 400 } as const;

/** An item as the table holds it. */
export type Item = Readonly<Record<string, unknown>> & Key;

const after = (instant: string, days: number): number => epochSeconds(plus(instant, days * 86_400));

const index = (n: 1 | 2 | 3, pk: string, sk: string) => ({ [`gsi${n}pk`]: pk, [`gsi${n}sk`]: sk });

/** The key under which an entity is stored. */
export const keyOf = (entity: Entity): Key => {
  switch (entity.entity) {
    case 'Account':
      return keys.account(entity.id);
    case 'Team':
      return keys.team(entity.id);
    case 'Member':
      return keys.member(entity.team, entity.account);
    case 'Cluster':
      return keys.cluster(entity.id);
    case 'Operation':
      return keys.operation(entity.id);
    case 'Token':
      return keys.token(entity.hash);
    case 'Workspace':
      return keys.workspace(entity.id);
    case 'Group':
      return keys.group(entity.id);
    case 'Template':
      return keys.template(entity.team, entity.name, entity.frozen === true ? entity.release : undefined);
    case 'Secret':
      return keys.secret(entity.holder, entity.name);
    case 'CredentialRequest':
      return keys.credentialRequest(entity.id);
  }
};

/** What an entity adds to its keys: lists it stands in, when it is due, when it may be forgotten. */
const indexed = (entity: Entity): Record<string, unknown> => {
  switch (entity.entity) {
    case 'Account':
    case 'Team':
      return {};
    case 'Member':
      return index(1, lists.teamsOf(entity.account), entity.team);
    case 'Cluster': {
      const end = endsAt(entity);
      return {
        ...(entity.phase === 'Deleted'
          ? { ttl: after(entity.updatedAt, KEEP_DAYS.deletedCluster) }
          : index(1, lists.clustersOf(entity.team), entity.id)),
        ...(end === undefined ? {} : index(2, due('cluster'), `${end}#${entity.id}`)),
        ...(entity.takesWorkspaces && entity.phase !== 'Deleted'
          ? index(3, entity.isolation === 'shared' ? places.shared() : places.clustersFor(entity.team), entity.id)
          : {}),
      };
    }
    case 'Operation':
      return {
        ...index(1, lists.operationsOf(entity.resource.id), entity.id),
        ...(entity.checkAt === undefined ? {} : index(2, due('operation'), `${entity.checkAt}#${entity.id}`)),
        ...(entity.endedAt === undefined ? {} : { ttl: after(entity.endedAt, KEEP_DAYS.endedOperation) }),
      };
    case 'Token': {
      const end = entity.revokedAt ?? entity.usedAt ?? entity.expiresAt;
      return {
        ...index(1, lists.tokensOf(entity.cluster), entity.id),
        ...(end === undefined ? {} : { ttl: after(end, KEEP_DAYS.endedToken) }),
      };
    }
    case 'Workspace':
      return entity.phase === 'Deleted'
        ? { ttl: after(entity.updatedAt, KEEP_DAYS.deletedSeat) }
        : {
            ...index(1, lists.workspacesOf(entity.team), entity.id),
            ...index(3, places.workspacesOn(entity.cluster), entity.id),
          };
    case 'Group':
      return entity.deletedAt === undefined
        ? {
            ...index(1, lists.groupsOf(entity.team), entity.id),
            ...(entity.checkAt === undefined ? {} : index(2, due('group'), `${entity.checkAt}#${entity.id}`)),
          }
        : { ttl: after(entity.deletedAt, KEEP_DAYS.deletedSeat) };
    case 'Template':
      return entity.frozen === true || entity.deletedAt !== undefined
        ? {}
        : index(1, lists.templatesOf(entity.team), entity.name);
    case 'Secret':
      return entity.renewAt === undefined ? {} : index(2, due('secret'), `${entity.renewAt}#${entity.id}`);
    case 'CredentialRequest':
      return { ttl: epochSeconds(entity.expiresAt) };
  }
};

const drop = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));

/** The item of an entity. */
export const toItem = (versioned: Versioned): Item => {
  // A decision knows only that it is versioned; what there is to know by its kind, the table knows.
  const entity = versioned as Entity;
  return { ...keyOf(entity), schema: SCHEMA, ...indexed(entity), ...drop({ ...entity }) } as Item;
};

const STORED_ONLY = ['pk', 'sk', 'schema', 'gsi1pk', 'gsi1sk', 'gsi2pk', 'gsi2sk', 'gsi3pk', 'gsi3sk', 'ttl'];

/** The value without what only the table needs. */
export const fromItem = <E>(item: Readonly<Record<string, unknown>>): E =>
  Object.fromEntries(Object.entries(item).filter(([name]) => !STORED_ONLY.includes(name))) as E;

/** The value of what may not be there. */
export const asEntity = <E>(item: Item | null | undefined): E | null =>
  item === null || item === undefined ? null : fromItem<E>(item);

/** The audit log's item. */
export const auditItem = (entry: { readonly team: string }, at: string, id: string): Item => ({
  ...keys.audit(entry.team, at, id),
  entity: 'Audit',
  id,
  at,
  ttl: after(at, KEEP_DAYS.audit),
  ...entry,
});
