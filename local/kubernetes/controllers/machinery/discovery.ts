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

/** Every kind once, in its group's preferred version. A group that vanishes between two calls is left out. */
export async function discover(client: Client): Promise<Discovered[]> {
  const core = client.call<ResourceList>('GET', '/api/v1');
  const { groups } = await client.call<{ groups: { preferredVersion: { groupVersion: string } }[] }>('GET', '/apis');
  const lists = groups.map(async ({ preferredVersion: { groupVersion } }) => {
    try {
      return read(await client.call<ResourceList>('GET', `/apis/${groupVersion}`));
    } catch (error) {
      if (isStatus(error, 404, 503)) return [];
      throw error;
    }
  });
  return [read(await core), ...(await Promise.all(lists))].flat();
}
