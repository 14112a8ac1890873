/**
 * The database of what must outlive a restore of the other one: what became of backups and restores, what is known
 * of each backup file, and which uploads wait for their import (staged-store.ts). The folder of backups says which
 * there are; this only remembers more of them.
 */
import type { BackupInfo, BackupKind, FailureInfo, ProgressSnapshot } from '../protocol.ts'
import { createWriter, type Db } from './open.ts'
import { takeSteps } from './migrations.ts'

/** One step per version of the schema, as in migrations.ts. */
const STEPS: readonly string[] = [
  `
  CREATE TABLE operations (
    session_id TEXT PRIMARY KEY,
    operation TEXT NOT NULL CHECK (operation IN ('backup', 'restore')),
    status TEXT NOT NULL CHECK (status IN ('processing', 'completed', 'error')),
    progress REAL NOT NULL,
    message TEXT NOT NULL,
    metadata TEXT NOT NULL CHECK (json_valid(metadata)),
    error TEXT CHECK (json_valid(error)),
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE backups (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    modified_ms REAL NOT NULL,
    sha256 TEXT,
    verified INTEGER NOT NULL,
    tables INTEGER,
    rows INTEGER,
    damage TEXT
  ) WITHOUT ROWID;
  `,
  `
  CREATE TABLE staged_files (
    session_id TEXT PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    start TEXT NOT NULL CHECK (json_valid(start)),
    options TEXT,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    kept_since INTEGER
  ) WITHOUT ROWID;
  `,
]

/** Open it and bring it up to date. @throws SqliteError, Fault DATABASE_TOO_NEW */
export function openOperations(path: string, busyTimeoutMs: number): Db {
  const db = createWriter(path, busyTimeoutMs)
  takeSteps(db, STEPS, db.pragma('user_version', { simple: true }) as number)
  return db
}

interface OperationRow {
  session_id: string
  status: 'processing' | 'completed' | 'error'
  progress: number
  message: string
  metadata: string
  error: string | null
  updated_at: number
}

/** Record the state of an operation, in place of what was recorded before. */
export function saveOperation(db: Db, { sessionId, progress, status, message, metadata, error, timestamp }: ProgressSnapshot): void {
  db.prepare(
    'INSERT OR REPLACE INTO operations (session_id, operation, status, progress, message, metadata, error, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  ).run(
    sessionId, metadata.operation, status === 'initialized' ? 'processing' : status, progress, message, JSON.stringify(metadata),
    error ? JSON.stringify(error) : null, timestamp,
  )
}

const toSnapshot = (row: OperationRow): ProgressSnapshot => ({
  sessionId: row.session_id,
  progress: row.progress,
  status: row.status,
  message: row.message,
  metadata: JSON.parse(row.metadata) as ProgressSnapshot['metadata'],
  timestamp: row.updated_at,
  ...(row.error !== null && { error: JSON.parse(row.error) as FailureInfo }),
})

export function getOperation(db: Db, sessionId: string): ProgressSnapshot | null {
  const row = db.prepare<[string], OperationRow>('SELECT * FROM operations WHERE session_id = ?').get(sessionId)
  return row ? toSnapshot(row) : null
}

/** Why the newest backup that has ended failed; undefined where it did not, or somebody stopped it. */
export function lastBackupFailure(db: Db): FailureInfo | undefined {
  const row = db.prepare<[], OperationRow>(
    `SELECT * FROM operations WHERE operation = 'backup' AND status <> 'processing' ORDER BY updated_at DESC LIMIT 1`,
  ).get()
  const error = row && toSnapshot(row).error
  return error?.code === 'CANCELLED' ? undefined : error
}

/** Those that a crash has left without an outcome. */
export function unfinishedOperations(db: Db): ProgressSnapshot[] {
  return db.prepare<[], OperationRow>(`SELECT * FROM operations WHERE status = 'processing'`).all().map(toSnapshot)
}

/** What is remembered of a backup's file, as it was when it was last looked at. */
export interface KnownBackup extends BackupInfo {
  /** The file's time of modification, ms. */
  modifiedMs: number
}

interface BackupRow {
  name: string
  kind: BackupKind
  created_at: number
  bytes: number
  modified_ms: number
  sha256: string | null
  verified: 0 | 1
  tables: number | null
  rows: number | null
  damage: string | null
}

export function rememberBackup(db: Db, known: KnownBackup): void {
  db.prepare(
    `INSERT OR REPLACE INTO backups (name, kind, created_at, bytes, modified_ms, sha256, verified, tables, rows, damage)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    known.name, known.kind, known.createdAt, known.bytes, known.modifiedMs, known.sha256 ?? null, known.verified ? 1 : 0,
    known.tables, known.rows, known.damage ?? null,
  )
}

export function forgetBackup(db: Db, name: string): void {
  db.prepare('DELETE FROM backups WHERE name = ?').run(name)
}

/** All that is remembered, by name. */
export function knownBackups(db: Db): Map<string, KnownBackup> {
  return new Map(db.prepare<[], BackupRow>('SELECT * FROM backups').all().map((row) => [row.name, {
    name: row.name,
    bytes: row.bytes,
    createdAt: row.created_at,
    kind: row.kind,
    verified: row.verified === 1,
    tables: row.tables,
    rows: row.rows,
    ...(row.sha256 !== null && { sha256: row.sha256 }),
    ...(row.damage !== null && { damage: row.damage }),
    modifiedMs: row.modified_ms,
  }]))
}
