/** Which resources the API server serves, by its own discovery documents. */
import { type Client, isStatus } from './client.ts';
import type { Resource } from './resources.ts';

export interface Discovered extends Resource {
  readonly verbs: readonly string[];
}

interface ResourceList {
  groupVersion: string;
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[] | null;
}

const read = (list: ResourceList): Discovered[] =>
  (list.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs }) => ({
      apiVersion: list.groupVersion,
      plural: name,
      kind,
      namespaced,
      verbs,
    }));

export interface Discovery {
  /** Every kind once, in its group's preferred version. */
  kinds: Discovered[];
  /** Groups that could not be read, with the reason. One that vanished between two calls is none. */
  failed: string[];
}

export async function discover(client: Client): Promise<Discovery> {
  const core = client.call<ResourceList>('GET', '/api/v1');
  const { groups } = await client.call<{ groups: { preferredVersion: { groupVersion: string } }[] }>('GET', '/apis');
  const failed: string[] = [];
  const lists = groups.map(async ({ preferredVersion: { groupVersion } }) => {
    try {
      return read(await client.call<ResourceList>('GET', `/apis/${groupVersion}`));
    } catch (error) {
      if (isStatus(error, 503)) failed.push(`${groupVersion}: ${(error as Error).message}`);
      else if (!isStatus(error, 404)) throw error;
      return [];
    }
  });
  return { kinds: [read(await core), ...(await Promise.all(lists))].flat(), failed };
}
