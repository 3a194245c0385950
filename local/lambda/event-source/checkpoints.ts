/** How far each event source mapping has come in each shard, and which deletes were the TTL's; survives kill -9. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface Checkpoints {
  /** The last sequence number that is done with; undefined at the beginning. */
  last(mapping: string, shard: string): string | undefined;
  save(mapping: string, shard: string, sequence: string): void;
  /** Says before the delete that the TTL is about to delete this item. */
  markExpired(table: string, key: string, expiry: string): void;
  isExpired(table: string, key: string, expiry: string): boolean;
  close(): void;
}

const DAY_MS = 86_400_000;

export function openCheckpoints(file: string): Checkpoints {
  mkdirSync(dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS checkpoint (mapping TEXT, shard TEXT, sequence TEXT, PRIMARY KEY (mapping, shard));
    CREATE TABLE IF NOT EXISTS expired (tbl TEXT, key TEXT, expiry TEXT, at INTEGER, PRIMARY KEY (tbl, key, expiry));`);
  // Streams forget after a day, so may we.
  db.prepare('DELETE FROM expired WHERE at < ?').run(Date.now() - DAY_MS);
  const select = db.prepare('SELECT sequence FROM checkpoint WHERE mapping = ? AND shard = ?');
  const upsert = db.prepare('INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)');
  const mark = db.prepare('INSERT OR REPLACE INTO expired VALUES (?, ?, ?, ?)');
  const marked = db.prepare('SELECT 1 FROM expired WHERE tbl = ? AND key = ? AND expiry = ?');
  return {
    last: (mapping, shard) => select.get(mapping, shard)?.sequence as string | undefined,
    save: (mapping, shard, sequence) => void upsert.run(mapping, shard, sequence),
    markExpired: (table, key, expiry) => void mark.run(table, key, expiry, Date.now()),
    isExpired: (table, key, expiry) => marked.get(table, key, expiry) !== undefined,
    close: () => db.close(),
  };
}
