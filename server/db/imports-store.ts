import { isOfServer, type FaultCode } from '../faults.ts'
import type { FailureInfo, ImportMode, ImportRecord, ProgressSnapshot, Receipt, RejectedRow, RejectReason, SessionStatus } from '../protocol.ts'
import type { Db } from './open.ts'

/** What is known of an import the moment its upload starts. */
export interface ImportStart {
  sessionId: string
  filename: string
  table: string
  mode: ImportMode
  startedAt: number
  /** Session of the import that this one begins anew. */
  resumes?: string
}

/** How an import ended without success. */
export interface ImportFailure {
  sessionId: string
  error: FailureInfo
  message: string
  /** Percent reached. */
  progress: number
  rowsRead: number
  finishedAt: number
}

/** How an import ended well. */
export interface ImportSuccess {
  sessionId: string
  mode: ImportMode
  receipt: Receipt
  /** Of the file's first MiB. */
  headSha256: string
  message: string
  finishedAt: number
}

interface Row {
  number: number
  session_id: string
  filename: string
  table_name: string
  mode: ImportMode
  status: SessionStatus
  progress: number
  message: string
  started_at: number
  finished_at: number | null
  rows_read: number
  rows_inserted: number
  rows_updated: number
  rows_unchanged: number
  rows_rejected: number
  rows_per_second: number
  bytes: number | null
  sha256: string | null
  receipt: string | null
  error: string | null
  undone_at: number | null
  undoable: 0 | 1
  resumes: string | null
  resumed_by: string | null
}

/** The parts of a receipt that have no column of their own. */
type ReceiptDetails = Pick<Receipt, 'dialect' | 'columns' | 'header' | 'tableRows' | 'notices'>

const LIST_COLUMNS = `number, session_id, filename, i.table_name, mode, status, progress, message, started_at, finished_at,
  rows_read, rows_inserted, rows_updated, rows_unchanged, rows_rejected, rows_per_second, i.bytes, sha256, error, undone_at,
  u.import_number IS NOT NULL AND t.import_number IS i.number AS undoable, resumes,
  (SELECT r.session_id FROM _hextrackr_imports r WHERE r.resumes = i.session_id ORDER BY r.number DESC LIMIT 1) AS resumed_by`

const FROM_IMPORTS = `FROM _hextrackr_imports i
  LEFT JOIN _hextrackr_undo u ON u.import_number = i.number
  LEFT JOIN _hextrackr_tables t ON t.name = u.table_name`

function toRecord(row: Omit<Row, 'receipt'>, now: number): ImportRecord {
  return {
    sessionId: row.session_id,
    number: row.number,
    filename: row.filename,
    table: row.table_name,
    mode: row.mode,
    status: row.status,
    rowsRead: row.rows_read,
    rowsInserted: row.rows_inserted,
    rowsUpdated: row.rows_updated,
    rowsUnchanged: row.rows_unchanged,
    rowsRejected: row.rows_rejected,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    durationMs: Math.max(0, (row.finished_at ?? now) - row.started_at),
    rowsPerSecond: row.rows_per_second,
    ...(row.bytes !== null && { bytes: row.bytes }),
    ...(row.sha256 !== null && { sha256: row.sha256 }),
    ...(row.error !== null && { error: JSON.parse(row.error) as FailureInfo }),
    undoable: row.undoable === 1,
    ...(row.undone_at !== null && { undoneAt: row.undone_at }),
    ...(row.resumes !== null && { resumes: row.resumes }),
    ...(row.resumed_by !== null && { resumedBy: row.resumed_by }),
  }
}

/** Begin the durable record of an import. @returns the number people know it by */
export function insertImport(db: Db, start: ImportStart): number {
  return db.prepare<[string, string, string, ImportMode, number, string | null], { number: number }>(
    `INSERT INTO _hextrackr_imports (session_id, filename, table_name, mode, status, started_at, resumes)
     VALUES (?, ?, ?, ?, 'processing', ?, ?) RETURNING number`,
  ).get(start.sessionId, start.filename, start.table, start.mode, start.startedAt, start.resumes ?? null)!.number
}

