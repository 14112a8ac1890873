/** What must be true of a data folder at any time at which nothing runs. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { BackupInfo, ImportRecord } from '../protocol.ts'
import { backupFiles } from './backup-support.ts'
import type { TestServer } from './support.ts'

const PEOPLE = `type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_hextrackr\\_%' ESCAPE '\\'`

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Tables of people with their rows, in order. */
export type Content = Record<string, unknown[][]>

export function readContent(db: Database.Database): Content {
  const tables = db.prepare<[], { name: string }>(`SELECT name FROM sqlite_schema WHERE ${PEOPLE} ORDER BY name`).all()
  return Object.fromEntries(tables.map(({ name }) => [name, db.prepare<[], unknown[]>(`SELECT * FROM ${quoted(name)} ORDER BY _rowid_`).raw().all()]))
}

/** What is wrong with a database in itself, whatever it holds. */
export function databaseFaults(db: Database.Database): string[] {
  const faults: string[] = []
  const names = (sql: string): string[] => db.prepare<[], string>(sql).pluck().all()
  const none = (what: string, found: string[]): void => {
    if (found.length > 0) faults.push(`${what}: ${found.join(', ')}`)
  }
  none('the integrity check found', (db.pragma('integrity_check') as { integrity_check: string }[]).map((row) => row.integrity_check).filter((text) => text !== 'ok'))
  none('broken foreign keys', (db.pragma('foreign_key_check') as { table: string }[]).map(({ table }) => table))
  none('staging tables', names(`SELECT name FROM sqlite_schema WHERE name LIKE '%hextrackr_staging%'`))
  none('imports without an outcome', names(`SELECT session_id FROM _hextrackr_imports WHERE status = 'processing'`))
  none('rejected rows of imports that did not complete', names(`SELECT DISTINCT import_number FROM _hextrackr_rejects WHERE import_number NOT IN (SELECT number FROM _hextrackr_imports WHERE status = 'completed')`))
  none('data to undo what nobody can', names(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE '\\_hextrackr\\_undo\\_%' ESCAPE '\\'
     AND name NOT IN (SELECT coalesce(saved_rows, '_hextrackr_undo_' || import_number) FROM _hextrackr_undo)`,
  ))
  const catalogue = db.prepare<[], { name: string, rows: number }>('SELECT name, row_count AS rows FROM _hextrackr_tables ORDER BY name').all()
  const there = names(`SELECT name FROM sqlite_schema WHERE ${PEOPLE} ORDER BY name`)
  if (JSON.stringify(catalogue.map(({ name }) => name)) !== JSON.stringify(there)) faults.push(`the catalogue does not list what is there: ${there.join(', ')}`)
  for (const { name, rows } of catalogue) {
    const counted = there.includes(name) ? db.prepare<[], number>(`SELECT count(*) FROM ${quoted(name)}`).pluck().get() : undefined
    if (counted !== rows) faults.push(`"${name}" has ${counted} rows, the catalogue says ${rows}`)
  }
  return faults
}

/** What a resumed import may fail of and keep its file: faults of the server, but for a lack of room. */
const KEPT_WHERE_RESUMED = ['SQLITE_BUSY', 'SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_IOERR', 'SQLITE_NOMEM', 'SQLITE_ERROR', 'INTERNAL']

/** What is wrong with a server's whole data folder while nothing runs: the database, staged files, backups. */
export async function folderFaults(server: TestServer): Promise<string[]> {
  const db = new Database(server.databasePath, { readonly: true })
  const faults = databaseFaults(db)
  db.close()
  const imports = (await server.get<ImportRecord[]>('/api/imports')).body
  const kept = imports.filter(({ stagedFile }) => stagedFile)
  for (const { sessionId, error, resumes } of kept) if (error?.code !== 'INTERRUPTED' && !(resumes !== undefined && KEPT_WHERE_RESUMED.includes(error?.code ?? ''))) faults.push(`the file of ${sessionId} is kept, which ended with ${error?.code}`)
  const operations = new Database(join(server.dataDir, 'operations.db'), { readonly: true })
  const recorded = operations.prepare<[], { file: string, session_id: string }>('SELECT file, session_id FROM staged_files ORDER BY file').all()
  operations.close()
  const staged = server.stagedFiles().sort()
  if (JSON.stringify(staged) !== JSON.stringify(recorded.map(({ file }) => file))) faults.push(`staged are ${staged.join(', ')}, recorded ${recorded.map(({ file }) => file).join(', ')}`)
  const backups = (await server.get<BackupInfo[]>('/api/backups')).body
  const files = backupFiles(server.dataDir)
  if (JSON.stringify(files) !== JSON.stringify(backups.map(({ name }) => name).sort())) faults.push(`in the folder of backups are ${files.join(', ')}`)
  return faults
}
