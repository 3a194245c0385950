/** A stream record as a typed change: what it was and what it is now. Consumers act on the new version only, so repeats are harmless. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { ClusterState } from '../domain/cluster-state.ts';
import type { CredentialRequestState } from '../domain/credential.ts';
import type { GroupState } from '../domain/group-state.ts';
import type { OperationState } from '../domain/operation.ts';
import type { SecretState } from '../domain/secret.ts';
import type { AgentTokenState } from '../domain/token.ts';
import type { WorkspaceState } from '../domain/workspace-state.ts';
import type { AwaitItem } from './clusters.ts';
import { fromItem } from './items.ts';
import type { Signout } from './people.ts';

interface Of<N extends string, E> {
  readonly entity: N;
  readonly before: E | null;
  readonly after: E | null;
}

export type Change =
  | Of<'Cluster', ClusterState>
  | Of<'Operation', OperationState>
  | Of<'Token', AgentTokenState>
  | Of<'Workspace', WorkspaceState>
  | Of<'Group', GroupState>
  | Of<'Secret', SecretState>
  | Of<'CredentialRequest', CredentialRequestState>
  | Of<'Await', AwaitItem>
  | Of<'Signout', Signout>
  | Of<'Subscription', { readonly team: string; readonly connection: string }>;

/** As Lambda hands it over; the image maps are DynamoDB's own attribute values. */
export interface StreamRecord {
  readonly eventID?: string | undefined;
  readonly dynamodb?:
    | { readonly SequenceNumber?: string | undefined; readonly OldImage?: unknown; readonly NewImage?: unknown }
    | undefined;
}

const known = new Set([
  'Cluster',
  'Operation',
  'Token',
  'Workspace',
  'Group',
  'Secret',
  'CredentialRequest',
  'Await',
  'Signout',
  'Subscription',
]);

/** The change, or null for what nobody reacts to. */
export const toChange = (record: StreamRecord): Change | null => {
  const image = (value: unknown): Record<string, unknown> | null =>
    value === undefined || value === null ? null : unmarshall(value as Record<string, AttributeValue>);
  const before = image(record.dynamodb?.OldImage);
  const after = image(record.dynamodb?.NewImage);
  const entity = String((after ?? before)?.entity);
  if (!known.has(entity)) return null;
  return {
    entity,
    before: before === null ? null : fromItem(before),
    after: after === null ? null : fromItem(after),
  } as Change;
};
