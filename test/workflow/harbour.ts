/** A made-up provider, as a later one would be added: clusters in a map, active and gone after a few looks. */

import type { KubernetesObject } from '#core/domain/kubernetes-object.ts';
import { infrastructureName } from '#core/domain/names.ts';
import type { ConnectKubernetes, Progress, Provider, Removal } from '#functions/tasks/providers/provider.ts';

interface Berth {
  looks: number;
  state: 'making' | 'active' | 'failed' | 'deleting';
  nodes: boolean;
  access: boolean;
  readonly applied: KubernetesObject[];
  /** Of its namespace kube-system. */
  readonly uid: string;
}

export interface Harbour {
  readonly provider: Provider;
  readonly connect: ConnectKubernetes;
  readonly clusters: Map<string, Berth>;
  /** Names of clusters as they were made, in order: a name twice is a second cluster. */
  readonly made: string[];
  /** Names of leftovers, swept one a look. */
  readonly leftovers: string[];
  readonly sweep: (name: string) => Promise<number>;
}

/** `looksUntil` is how many looks it takes until a cluster is active or gone. */
export const createHarbour = ({ looksUntil = 2, drainable = true, entered = true } = {}): Harbour => {
  const clusters = new Map<string, Berth>();
  const made: string[] = [];
  const leftovers: string[] = [];
  const berth = (name: string): Berth => {
    const found = clusters.get(name);
    if (found === undefined) throw new Error(`the harbour has no ${name}`);
    return found;
  };
  const connect: ConnectKubernetes = ({ endpoint }) => ({
    apply: async (object) => {
      berth(endpoint.slice('https://'.length)).applied.push(object);
    },
    uid: async ({ kind, metadata: { name } }) => {
      const { applied, uid } = berth(endpoint.slice('https://'.length));
      if (name === 'kube-system') return uid;
      return applied.some((object) => object.kind === kind && object.metadata.name === name) ? `uid of ${name}` : null;
    },
  });
  const describe: Provider['describe'] = async ({ id }) => ({
    endpoint: `https://${infrastructureName(id)}`,
    ca: 'Q0E=',
  });

  const provider: Provider = {
    drainable,
    ensure: async ({ id }): Promise<Progress> => {
      const name = infrastructureName(id);
      const found = clusters.get(name);
      if (found?.state === 'failed') clusters.delete(name);
      else if (found !== undefined) return found.state === 'active' ? 'active' : 'going';
      made.push(name);
      const uid = `kube-system-${made.length}`;
      clusters.set(name, { looks: 0, state: 'making', nodes: false, access: false, applied: [], uid });
      leftovers.push(`volume of ${name}`);
      return 'going';
    },
    observe: async ({ id }): Promise<Progress> => {
      const found = clusters.get(infrastructureName(id));
      if (found === undefined) return 'absent';
      found.looks += 1;
      if (found.state === 'making' && found.looks >= looksUntil) found.state = 'active';
      return found.state === 'active' ? 'active' : 'going';
    },
    grantAccess: async ({ id }) => {
      berth(infrastructureName(id)).access = true;
    },
    ensureCompute: async (cluster) => {
      berth(infrastructureName(cluster.id)).nodes = true;
    },
    observeCompute: async ({ id }) => (berth(infrastructureName(id)).nodes ? 'active' : 'going'),
    access: async (cluster) => {
      const { endpoint, ca } = (await describe(cluster)) ?? { endpoint: '', ca: '' };
      return entered ? { endpoint, ca, token: 'k8s-aws-v1.secret' } : null;
    },
    describe,
    remove: async (name): Promise<Removal> => {
      const found = clusters.get(name);
      if (found === undefined) return 'gone';
      if (found.nodes) {
        found.nodes = false;
        return 'blocked';
      }
      found.state = 'deleting';
      found.looks = 0;
      return 'going';
    },
    observeGone: async (name): Promise<Removal> => {
      const found = clusters.get(name);
      if (found === undefined) return 'gone';
      if (found.state !== 'deleting') return 'blocked';
      found.looks += 1;
      if (found.looks < looksUntil) return 'going';
      clusters.delete(name);
      return 'gone';
    },
    listOwned: async () => [],
    versions: async () => ({ default: '1.35', offered: ['1.35'] }),
  };
  return {
    provider,
    connect,
    clusters,
    made,
    leftovers,
    sweep: async (name) => {
      leftovers.splice(0, leftovers.length, ...leftovers.filter((each) => !each.endsWith(name)));
      return 0;
    },
  };
};
