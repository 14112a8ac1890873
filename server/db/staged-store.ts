/** What is known of uploads that wait for their import, in the database that no restore replaces (operations-store.ts). */
import type { ImportStart } from './imports-store.ts'
import type { Db } from './open.ts'

/** A file that has arrived whole. */
export interface StagedRecord {
  /** The import it belongs to. */
  start: ImportStart
  /** Its name in the folder. */
  file: string
  /** As they came: JSON text, or null where everything was left to the server. */
  options: string | null
  bytes: number
  sha256: string
  /** Since when it is kept of an import that can be resumed; null while its import is under way. */
  keptSince: number | null
}

type Row = Omit<StagedRecord, 'start'> & { start: string }

const SELECT = 'SELECT start, file, options, bytes, sha256, kept_since AS keptSince FROM staged_files'

const toRecord = ({ start, ...row }: Row): StagedRecord => ({ ...row, start: JSON.parse(start) as ImportStart })

export function insertStaged(db: Db, { start, file, options, bytes, sha256, keptSince }: StagedRecord): void {
  db.prepare('INSERT INTO staged_files (session_id, start, file, options, bytes, sha256, kept_since) VALUES (?, ?, ?, ?, ?, ?, ?)')
    .run(start.sessionId, JSON.stringify(start), file, options, bytes, sha256, keptSince)
}

/** All of them, those that have been kept longest first. */
export function listStaged(db: Db): StagedRecord[] {
  return db.prepare<[], Row>(`${SELECT} ORDER BY kept_since, file`).all().map(toRecord)
}

/** The file that is kept of an import that can be resumed. */
export function findKept(db: Db, sessionId: string): StagedRecord | undefined {
  const row = db.prepare<[string], Row>(`${SELECT} WHERE session_id = ? AND kept_since IS NOT NULL`).get(sessionId)
  return row && toRecord(row)
}

/** Keep the file of an import that can be resumed. */
export function keepStaged(db: Db, file: string, keptSince: number): void {
  db.prepare('UPDATE staged_files SET kept_since = ? WHERE file = ?').run(keptSince, file)
}

/** Give a kept file to the import that begins anew with it. */
export function handOverStaged(db: Db, file: string, start: ImportStart): void {
  db.prepare('UPDATE staged_files SET session_id = ?, start = ?, kept_since = NULL WHERE file = ?').run(start.sessionId, JSON.stringify(start), file)
}

export function deleteStaged(db: Db, file: string): void {
  db.prepare('DELETE FROM staged_files WHERE file = ?').run(file)
}
