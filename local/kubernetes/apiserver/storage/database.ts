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
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** The object's JSON; of a deletion its last state, with the version of the deletion. */
  json: string;
  /** The state before. */
  before: { rv: number; json: string } | undefined;
}

export interface Database {
  rows(): Iterable<Row>;
  /** The highest resource version ever given out. */
  version(): number;
  /** The last changes, oldest first: all after the version `since`. */
  history(): { since: number; changes: Change[] };
  /** Writes one change and its resource version as one transaction; when it returns, a killed process does not lose it. */
  write(change: Change): void;
  close(): void;
}

/** At least so many changes can be watched after a restart, at most twice as many: of a kill, the last was perhaps told to nobody. */
export const KEPT = 1_000;

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
      CREATE TABLE IF NOT EXISTS history (rv INTEGER PRIMARY KEY, storage TEXT NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL, before_rv INTEGER, before_json TEXT);
      INSERT OR IGNORE INTO meta SELECT 'history', value FROM meta WHERE name = 'version';
    `);
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode !== BUSY) throw error;
    throw new Error(`another API server uses ${file}: stop it first, or choose another folder`, { cause: error });
  }
  return db;
}

/** Opens or makes the file. Throws what SQLite throws: a full disk, a file that is no database, a folder that is not there. */
export function openDatabase(file: string, kept: number): Database {
  const db = open(file);
  const put = db.prepare('INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)');
  const remove = db.prepare('DELETE FROM objects WHERE storage = ? AND key = ?');
  const advance = db.prepare("UPDATE meta SET value = ? WHERE name = 'version'");
  const record = db.prepare('INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?)');
  const forget = db.prepare('DELETE FROM history WHERE rv <= ?');
  const note = db.prepare("UPDATE meta SET value = ? WHERE name = 'history'");
  const meta = db.prepare('SELECT value FROM meta WHERE name = ?');
  const numberOf = (name: string): number => (meta.get(name) as { value: number }).value;
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  return {
    rows: () =>
      db.prepare('SELECT storage, key, rv, json FROM objects').iterate() as Iterable<unknown> as Iterable<Row>,
    version: () => numberOf('version'),
    history() {
      type Line = Omit<Change, 'before'> & { before_rv: number | null; before_json: string | null };
      const lines = db.prepare('SELECT * FROM history ORDER BY rv').all() as unknown as Line[];
      const changes = lines.map(({ before_rv, before_json, ...change }) => ({
        ...change,
        before: before_rv === null || before_json === null ? undefined : { rv: before_rv, json: before_json },
      }));
      return { since: numberOf('history'), changes };
    },
    write({ storage, key, rv, type, json, before }) {
      begin.run();
      try {
        if (type === 'DELETED') remove.run(storage, key);
        else put.run(storage, key, rv, json);
        record.run(rv, storage, key, type, json, before?.rv ?? null, before?.json ?? null);
        if (rv % kept === 0) {
          forget.run(rv - kept);
          note.run(rv - kept);
        }
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
