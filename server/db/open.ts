import Database from 'better-sqlite3'

export type Db = Database.Database

/** How much the write-ahead log may hold before a commit copies it into the database, in pages of 4 KiB. */
const WAL_AUTOCHECKPOINT_PAGES = 4000

/** What the log is cut back to after a checkpoint, so that one long reader does not leave a huge file behind. */
const WAL_SIZE_LIMIT_BYTES = 64 * 2 ** 20

/**
 * Open the database for writing, and make it where there is none. Only a start may do that: a file that has gone from under
 * the running app must not be followed by an empty one.
 * @throws SqliteError as openWriter
 */
export function createWriter(path: string, busyTimeoutMs: number): Db {
  return prepareWriter(new Database(path, { timeout: busyTimeoutMs }))
}

/**
 * Open the database for writing, in write-ahead logging, so that readers never wait for a writer
 * (https://sqlite.org/wal.html).
 * @param busyTimeoutMs how long a statement waits, blocking its thread, for another connection's lock
 * @throws SqliteError such as SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_CANTOPEN
 */
export function openWriter(path: string, busyTimeoutMs: number): Db {
  return prepareWriter(new Database(path, { fileMustExist: true, timeout: busyTimeoutMs }))
}

function prepareWriter(db: Db): Db {
  db.pragma('journal_mode = WAL')
  // Safe against a crash of the process; the last commit of an import raises it to FULL for a power cut as well.
  db.pragma('synchronous = NORMAL')
  db.pragma('foreign_keys = ON')
  db.pragma(`wal_autocheckpoint = ${WAL_AUTOCHECKPOINT_PAGES}`)
  db.pragma(`journal_size_limit = ${WAL_SIZE_LIMIT_BYTES}`)
  return db
}

/** Open the database for reading only: SQLite itself refuses every write on this connection. */
export function openReader(path: string): Db {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 1000 })
  db.pragma('query_only = ON')
  return db
}

/** Open the database for copying: a connection that may copy the log into the file, where the disk lets it. */
export function openLive(path: string): Db {
  try {
    return new Database(path, { fileMustExist: true, timeout: 1000 })
  } catch {
    return openReader(path)
  }
}

/** Whether an error means that another connection held a lock for longer than was waited. */
export const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY')
