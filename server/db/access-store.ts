import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { ApiTokenInfo, TokenScope } from '../protocol.ts'

/** A secret as it is kept: nobody who reads the file can use it. */
interface Hashed {
  /** SHA-256 of the secret, lower-case hex. Enough for 256 random bits, which cannot be guessed from it. */
  hash: string
}

export interface StoredSession extends Hashed {
  createdAt: number
  expiresAt: number
}

export interface StoredToken extends Hashed, ApiTokenInfo {}

interface TokenRow {
  id: string
  name: string
  scope: TokenScope
  hash: string
  created_at: number
  last_used_at: number | null
  expires_at: number | null
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS password (id INTEGER PRIMARY KEY CHECK (id = 1), salt BLOB NOT NULL, hash BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS sessions (hash TEXT PRIMARY KEY, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'full')),
    hash TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER
  ) WITHOUT ROWID;
`

const toToken = (row: TokenRow): StoredToken => ({
  id: row.id, name: row.name, scope: row.scope, hash: row.hash, createdAt: row.created_at, lastUsedAt: row.last_used_at, expiresAt: row.expires_at,
})

/**
 * Sessions and tokens in a database of their own, apart from the data: a backup holds none of them, and a restore neither
 * signs anybody out nor brings a revoked token back. Every call reads or writes a row by its key, which takes microseconds.
 */
export class AccessStore {
  readonly #db: Database.Database

  /** @throws SqliteError where the file cannot be opened */
  constructor(path: string) {
    // SQLite makes files that others may read; the log takes the rights of its database.
    closeSync(openSync(path, 'a', 0o600))
    this.#db = new Database(path)
    this.#db.pragma('journal_mode = WAL')
    // A session that a power cut forgets is one login; a revoked token that comes back would be worse.
    this.#db.pragma('synchronous = FULL')
    this.#db.exec(SCHEMA)
  }

  password(): { salt: Buffer, hash: Buffer } | undefined {
    return this.#db.prepare<[], { salt: Buffer, hash: Buffer }>('SELECT salt, hash FROM password').get()
  }

  /** Remember another password; whoever signed in with the one before is signed out. */
  changePassword({ salt, hash }: { salt: Buffer, hash: Buffer }): void {
    this.#db.transaction(() => {
      this.#db.prepare('INSERT OR REPLACE INTO password (id, salt, hash) VALUES (1, ?, ?)').run(salt, hash)
      this.#db.exec('DELETE FROM sessions')
    })()
  }

  session(hash: string): StoredSession | undefined {
    return this.#db.prepare<[string], StoredSession>(
      'SELECT hash, created_at AS createdAt, expires_at AS expiresAt FROM sessions WHERE hash = ?',
    ).get(hash)
  }

  addSession({ hash, createdAt, expiresAt }: StoredSession): void {
    this.#db.prepare('INSERT INTO sessions (hash, created_at, expires_at) VALUES (?, ?, ?)').run(hash, createdAt, expiresAt)
  }

  deleteSession(hash: string): void {
    this.#db.prepare('DELETE FROM sessions WHERE hash = ?').run(hash)
  }

  /** Forget what has expired. @returns the hashes of those sessions and the ids of those tokens */
  deleteExpired(now: number): string[] {
    const sessions = this.#db.prepare<[number], { id: string }>('DELETE FROM sessions WHERE expires_at <= ? RETURNING hash AS id').all(now)
    const tokens = this.#db.prepare<[number], { id: string }>('DELETE FROM tokens WHERE expires_at <= ? RETURNING id').all(now)
    return [...sessions, ...tokens].map(({ id }) => id)
  }

  tokens(): StoredToken[] {
    return this.#db.prepare<[], TokenRow>('SELECT * FROM tokens ORDER BY created_at DESC, id').all().map(toToken)
  }

  tokenByHash(hash: string): StoredToken | undefined {
    const row = this.#db.prepare<[string], TokenRow>('SELECT * FROM tokens WHERE hash = ?').get(hash)
    return row && toToken(row)
  }

  addToken({ id, name, scope, hash, createdAt, expiresAt }: StoredToken): void {
    this.#db.prepare('INSERT INTO tokens (id, name, scope, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)')
      .run(id, name, scope, hash, createdAt, expiresAt)
  }

  touchToken(id: string, lastUsedAt: number): void {
    this.#db.prepare('UPDATE tokens SET last_used_at = ? WHERE id = ?').run(lastUsedAt, id)
  }

  /** @returns whether there was one */
  deleteToken(id: string): boolean {
    return this.#db.prepare('DELETE FROM tokens WHERE id = ?').run(id).changes > 0
  }

  close(): void {
    this.#db.close()
  }
}
