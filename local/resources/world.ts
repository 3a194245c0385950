/** What the handlers of resource types work with: the parts of the local AWS that a resource comes to life in. */
import type { Dynamo } from '#local/dynamodb/client.ts';
import type { LocalTable } from '#local/dynamodb/table.ts';
import type { RuleDeclaration } from '#local/events/schedule.ts';
import type { GatewayModel } from '#local/gateway/model.ts';
import type { Hosts } from '#local/hosts.ts';
import type { LocalIam } from '#local/iam/iam.ts';
import type { Keys } from '#local/kms/keys.ts';
import type { MappingDeclaration } from '#local/lambda/event-source/mapping.ts';
import type { Functions } from '#local/lambda/functions.ts';
import type { ObjectStore } from '#local/s3/store.ts';
import type { Declared } from '#local/types.ts';

export interface World {
  readonly stackName: string;
  /** Absolute path of an asset by its S3 key. */
  asset(s3Key: string): string | undefined;
  readonly iam: LocalIam;
  readonly hosts: Hosts;
  readonly functions: Functions;
  readonly dynamo: Dynamo;
  readonly gateway: GatewayModel;
  readonly keys: Keys;
  readonly objects: ObjectStore;
  /** The tables made so far. */
  readonly tables: LocalTable[];
  /** Started once the whole template is up. */
  readonly mappings: MappingDeclaration[];
  readonly rules: RuleDeclaration[];
  /** Where APIs are reached: the port for people and the endpoint. */
  readonly url: string;
  readonly endpoint: string;
}

/** Throws for a property that is neither read nor known to do nothing here: nothing of the template is ignored in silence. */
export function refuseOthers(
  { logicalId, type, properties }: Declared,
  read: readonly string[],
  withoutEffect: readonly string[] = [],
): void {
  const others = Object.keys(properties).filter((name) => !read.includes(name) && !withoutEffect.includes(name));
  if (others.length > 0)
    throw new Error(`${logicalId} (${type}): the property ${others.join(', ')} does nothing here, so it is refused`);
}
