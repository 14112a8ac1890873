import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Fault } from '../faults.ts'
import type { ImportReference } from '../protocol.ts'
import { countRows, describeTable, userTableNames } from './catalogue.ts'
import { INTERNAL_PREFIX } from './identifiers.ts'
import { hasOwnTables } from './migrations.ts'
import { isBusy, type Db } from './open.ts'

/** First bytes of every SQLite database (https://sqlite.org/fileformat.html#magic_header_string). */
export const SQLITE_MAGIC = Buffer.from('SQLite format 3\0')

/** Where the header says how the file is written: 2 for a write-ahead log. */
const WRITE_VERSION_OFFSET = 18
const WAL_VERSION = 2

/** What lies in a database. */
export interface Contents {
  /** Tables of people in it, their rows counted. */
  tables: TableCount[]
  /** Things a person should know, which are no damage. */
  notices: string[]
}

export interface TableCount { name: string, rows: number }

/** Imports that a database knows of. */
export interface KnownImports {
  newest: ImportReference | null
  /** The session ids of all that are completed and have not been undone. */
  sessionIds: string[]
}

/**
 * Open a file that somebody else made, in such a way that neither it nor its folder is changed.
 * @throws SqliteError
 */
export function openUntouched(path: string, busyTimeoutMs: number): Db {
  // A log is made by whoever reads first, and taken away only by a last one who may write. There is nothing in it then.
  const mayWrite = isInWalMode(path) && !existsSync(`${path}-wal`)
  const db = new Database(path, { readonly: !mayWrite, fileMustExist: true, timeout: busyTimeoutMs })
  db.pragma('query_only = ON')
  distrust(db)
  return db
}

/** What SQLite advises for files from elsewhere (https://sqlite.org/security.html). */
export function distrust(db: Db): void {
  db.pragma('trusted_schema = OFF')
  db.pragma('cell_size_check = ON')
}

function isInWalMode(path: string): boolean {
  const header = Buffer.alloc(WRITE_VERSION_OFFSET + 1)
  const file = openSync(path, 'r')
  try {
    readSync(file, header, 0, header.length, 0)
  } finally {
    closeSync(file)
  }
  return header[WRITE_VERSION_OFFSET] === WAL_VERSION
}

/**
 * Whether every page and every index is as it should be (https://sqlite.org/pragma.html#pragma_integrity_check). One
 * statement for the whole file: only that finds pages that two tables claim, or that nobody does.
 * @throws Fault DATABASE_DAMAGED
 */
export function checkIntegrity(db: Db): void {
  const [first] = db.pragma('integrity_check(1)') as { integrity_check: string }[]
  if (first?.integrity_check !== 'ok') {
    throw new Fault('DATABASE_DAMAGED', `The database is damaged. SQLite's integrity check says: ${sentence(first?.integrity_check ?? 'nothing')}`)
  }
}

const sentence = (text: string): string => `${text.replace(/\s+/g, ' ').trim().slice(0, 300).replace(/\.$/, '')}.`

/**
 * Rows that refer to rows that are not there. In tables of the app that is damage; what another program left behind in
 * its own is only told.
 * @returns a notice, where there are any
 * @throws Fault DATABASE_DAMAGED
 */
function checkForeignKeys(db: Db): string[] {
  const broken = new Map<string, number>()
  for (const { name } of db.prepare<[], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%REFERENCES%'`).all()) {
    try {
      const { n } = db.prepare<[string], { n: number }>('SELECT count(*) AS n FROM pragma_foreign_key_check(?)').get(name)!
      if (n > 0) broken.set(name, n)
    } catch (error) {
      // It refers to a table or a key that cannot be referred to, which nothing enforces.
      if (!isSqliteError(error, 'SQLITE_ERROR')) throw error
      broken.set(name, 0)
    }
  }
  const own = broken.keys().find((name) => name.startsWith(INTERNAL_PREFIX))
  if (own !== undefined) throw new Fault('DATABASE_DAMAGED', `The database is damaged: HexTrackr's own table "${own}" refers to rows that are not there.`)
  return broken.size > 0 ? [`Foreign keys are broken in ${[...broken.keys()].map((name) => `"${name}"`).join(', ')}. They are taken as they are.`] : []
}

/** Tables and their rows, all of them counted. @throws Fault DATABASE_DAMAGED, SqliteError */
export function readContents(db: Db): Contents {
  return { tables: userTableNames(db).map((name) => ({ name, rows: countRows(db, name) })), notices: checkForeignKeys(db) }
}

/** Tables and their rows, as far as they are known without counting. @throws SqliteError */
export function tableCounts(db: Db): TableCount[] {
  const isOurs = hasOwnTables(db)
  return userTableNames(db).map((name) => ({ name, rows: isOurs ? describeTable(db, name).rows : countRows(db, name) }))
}

export function knownImports(db: Db): KnownImports {
  if (!hasOwnTables(db)) return { newest: null, sessionIds: [] }
  const imports = db.prepare<[], ImportReference & { sessionId: string }>(
    `SELECT session_id AS sessionId, number, filename, finished_at AS finishedAt FROM _hextrackr_imports
     WHERE status = 'completed' AND undone_at IS NULL ORDER BY finished_at DESC, number DESC`,
  ).all()
  const [newest] = imports
  return {
    newest: newest ? { number: newest.number, filename: newest.filename, finishedAt: newest.finishedAt } : null,
    sessionIds: imports.map(({ sessionId }) => sessionId),
  }
}

const isSqliteError = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.some((code) => (error.code as string).startsWith(code))

/** Between two looks at the folder somebody else may delete a file of it. */
export const backupGone = (): Fault => new Fault('BACKUP_NOT_FOUND', 'The backup has just been deleted.')

/**
 * What SQLite, or the system, found wrong with a file that is not the app's own database.
 * @param backupPath where it is a backup that anybody may delete meanwhile
 * @returns Fault NOT_A_DATABASE, DATABASE_DAMAGED, SQLITE_BUSY, BACKUP_NOT_FOUND; anything else as it is
 */
export function explainForeign(error: unknown, backupPath?: string): unknown {
  if (backupPath !== undefined && !existsSync(backupPath)) return backupGone()
  if (isSqliteError(error, 'SQLITE_NOTADB')) return new Fault('NOT_A_DATABASE', 'The file is no SQLite database, or it is encrypted.', { cause: error })
  if (isBusy(error)) return new Fault('SQLITE_BUSY', 'Another program holds a lock on the backup. Close it there, then try again.', { cause: error })
  if (isSqliteError(error, 'SQLITE_CORRUPT', 'SQLITE_IOERR_SHORT_READ', 'SQLITE_CANTOPEN', 'SQLITE_READONLY')) {
    return new Fault('DATABASE_DAMAGED', `The database is damaged or not complete. SQLite says: ${sentence((error as Error).message)}`, { cause: error })
  }
  // A collation or a module that the program which made it brought along.
  if (isSqliteError(error, 'SQLITE_ERROR')) {
    return new Fault('DATABASE_DAMAGED', `The database cannot be used here. SQLite says: ${sentence((error as Error).message)}`, { cause: error })
  }
  return error
}
