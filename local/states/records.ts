/** What is kept of executions: on disk, so that names stay taken and open ones can run again after a restart. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** As DescribeExecution names them. */
export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** One execution; dates are epoch milliseconds, input and output JSON text. */
export interface ExecutionRecord {
  readonly arn: string;
  readonly machineArn: string;
  readonly name: string;
  readonly input: string;
  readonly status: ExecutionStatus;
  readonly startDate: number;
  readonly stopDate: number | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly cause: string | null;
}

/** One line of an execution's history; `id` counts from 1. */
export interface EventRecord {
  readonly id: number;
  readonly at: number;
  readonly type: string;
  readonly state: string | null;
  readonly detail: string | null;
}

/** How an execution ended. */
export type Ending = Pick<ExecutionRecord, 'status'> & Partial<Pick<ExecutionRecord, 'output' | 'error' | 'cause'>>;

/** The executions of one deployment. */
export interface Records {
  /** Adds a running execution. Throws when its ARN exists. */
  add(record: Pick<ExecutionRecord, 'arn' | 'machineArn' | 'name' | 'input' | 'startDate'>): void;
  get(arn: string): ExecutionRecord | undefined;
  /** Newest first. */
  list(machineArn: string, status?: ExecutionStatus): ExecutionRecord[];
  open(): ExecutionRecord[];
  /** Ends a running execution; false when it had ended before (the first end counts). */
  end(arn: string, ending: Ending, at: number): boolean;
  append(arn: string, event: Omit<EventRecord, 'id'>): void;
  events(arn: string): EventRecord[];
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS execution (
    arn TEXT PRIMARY KEY, machineArn TEXT NOT NULL, name TEXT NOT NULL, input TEXT NOT NULL, status TEXT NOT NULL,
    startDate INTEGER NOT NULL, stopDate INTEGER, output TEXT, error TEXT, cause TEXT) STRICT;
  CREATE INDEX IF NOT EXISTS execution_by_machine ON execution (machineArn, startDate);
  CREATE TABLE IF NOT EXISTS event (
    arn TEXT NOT NULL, id INTEGER NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, state TEXT, detail TEXT,
    PRIMARY KEY (arn, id)) STRICT;`;

/** Opens (or makes) the records in a folder. */
export function openRecords(dir: string): Records {
  mkdirSync(dir, { recursive: true });
  const db = new DatabaseSync(join(dir, 'executions.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  db.exec(SCHEMA);
  const insert = db.prepare(
    "INSERT INTO execution (arn, machineArn, name, input, status, startDate) VALUES (?, ?, ?, ?, 'RUNNING', ?)",
  );
  const byArn = db.prepare('SELECT * FROM execution WHERE arn = ?');
  const byMachine = db.prepare(
    'SELECT * FROM execution WHERE machineArn = ? AND (?2 IS NULL OR status = ?2) ORDER BY startDate DESC, rowid DESC',
  );
  const running = db.prepare("SELECT * FROM execution WHERE status = 'RUNNING' ORDER BY startDate");
  const finish = db.prepare(
    "UPDATE execution SET status = ?, output = ?, error = ?, cause = ?, stopDate = ? WHERE arn = ? AND status = 'RUNNING'",
  );
  const addEvent = db.prepare(
    'INSERT INTO event SELECT ?1, coalesce(max(id), 0) + 1, ?2, ?3, ?4, ?5 FROM event WHERE arn = ?1',
  );
  const history = db.prepare('SELECT id, at, type, state, detail FROM event WHERE arn = ? ORDER BY id');
  const as = <T>(row: unknown): T => row as T;
  return {
    add: (it) => void insert.run(it.arn, it.machineArn, it.name, it.input, it.startDate),
    get: (arn) => as<ExecutionRecord | undefined>(byArn.get(arn)),
    list: (machineArn, status) => as<ExecutionRecord[]>(byMachine.all(machineArn, status ?? null)),
    open: () => as<ExecutionRecord[]>(running.all()),
    end: (arn, it, at) =>
      finish.run(it.status, it.output ?? null, it.error ?? null, it.cause ?? null, at, arn).changes === 1,
    append: (arn, it) => void addEvent.run(arn, it.at, it.type, it.state, it.detail),
    events: (arn) => as<EventRecord[]>(history.all(arn)),
    close: () => db.close(),
  };
}
