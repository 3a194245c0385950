/** What the EKS and EC2 APIs have made, kept on disk: clusters, node groups, access entries, and what deleted clusters left behind. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Tags of a resource. */
export type Tags = Readonly<Record<string, string>>;

/** A cluster; times are epoch milliseconds. `request` is what CreateCluster was given. */
export interface ClusterRecord {
  readonly name: string;
  readonly arn: string;
  readonly status: 'CREATING' | 'ACTIVE' | 'DELETING' | 'FAILED';
  readonly version: string;
  readonly createdAt: number;
  /** When it may become ACTIVE, or be gone, at the earliest. */
  readonly dueAt: number;
  readonly tags: Tags;
  // biome-ignore lint/suspicious/noExplicitAny: EKS answers much of what it was given as it was given
  readonly request: Readonly<Record<string, any>>;
  /** First two bytes of the loopback network of its pods, e.g. `127.42`. */
  readonly podNetwork: string;
  readonly endpoint?: string;
  readonly caPem?: string;
  readonly problem?: string;
}

/** A managed node group. */
export interface NodegroupRecord {
  readonly cluster: string;
  readonly name: string;
  readonly arn: string;
  readonly status: 'CREATING' | 'ACTIVE' | 'DELETING' | 'CREATE_FAILED';
  readonly createdAt: number;
  readonly dueAt: number;
  readonly tags: Tags;
  // biome-ignore lint/suspicious/noExplicitAny: as in a cluster
  readonly request: Readonly<Record<string, any>>;
  readonly problem?: string;
}

/** An add-on that a cluster was given. */
export interface AddonRecord {
  readonly cluster: string;
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly tags: Tags;
}

/** Who may enter a cluster, and as whom. */
export interface AccessEntryRecord {
  readonly cluster: string;
  readonly principalArn: string;
  readonly arn: string;
  readonly username: string;
  readonly groups: readonly string[];
  /** Names of access policies with the time they were associated. */
  readonly policies: Readonly<Record<string, number>>;
  readonly tags: Tags;
  readonly createdAt: number;
}

/** What EC2 still has of a cluster. */
export interface LeftoverRecord {
  readonly id: string;
  readonly kind: 'volume' | 'snapshot' | 'security-group' | 'network-interface';
  readonly createdAt: number;
  readonly tags: Tags;
}

/** One kind of record by key. */
export interface Table<T> {
  get(key: string): T | undefined;
  /** In the order of their keys; with a prefix, only keys that begin with it. */
  list(prefix?: string): T[];
  put(key: string, record: T): void;
  remove(key: string): void;
}

/** All kinds. Keys: a cluster's name, `CLUSTER/NODEGROUP`, `CLUSTER/ADDON`, `CLUSTER/ROLE-ARN`, an EC2 id. */
export interface Store {
  readonly clusters: Table<ClusterRecord>;
  readonly nodegroups: Table<NodegroupRecord>;
  readonly addons: Table<AddonRecord>;
  readonly entries: Table<AccessEntryRecord>;
  readonly leftovers: Table<LeftoverRecord>;
  close(): void;
}

/** Opens (or makes) the records in a folder. */
export function openStore(dir: string): Store {
  mkdirSync(dir, { recursive: true });
  const db = new DatabaseSync(join(dir, 'clusters.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  db.exec(
    'CREATE TABLE IF NOT EXISTS record (kind TEXT, key TEXT, document TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT',
  );
  const get = db.prepare('SELECT document FROM record WHERE kind = ? AND key = ?');
  const list = db.prepare(
    'SELECT document FROM record WHERE kind = ? AND substr(key, 1, length(?2)) = ?2 ORDER BY key',
  );
  const put = db.prepare('INSERT OR REPLACE INTO record VALUES (?, ?, ?)');
  const remove = db.prepare('DELETE FROM record WHERE kind = ? AND key = ?');
  const read = <T>(row: unknown): T => JSON.parse((row as { document: string }).document) as T;
  const table = <T>(kind: string): Table<T> => ({
    get(key) {
      const row = get.get(kind, key);
      return row ? read<T>(row) : undefined;
    },
    list: (prefix = '') => list.all(kind, prefix).map((row) => read<T>(row)),
    put: (key, record) => void put.run(kind, key, JSON.stringify(record)),
    remove: (key) => void remove.run(kind, key),
  });
  return {
    clusters: table('cluster'),
    nodegroups: table('nodegroup'),
    addons: table('addon'),
    entries: table('entry'),
    leftovers: table('leftover'),
    close: () => db.close(),
  };
}
