/**
 * The words the server and the page both speak: events, payloads and HTTP bodies.
 * Imports nothing, so Node, a worker thread and the browser can all load it.
 * All times are milliseconds since the epoch unless a name says otherwise.
 */

/** Shortest time between two `progress-update` events of one session, ms. */
export const THROTTLE_INTERVAL = 100

export type SessionStatus = 'initialized' | 'processing' | 'completed' | 'error'

/** The steps of an import, in order. `merge` does not occur in mode `create`. */
export type ImportPhase = 'upload' | 'analyse' | 'import' | 'merge' | 'finish'

/**
 * Share of the whole bar that each phase owns, in percent; they add up to 100.
 * The page draws its segments with the same numbers, so length and figure always agree.
 * `finish` holds `merge` as well.
 */
export const PHASE_WEIGHTS = { upload: 18, analyse: 15, import: 54, finish: 13 } as const

export type ImportMode = 'create' | 'append' | 'replace' | 'upsert'

export type ColumnType = 'INTEGER' | 'REAL' | 'TEXT'

/** What all texts of a column are. The letters tell in what order year, month and day stand. */
export type ColumnContent = 'boolean' | 'date-ymd' | 'date-dmy' | 'date-mdy'

export interface ColumnInfo {
  /** The header's text, made unique where it was not. */
  name: string
  type: ColumnType
  /** REAL only: digits after the point in every value of the file, to be shown and exported. */
  scale?: number
  /** TEXT only, for showing and sorting: the values stay the texts they are. */
  content?: ColumnContent
}

/** Most columns a table can have (SQLITE_MAX_COLUMN, https://sqlite.org/limits.html). */
export const MAX_COLUMNS = 2000

/** What a person may decide about a column of the file. */
export interface ColumnChoice {
  /** Values that are not of the type are rejected. */
  type?: ColumnType
  rename?: string
  /** Leave it out. */
  skip?: boolean
}

/** A row of the file that is not in the table. */
export interface RejectedRow {
  /** Where it begins in the file, counted from 1. */
  line: number
  reason: string
  /** Its text as it stands in the file. */
  record: string
}

/** How the file's text was read. */
export interface Dialect {
  delimiter: string
  /** Empty: the file has no quoting. */
  quote: string
  /** What makes a quote inside a quoted field literal: the quote itself, or a backslash. */
  escape: string
  newline: '\n' | '\r\n' | '\r'
  /** A WHATWG Encoding Standard label. */
  encoding: string
  header: boolean
  /** Lines above the header that are no part of the table. */
  skipLines: number
}

/** What became of every row. `rowsRead = rowsInserted + rowsUpdated + rowsUnchanged + rowsRejected`. */
export interface Receipt {
  rowsRead: number
  rowsInserted: number
  rowsUpdated: number
  rowsUnchanged: number
  rowsRejected: number
  /** Size of the file. */
  bytes: number
  /** Of the file's bytes, lower-case hex. */
  sha256: string
  dialect: Dialect
  /** Columns of the table after the import. */
  columns: ColumnInfo[]
  /** The file's own columns, made unique where they were not. */
  header: string[]
  /** From the first byte of the upload to the commit. */
  durationMs: number
  /** While importing: rows read over the time the import phase took. */
  rowsPerSecond: number
  table: string
  /** Rows in the table after the import. */
  tableRows: number
  /** Things a person should know: columns that were renamed, rows that were padded. */
  notices: string[]
}

/** What every session's metadata holds at least. */
export interface BaseMetadata {
  operation: string
  /** The latest message. */
  message?: string
  [key: string]: unknown
}

/** Metadata of an import, each field present as soon as it is known. */
export interface ImportMetadata extends BaseMetadata, Partial<Receipt> {
  operation: 'csv-import'
  /** The number people know the import by: #42. */
  number?: number
  filename?: string
  table?: string
  mode?: ImportMode
  phase?: ImportPhase
  /** 1-based, of `totalSteps`. */
  currentStep?: number
  totalSteps?: number
  /** Bytes of the file the current phase has dealt with. */
  bytesDone?: number
  /** Bytes of the file that have arrived, while a later phase than `upload` deals with those already. */
  bytesReceived?: number
  bytesTotal?: number
  rowsDone?: number
  rowsRejected?: number
  rowsPerSecond?: number
  /** Of the whole import. Absent until it can be told. */
  etaSeconds?: number
  /** Imports ahead of this one; absent when it is not waiting. */
  queuePosition?: number
  /** Session of the import that this one begins anew. */
  resumes?: string
  /** Its file, where that is still here to resume it with. */
  stagedFile?: KeptFile
}