/** Record that an import ended without success. */
export function failImport(db: Db, failure: ImportFailure): void {
  db.prepare(
    `UPDATE _hextrackr_imports SET status = 'error', error = ?, message = ?, progress = ?, rows_read = ?, finished_at = ?
     WHERE session_id = ? AND status = 'processing'`,
  ).run(JSON.stringify(failure.error), failure.message, failure.progress, failure.rowsRead, failure.finishedAt, failure.sessionId)
}

/** Record success. Belongs in the transaction that makes the rows visible, so that both are there or neither is. */
export function completeImport(db: Db, { sessionId, mode, receipt, headSha256, message, finishedAt }: ImportSuccess): void {
  const { dialect, columns, header, tableRows, notices } = receipt
  const details: ReceiptDetails = { dialect, columns, header, tableRows, notices }
  const { changes } = db.prepare(
    `UPDATE _hextrackr_imports SET status = 'completed', progress = 100, message = ?, finished_at = ?, table_name = ?, mode = ?,
       rows_read = ?, rows_inserted = ?, rows_updated = ?, rows_unchanged = ?, rows_rejected = ?, rows_per_second = ?,
       bytes = ?, sha256 = ?, head_sha256 = ?, receipt = ?
     WHERE session_id = ? AND status = 'processing'`,
  ).run(
    message, finishedAt, receipt.table, mode, receipt.rowsRead, receipt.rowsInserted, receipt.rowsUpdated, receipt.rowsUnchanged,
    receipt.rowsRejected, receipt.rowsPerSecond, receipt.bytes, receipt.sha256, headSha256, JSON.stringify(details), sessionId,
  )
  if (changes !== 1) throw new Error(`The record of import ${sessionId} is not there to be completed`)
}

/** Keep rejected rows, so that people can have them back with the reasons. */
export function insertRejects(db: Db, importNumber: number, rejects: readonly RejectedRow[]): void {
  if (rejects.length === 0) return
  const insert = db.prepare('INSERT INTO _hextrackr_rejects (import_number, line, reason, record) VALUES (?, ?, ?, ?)')
  for (const { line, reason, record } of rejects) insert.run(importNumber, line, reason, record)
}

/** Forget the rejected rows of an import of which nothing was kept. */
export function deleteRejects(db: Db, importNumber: number): void {
  db.prepare('DELETE FROM _hextrackr_rejects WHERE import_number = ?').run(importNumber)
}

/** The history, newest first, without the long parts of the receipts. */
export function listImports(db: Db, limit: number, now = Date.now()): ImportRecord[] {
  return db.prepare<[number], Omit<Row, 'receipt'>>(`SELECT ${LIST_COLUMNS} ${FROM_IMPORTS} ORDER BY number DESC LIMIT ?`)
    .all(limit).map((row) => toRecord(row, now))
}

function findRow(db: Db, sessionId: string): Row | undefined {
  return db.prepare<[string], Row>(`SELECT ${LIST_COLUMNS}, receipt ${FROM_IMPORTS} WHERE session_id = ?`).get(sessionId)
}

/** An earlier import of the same content that is still in its table. */
export interface EarlierImport { sessionId: string, number: number, table: string, finishedAt: number }

const EARLIER = `SELECT session_id AS sessionId, number, table_name AS "table", finished_at AS finishedAt FROM _hextrackr_imports
  WHERE status = 'completed' AND undone_at IS NULL`

/** The newest import of a file with this content. */
export function findSameFile(db: Db, sha256: string, exceptNumber: number): EarlierImport | undefined {
  return db.prepare<[string, number], EarlierImport>(`${EARLIER} AND sha256 = ? AND number <> ? ORDER BY number DESC LIMIT 1`).get(sha256, exceptNumber)
}

