import { Fault } from '../faults.ts'
import { nameExists } from './catalogue.ts'
import type { Db } from './open.ts'

/** What the first step did not have in its first days, which one database or another may be from. */
const ADDED_TO_FIRST = `
  CREATE INDEX _hextrackr_imports_sha256 ON _hextrackr_imports (sha256);
  CREATE INDEX _hextrackr_imports_head ON _hextrackr_imports (head_sha256, bytes);

  CREATE TABLE _hextrackr_undo (
    import_number INTEGER PRIMARY KEY REFERENCES _hextrackr_imports (number),
    kind TEXT NOT NULL CHECK (kind IN ('drop', 'swap', 'delete')),
    table_name TEXT NOT NULL,
    first_rowid INTEGER,
    saved_rows TEXT,
    before TEXT CHECK (json_valid(before)),
    bytes INTEGER NOT NULL
  );

  CREATE TABLE _hextrackr_header_settings (
    header_sha256 TEXT PRIMARY KEY,
    options TEXT NOT NULL CHECK (json_valid(options)),
    used_at INTEGER NOT NULL
  ) WITHOUT ROWID;
`

/**
 * The app's own tables, one step per version of the schema. A step that has been released never changes;
 * `PRAGMA user_version` says how many have been taken.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE _hextrackr_imports (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL UNIQUE,
    filename TEXT NOT NULL,
    table_name TEXT NOT NULL,
    mode TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('processing', 'completed', 'error')),
    progress REAL NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    rows_read INTEGER NOT NULL DEFAULT 0,
    rows_inserted INTEGER NOT NULL DEFAULT 0,
    rows_updated INTEGER NOT NULL DEFAULT 0,
    rows_unchanged INTEGER NOT NULL DEFAULT 0,
    rows_rejected INTEGER NOT NULL DEFAULT 0,
    rows_per_second REAL NOT NULL DEFAULT 0,
    bytes INTEGER,
    sha256 TEXT,
    receipt TEXT CHECK (json_valid(receipt)),
    error TEXT CHECK (json_valid(error)),
    head_sha256 TEXT,
    undone_at INTEGER
  );
  CREATE INDEX _hextrackr_imports_status ON _hextrackr_imports (status);

  CREATE TABLE _hextrackr_tables (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    row_count INTEGER NOT NULL,
    columns TEXT NOT NULL CHECK (json_valid(columns)),
    import_number INTEGER REFERENCES _hextrackr_imports (number) ON DELETE SET NULL
  ) WITHOUT ROWID;

  CREATE TABLE _hextrackr_rejects (
    import_number INTEGER NOT NULL REFERENCES _hextrackr_imports (number) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL
  );
  CREATE INDEX _hextrackr_rejects_import ON _hextrackr_rejects (import_number, line);

  ${ADDED_TO_FIRST}
  `,
  // Part of what a restore brings, so that it is there exactly where the restore has taken place.
  `
  CREATE TABLE _hextrackr_restores (
    session_id TEXT PRIMARY KEY,
    backup TEXT NOT NULL,
    restored_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  // The interrupted import that an import began anew, by its session.
  `
  ALTER TABLE _hextrackr_imports ADD COLUMN resumes TEXT;
  CREATE INDEX _hextrackr_imports_resumes ON _hextrackr_imports (resumes) WHERE resumes IS NOT NULL;
  `,
]

/** Whether the app has made its tables here. What another program wrote into `user_version` says nothing about ours. */
export const hasOwnTables = (db: Db): boolean => nameExists(db, '_hextrackr_imports')

/**
 * Bring the app's tables up to this version; a database of another program gets them.
 * @throws Fault DATABASE_TOO_NEW where a newer version of the app wrote the database
 */
export function migrate(db: Db): void {
  const taken = hasOwnTables(db) ? db.pragma('user_version', { simple: true }) as number : 0
  if (taken === 1 && !nameExists(db, '_hextrackr_undo')) {
    db.transaction(() => {
      db.exec(`ALTER TABLE _hextrackr_imports ADD COLUMN head_sha256 TEXT; ALTER TABLE _hextrackr_imports ADD COLUMN undone_at INTEGER; ${ADDED_TO_FIRST}`)
    }).immediate()
  }
  takeSteps(db, MIGRATIONS, taken)
}

/**
 * Take the steps that a database has not taken yet, in one transaction.
 * @param from how many it has taken
 * @throws Fault DATABASE_TOO_NEW
 */
export function takeSteps(db: Db, steps: readonly string[], from: number): void {
  if (from > steps.length) {
    throw new Fault(
      'DATABASE_TOO_NEW',
      `The database was written by a newer version of HexTrackr (schema ${from}, this one knows ${steps.length}). Nothing was changed.`,
    )
  }
  db.transaction(() => {
    for (const step of steps.slice(from)) db.exec(step)
    db.pragma(`user_version = ${steps.length}`)
  }).immediate()
}