/** What made a backup. `pre-restore` is the safety copy that every restore takes first. */
export type BackupKind = 'manual' | 'scheduled' | 'pre-restore' | 'uploaded'

/** The steps of a backup, in order: its pages are copied (or a file that somebody sent arrives), then checked, then kept. */
export type BackupPhase = 'upload' | 'copy' | 'check' | 'finish'

/** Share of the whole bar that each phase of a backup owns, in percent. */
export const BACKUP_WEIGHTS = { copy: 70, check: 20, finish: 10 } as const

/** The steps of a restore, in order. */
export type RestorePhase = 'check' | 'safety' | 'restore' | 'verify'

/** Share of the whole bar that each phase of a restore owns, in percent. */
export const RESTORE_WEIGHTS = { check: 30, safety: 18, restore: 34, verify: 18 } as const

/** A copy of the whole database. */
export interface BackupInfo {
  /** Its file's name, by which it is called in the API. */
  name: string
  bytes: number
  createdAt: number
  kind: BackupKind
  /** Whether it was opened and passed SQLite's integrity check after it was written. */
  verified: boolean
  /** Tables of people in it, and their rows; null where it could not be read. */
  tables: number | null
  rows: number | null
  /** Of the file's bytes, lower-case hex. */
  sha256?: string
  /** What is wrong with one that is not verified, as a sentence. */
  damage?: string
}

/** What keeps backups coming, and what they take. */
export interface BackupStatus {
  /** Absent where none is set. */
  schedule?: { cron: string, nextAt: number | null }
  /** How many of each kind are kept, and for how long; null is without limit. */
  retention: { kind: BackupKind, count: number | null, days: number | null }[]
  backupBytes: number
  databaseBytes: number
  freeBytes: number
}

/** Metadata of a backup, each field present as soon as it is known. */
export interface BackupMetadata extends BaseMetadata {
  operation: 'backup'
  name?: string
  kind?: BackupKind
  phase?: BackupPhase
  /** 1-based, of `totalSteps`. */
  currentStep?: number
  totalSteps?: number
  pagesDone?: number
  pagesTotal?: number
  /** Size of a page. */
  pageBytes?: number
  /** While a file arrives. */
  bytesDone?: number
  bytesTotal?: number
  etaSeconds?: number
  /** On completion, what is known of the copy. */
  bytes?: number
  verified?: boolean
  /** Things a person should know: foreign keys of another program that are broken. */
  notices?: string[]
  sha256?: string
  tables?: number
  rows?: number
  durationMs?: number
}

/** Metadata of a restore, each field present as soon as it is known. */
export interface RestoreMetadata extends BaseMetadata {
  operation: 'restore'
  /** The backup whose content comes back. */
  name?: string
  phase?: RestorePhase
  /** 1-based, of `totalSteps`. */
  currentStep?: number
  totalSteps?: number
  pagesDone?: number
  pagesTotal?: number
  /** Size of a page. */
  pageBytes?: number
  etaSeconds?: number
  /** The backup that holds what was there before. */
  safetyCopy?: string
  /** On completion, what the database holds now. */
  tables?: number
  rows?: number
  /** Things a person should know: foreign keys of another program that are broken, data that were damaged before. */
  notices?: string[]
  durationMs?: number
}

/** What a restore would change, found out before anybody confirms. */
export interface RestorePreview {
  backup: BackupInfo
  /** Every table that is there now or would be: null is not there. */
  tables: { name: string, rowsNow: number | null, rowsAfter: number | null }[]
  /** The newest completed import, now and after. */
  newestImport: { now: ImportReference | null, after: ImportReference | null }
  /** Completed imports that the backup does not know. */
  importsUndone: number
  databaseBytes: number
}

export interface ImportReference {
  number: number
  filename: string
  finishedAt: number
}

/** Told to every client whenever tables have changed, or what is known of imports and backups, so that what they show does not grow stale. */
export interface DataChange {
  /** `history`: no table has changed, but an import has begun or failed, or a backup is there or gone. */
  reason: 'import' | 'undo' | 'table' | 'restore' | 'history'
  /** The one table that changed; absent where all may have. */
  table?: string
  at: number
}

/** Why an operation ended. */
export interface FailureInfo {
  /** An SQLite result code, or one of the app's own (faults.ts). */
  code: string
  /** A sentence for a person. */
  detail: string
  [key: string]: unknown
}

interface ProgressBase {
  sessionId: string
  /** Percent of the whole operation, 0 to 100. */
  progress: number
  message: string
  metadata: BaseMetadata
  timestamp: number
}

