/** What is kept of people on disk: users, refresh tokens, each pool's signing key. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** As Cognito names them. */
export type UserStatus = 'FORCE_CHANGE_PASSWORD' | 'CONFIRMED';

/** One user; times are epoch milliseconds, secrets are hashes. */
export interface User {
  readonly poolId: string;
  readonly username: string;
  readonly sub: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly password: string;
  readonly status: UserStatus;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** When the temporary password ends; null for a permanent one. */
  readonly temporaryUntil: number | null;
  /** The hash of a password reset code, until when it counts and how often a wrong one was given. */
  readonly reset: { readonly code: string; readonly until: number; readonly misses: number } | null;
}

/** One sign-in: what its refresh token stands for. */
export interface SignIn {
  /** SHA-256 of the refresh token. */
  readonly id: string;
  readonly clientId: string;
  readonly poolId: string;
  readonly username: string;
  readonly originJti: string;
  readonly authTime: number;
  readonly until: number;
  readonly revoked: boolean;
}

/** The people of one deployment. */
export interface Users {
  find(poolId: string, username: string): User | undefined;
  findByEmail(poolId: string, email: string): User | undefined;
  save(user: User): void;
  /** Removes a user with all sign-ins. */
  remove(user: User): void;
  addSignIn(signIn: SignIn): void;
  signIn(id: string): SignIn | undefined;
  revoke(id: string): void;
  revokeAll(user: User): void;
  /** The pool's private key (PEM), made by `make` the first time. */
  signingKey(poolId: string, make: () => string): string;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS user (poolId TEXT, username TEXT, email TEXT, document TEXT NOT NULL, PRIMARY KEY (poolId, username)) STRICT;
  CREATE INDEX IF NOT EXISTS user_by_email ON user (poolId, email);
  CREATE TABLE IF NOT EXISTS sign_in (id TEXT PRIMARY KEY, poolId TEXT NOT NULL, username TEXT NOT NULL, document TEXT NOT NULL, revoked INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS sign_in_by_user ON sign_in (poolId, username);
  CREATE TABLE IF NOT EXISTS signing_key (poolId TEXT PRIMARY KEY, pem TEXT NOT NULL) STRICT;`;

/** Opens (or makes) the people kept in a folder. */
export function openUsers(dir: string): Users {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(dir, 'users.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  db.exec(SCHEMA);
  const byName = db.prepare('SELECT document FROM user WHERE poolId = ? AND username = ?');
  const byEmail = db.prepare('SELECT document FROM user WHERE poolId = ? AND email = ? ORDER BY username LIMIT 1');
  const put = db.prepare('INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?)');
  const removeUser = db.prepare('DELETE FROM user WHERE poolId = ? AND username = ?');
  const removeSignIns = db.prepare('DELETE FROM sign_in WHERE poolId = ? AND username = ?');
  const addSignIn = db.prepare('INSERT INTO sign_in VALUES (?, ?, ?, ?, 0)');
  const getSignIn = db.prepare('SELECT document, revoked FROM sign_in WHERE id = ?');
  const revoke = db.prepare('UPDATE sign_in SET revoked = 1 WHERE id = ?');
  const revokeAll = db.prepare('UPDATE sign_in SET revoked = 1 WHERE poolId = ? AND username = ?');
  const getKey = db.prepare('SELECT pem FROM signing_key WHERE poolId = ?');
  const putKey = db.prepare('INSERT INTO signing_key VALUES (?, ?)');
  const read = <T>(row: unknown): T | undefined =>
    row ? (JSON.parse((row as { document: string }).document) as T) : undefined;
  return {
    find: (poolId, username) => read<User>(byName.get(poolId, username.toLowerCase())),
    findByEmail: (poolId, email) => read<User>(byEmail.get(poolId, email.toLowerCase())),
    save: (user) =>
      void put.run(
        user.poolId,
        user.username.toLowerCase(),
        user.attributes.email?.toLowerCase() ?? null,
        JSON.stringify(user),
      ),
    remove(user) {
      removeUser.run(user.poolId, user.username.toLowerCase());
      removeSignIns.run(user.poolId, user.username);
    },
    addSignIn: (it) => void addSignIn.run(it.id, it.poolId, it.username, JSON.stringify(it)),
    signIn(id) {
      const row = getSignIn.get(id) as { revoked: number } | undefined;
      const found = read<SignIn>(row);
      return found && { ...found, revoked: row!.revoked === 1 };
    },
    revoke: (id) => void revoke.run(id),
    revokeAll: (user) => void revokeAll.run(user.poolId, user.username),
    signingKey(poolId, make) {
      const kept = getKey.get(poolId) as { pem: string } | undefined;
      if (kept) return kept.pem;
      const pem = make();
      putKey.run(poolId, pem);
      return pem;
    },
    close: () => db.close(),
  };
}
