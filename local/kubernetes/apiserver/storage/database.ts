/** The durable part of the storage: one SQLite file with every object as JSON and the last resource version given out. */
import { DatabaseSync } from 'node:sqlite';

export interface Row {
  storage: string;
  key: string;
  rv: number;
  json: string;
}

export interface Change {
  storage: string;
  key: string;
  rv: number;
  /** The object's JSON; undefined deletes it. */
  json: string | undefined;
}

export interface Database {
  rows(): Iterable<Row>;
  /** The highest resource version ever given out. */
  version(): number;
  /** Writes one change and its resource version as one transaction; when it returns, a killed process does not lose it. */
  write(change: Change): void;
  close(): void;
}

/** SQLite's codes for a database that another process holds, for a disk that fails and for one that is full. */
const BUSY = 5;
const IOERR = 10;
const FULL = 13;

/** The disk refused a write. */
export function isDiskFault(error: unknown): boolean {
  const code = (error as { errcode?: number } | undefined)?.errcode;
  // Extended codes carry their class in the low byte.
  return code !== undefined && [IOERR, FULL].includes(code & 0xff);
}

function open(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  // A commit reaches the operating system before it returns (safe against kill -9); it is not waited for by the disk at each write, which
  // would cost milliseconds and only matters when the machine loses its power.
  try {
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA locking_mode = EXCLUSIVE;
      CREATE TABLE IF NOT EXISTS objects (storage TEXT NOT NULL, key TEXT NOT NULL, rv INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (storage, key)) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
      INSERT OR IGNORE INTO meta VALUES ('version', 0);
    `);
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode !== BUSY) throw error;
    throw new Error(`another API server uses ${file}: stop it first, or choose another folder`, { cause: error });
  }
  return db;
}

/** Opens or makes the file. Throws what SQLite throws: a full disk, a file that is no database, a folder that is not there. */
export function openDatabase(file: string): Database {
  const db = open(file);
  const put = db.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM objects WHERE storage = ? AND key = ?');
  const advance = db.prepare("UPDATE meta SET value = ? WHERE name = 'version'");
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    rows: () =>
      db.prepare('SELECT storage, key, rv, json FROM objects').iterate() as Iterable<unknown> as Iterable<Row>,
    version: () => (db.prepare("SELECT value FROM meta WHERE name = 'version'").get() as { value: number }).value,
    write({ storage, key, rv, json }) {
      begin.run();
      try {
        if (json === undefined) remove.run(storage, key);
        else put.run(storage, key, rv, json);
        advance.run(rv);
        commit.run();
      } catch (error) {
        // A failed COMMIT may have rolled back by itself.
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    close: () => db.close(),
  };
}