/** The state of a session, live or long after it ended. */
export interface ProgressSnapshot extends ProgressBase {
  status: SessionStatus
  error?: FailureInfo
}

export interface ProgressUpdate extends ProgressBase {
  status: 'processing'
}

export interface ProgressComplete extends ProgressBase {
  progress: 100
  status: 'completed'
  /** Since the session's start, ms. */
  duration: number
}

export interface ProgressFailure extends ProgressBase {
  status: 'error'
  error: FailureInfo
}

/** What the room of a session hears. */
export interface ProgressEvents {
  'progress-status': (snapshot: ProgressSnapshot) => void
  'progress-update': (update: ProgressUpdate) => void
  'progress-complete': (outcome: ProgressComplete) => void
  'progress-error': (failure: ProgressFailure) => void
}

export interface ServerToClientEvents extends ProgressEvents {
  /** To every client, not to a session's room. */
  'data-changed': (change: DataChange) => void
}

export type RoomAck = (answer: { ok: true } | { ok: false, error: string }) => void

export interface ClientToServerEvents {
  'join-progress': (sessionId: string, ack?: RoomAck) => void
  'leave-progress': (sessionId: string, ack?: RoomAck) => void
}

/** The room that hears of one session. */
export const progressRoom = (sessionId: string): string => `progress-${sessionId}`

/** One import in the history: the receipt's fields as far as they are known. */
export interface ImportRecord extends Partial<Omit<Receipt, 'table' | 'rowsPerSecond'>> {
  sessionId: string
  number: number
  filename: string
  table: string
  mode: ImportMode
  status: SessionStatus
  rowsRead: number
  rowsInserted: number
  rowsUpdated: number
  rowsUnchanged: number
  rowsRejected: number
  startedAt: number
  finishedAt: number | null
  durationMs: number
  rowsPerSecond: number
  error?: FailureInfo
  /** Whether it can be taken back now: it is the newest import into its table, and what it replaced is kept. */
  undoable: boolean
  undoneAt?: number
  /** Session of the import that this one began anew. */
  resumes?: string
  /** Session of the newest import that began this one anew. */
  resumedBy?: string
  /** Its file, that is still here: it was interrupted, or failed as it was resumed because of the server, and can be resumed. */
  stagedFile?: KeptFile
  /** Of a single import that has rejected rows, also while it runs: the most frequent ones. */
  rejectReasons?: RejectReason[]
}

/** The upload of an import that can be resumed. */
export interface KeptFile {
  bytes: number
  /** When it is dropped. */
  until: number
}

/** Why rows were rejected, most frequent reason first. */
export interface RejectReason {
  reason: string
  /** Rows that were rejected for it. */
  count: number
  /** Where the first of them begins in the file, counted from 1. */
  firstLine: number
}

/** What an import would do, by the first piece of its file. */
export interface ImportPreview {
  dialect: Dialect
  /** Every column of the file, those left out included. */
  columns: PreviewColumn[]
  /** The first rows, one text for each column of the file. */
  rows: string[][]
  suggestedTable: string
  /** Rows that the first piece holds, and how many of them would be rejected. */
  rowsSampled: number
  rowsRejected: number
  notices: string[]
  /** Where rows of a corrected rejects file belong. */
  target?: ImportTarget
  /** What was chosen for the last file with this header. */
  remembered?: { options: Record<string, unknown>, usedAt: number }
  /** An import of what seems to be the same file: same size, same first MiB. */
  sameAs?: { sessionId: string, number: number, table: string, finishedAt: number }
}

export interface PreviewColumn {
  /** The header's text, made unique; `options.columns` calls it by this name. */
  name: string
  type: ColumnType
  scale?: number
  content?: ColumnContent
  /** Whether a value of it is empty. */
  nullable: boolean
  /** Its name in the table. */
  as: string
  isSkipped: boolean
  /** How many of `rows` have a value that is not of the type that was asked for. */
  misfits: number
}

/** A table and how rows get into it. */
export interface ImportTarget {
  table: string
  mode: ImportMode
  key: string[]
}

export interface TableInfo {
  name: string
  rows: number
  columns: ColumnInfo[]
  /** The newest completed import into it, where there is one. */
  lastImport?: { sessionId: string, number: number, filename: string, finishedAt: number }
  /** Names of the columns with an index, by which sorting and filtering are quick; absent where none has one. */
  indexed?: string[]
}

export type CellValue = string | number | null

export interface RowsPage {
  columns: ColumnInfo[]
  rows: CellValue[][]
  /** Rows that match, over all pages. */
  total: number
  /** To be given back as `before` or `after`, for the page next to this one. Absent where there are no rows. */
  cursors?: { first: string, last: string }
}