/** The newest import of a file that begins like this one and is as long. */
export function findLikelySameFile(db: Db, headSha256: string, bytes: number): EarlierImport | undefined {
  return db.prepare<[string, number], EarlierImport>(`${EARLIER} AND head_sha256 = ? AND bytes = ? ORDER BY number DESC LIMIT 1`).get(headSha256, bytes)
}

/** Rejected rows of an import in the order of the file. */
export function iterateRejects(db: Db, importNumber: number): Iterable<RejectedRow> {
  return db.prepare<[number], RejectedRow>('SELECT line, reason, record FROM _hextrackr_rejects WHERE import_number = ? ORDER BY line').iterate(importNumber)
}

/** More would not be read; the rejected rows themselves can be downloaded. */
const MAX_REASONS = 20

/** Why rows of an import were rejected, most frequent reason first. Reads all of them, so it belongs in a thread. */
export function rejectReasons(db: Db, importNumber: number): RejectReason[] {
  return db.prepare<[number, number], RejectReason>(
    `SELECT reason, count(*) AS count, min(line) AS firstLine FROM _hextrackr_rejects
     WHERE import_number = ? GROUP BY reason ORDER BY count(*) DESC, firstLine LIMIT ?`,
  ).all(importNumber, MAX_REASONS)
}

/** One import with its whole receipt. */
export function getImport(db: Db, sessionId: string, now = Date.now()): ImportRecord | null {
  const row = findRow(db, sessionId)
  if (!row) return null
  return { ...toRecord(row, now), ...(row.receipt !== null && JSON.parse(row.receipt) as ReceiptDetails) }
}

/** The outcome of an import as a session's snapshot, long after the session itself is gone. */
export function getImportSnapshot(db: Db, sessionId: string): ProgressSnapshot | null {
  const row = findRow(db, sessionId)
  if (!row) return null
  const { sessionId: _id, status, undoable: _undoable, error, ...known } = toRecord(row, Date.now())
  return {
    sessionId,
    progress: row.progress,
    status,
    message: row.message,
    metadata: { operation: 'csv-import', ...known, ...(row.receipt !== null && JSON.parse(row.receipt) as ReceiptDetails) },
    timestamp: row.finished_at ?? row.started_at,
    ...(error && { error }),
  }
}

/** Where there is no room left, the file gives its own to what has to be cleared away. */
const LACKS_ROOM: readonly FaultCode[] = ['DISK_FULL', 'SQLITE_FULL']

/**
 * Whether the file of an import that ended so is kept, to begin anew with. Where it was kept before, nobody may hold it any more, so
 * it stays whatever else the server fails of.
 */
export const keepsFile = (code: FaultCode, resumes: string | undefined): boolean =>
  code === 'INTERRUPTED' || (resumes !== undefined && isOfServer(code) && !LACKS_ROOM.includes(code))

/** Whether an import ended without success, and in a way that keeps its file. */
export function isResumable(db: Db, sessionId: string): boolean {
  const row = findRow(db, sessionId)
  return row?.status === 'error' && row.error !== null && keepsFile((JSON.parse(row.error) as { code: FaultCode }).code, row.resumes ?? undefined)
}

/**
 * What a start after a crash has to set right: imports that were running are INTERRUPTED, and their rejects go.
 * @returns the session ids of those imports
 */
export function interruptUnfinishedImports(db: Db, finishedAt: number): string[] {
  const error: FailureInfo = { code: 'INTERRUPTED', detail: 'The server stopped during this import. It changed nothing.' }
  const interrupted = db.prepare<[string, string, number], { session_id: string }>(
    `UPDATE _hextrackr_imports SET status = 'error', error = ?, message = ?, finished_at = ?
     WHERE status = 'processing' RETURNING session_id`,
  ).all(JSON.stringify(error), error.detail, finishedAt).map((row) => row.session_id)
  db.exec(`DELETE FROM _hextrackr_rejects WHERE import_number IN (SELECT number FROM _hextrackr_imports WHERE status = 'error')`)
  return interrupted
}