/** What one SQL statement gave. */
export interface QueryResult {
  /** Names made unique; columns that come straight from a table have its types, others the type of their values here. */
  columns: ColumnInfo[]
  rows: CellValue[][]
  /** What kept the rows that follow away: the most rows asked for, or the most that is sent at once. Absent where these are all. */
  cutBy?: 'rows' | 'size'
  /** Of the statement itself, without the start of its process. */
  durationMs: number
}

/** What a filter may ask of a column's values. */
export const FILTER_OPERATORS = ['eq', 'ne', 'contains', 'lt', 'lte', 'gt', 'gte', 'in', 'empty', 'notempty'] as const

export type FilterOperator = typeof FILTER_OPERATORS[number]

/** A condition on one column. */
export interface Filter {
  column: string
  operator: FilterOperator
  /** For `in` a JSON array of texts and nulls; `empty` and `notempty` have none. */
  value: string
}

/** By which column rows are in order. */
export interface Order {
  column: string
  descending: boolean
}

/**
 * What `sort` asks for: `-column` for descending order, `column` or `+column` for ascending. A name may begin with a sign itself:
 * `-x` is the column `-x` where there is none called `x`, and `+x` the column `+x` where there is one.
 */
export function readSort(sort: string, columns: readonly ColumnInfo[]): Order {
  const [sign, rest] = [sort.slice(0, 1), sort.slice(1)]
  const isColumn = (column: string): boolean => columns.some(({ name }) => name === column)
  if (sign === '-' && (isColumn(rest) || !isColumn(sort))) return { column: rest, descending: true }
  return { column: sign === '+' && isColumn(rest) && !isColumn(sort) ? rest : sort, descending: false }
}

/** The `sort` that asks for this order. An empty one would ask for none. */
export function writeSort({ column, descending }: Order, columns: readonly ColumnInfo[]): string {
  if (descending) return `-${column}`
  const read = readSort(column, columns)
  return column !== '' && read.column === column && !read.descending ? column : `+${column}`
}

/** A page with `count=later`: the total is null where rows would have to be counted for it. */
export type RowsPageSoFar = Omit<RowsPage, 'total'> & { total: number | null }

/** What a column holds, of the rows that match. */
export interface ColumnSummary {
  column: ColumnInfo
  rows: number
  nulls: number
  /** Empty texts. */
  blanks: number
  /** Null where there is no value at all. Empty texts do not count. */
  least: CellValue
  greatest: CellValue
  /** How many different values there are, or at the least are; NULL and the empty text are none. */
  distinct: number
  isDistinctExact: boolean
  /** The most frequent values, and in how many rows each of them is. */
  top: { value: CellValue, rows: number }[]
  /** Of numbers: how many of those that were read are in each of the equally wide buckets from `low` to `high`. */
  histogram?: { low: number, high: number, counts: number[] }
  /** Rows that `distinct`, `top` and `histogram` were found in; fewer than `rows` means a sample, spread over the table. */
  rowsRead: number
}

/** How an export ended. */
export type ExportEnd = { state: 'done' } | { state: 'stopped', detail: string }

export interface Health {
  /** `degraded`: it answers, but somebody should look after it. */
  status: 'ok' | 'degraded'
  /** This and what follows: only for those who are let in. */
  version?: string
  /** SQLite's version. */
  sqlite?: string
  /** What is wrong, where it is degraded. */
  problems?: HealthProblem[]
}

export interface HealthProblem {
  code: 'DATABASE_MISSING' | 'DATABASE_REPLACED' | 'DATABASE_READONLY' | 'DISK_LOW' | 'BACKUP_FAILED'
  /** A sentence for a person. */
  detail: string
}

/** What a page has to know before it asks for anything else. */
export interface SessionInfo {
  /** Whether this server has a password. */
  passwordRequired: boolean
  /** Whether requests like this one are let in. */
  signedIn: boolean
  /** When the session ends by itself; absent where there is none. */
  expiresAt?: number
}

/** `read` lets a script ask for everything and change nothing. */
export type TokenScope = 'read' | 'full'

/** A token for scripts, without the secret, which is not kept. */
export interface ApiTokenInfo {
  id: string
  /** What it is for, in somebody's own words. */
  name: string
  scope: TokenScope
  createdAt: number
  /** To the minute. */
  lastUsedAt: number | null
  expiresAt: number | null
}

/** The one answer that holds the secret. */
export interface NewApiToken extends ApiTokenInfo {
  token: string
}

/** RFC 9457 problem details. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
}
