/** Every failure a user may meet. A retired code is never given a new meaning. */
export const FAULTS = {
  NO_FILE: { status: 400, title: 'No file was sent' },
  BAD_OPTIONS: { status: 400, title: 'The options cannot be used' },
  BAD_MULTIPART: { status: 400, title: 'The upload is not well formed' },
  BAD_TABLE_NAME: { status: 400, title: 'That table name cannot be used' },
  BAD_QUERY: { status: 400, title: 'The query cannot be used' },
  BAD_BODY: { status: 400, title: 'The body of the request cannot be used' },
  BAD_SQL: { status: 400, title: 'The SQL cannot be run' },
  KEY_REQUIRED: { status: 400, title: 'A key is required' },
  UPLOAD_LOST: { status: 400, title: 'The upload was interrupted' },
  UNAUTHORIZED: { status: 401, title: 'Sign in first' },
  READ_ONLY_TOKEN: { status: 403, title: 'The token may only read' },
  SESSION_REQUIRED: { status: 403, title: 'A token may not do this' },
  FORBIDDEN_ORIGIN: { status: 403, title: 'Requests from there are not accepted' },
  READ_ONLY: { status: 403, title: 'SQL may only read' },
  NOT_FOUND: { status: 404, title: 'There is nothing at this address' },
  TABLE_NOT_FOUND: { status: 404, title: 'There is no such table' },
  NO_REJECTS: { status: 404, title: 'There are no rejected rows' },
  BACKUP_NOT_FOUND: { status: 404, title: 'There is no such backup' },
  EXPORT_NOT_FOUND: { status: 404, title: 'There is no such export' },
  TOKEN_NOT_FOUND: { status: 404, title: 'There is no such token' },
  SESSION_NOT_FOUND: { status: 404, title: 'There is no such session' },
  TABLE_EXISTS: { status: 409, title: 'A table of that name exists' },
  TABLE_IN_USE: { status: 409, title: 'The table is in use' },
  SESSION_EXISTS: { status: 409, title: 'The session id is in use' },
  ALREADY_FINISHED: { status: 409, title: 'It has already finished' },
  NOT_UNDOABLE: { status: 409, title: 'It cannot be undone' },
  NOT_RESUMABLE: { status: 409, title: 'It cannot be resumed' },
  IMPORTS_RUNNING: { status: 409, title: 'Imports are running' },
  BACKUP_RUNNING: { status: 409, title: 'Another backup or restore is running' },
  RESTORE_RUNNING: { status: 409, title: 'A restore is running' },
  PASSWORD_NOT_SET: { status: 409, title: 'No password is set' },
  CANCELLED: { status: 409, title: 'Cancelled' },
  BODY_TOO_LARGE: { status: 413, title: 'The body of the request is too large' },
  FILE_TOO_LARGE: { status: 413, title: 'The file is larger than this server accepts' },
  BAD_RANGE: { status: 416, title: 'The file has no such range' },
  EMPTY_FILE: { status: 422, title: 'The file is empty' },
  NOT_CSV: { status: 422, title: 'The file is not CSV' },
  UNDECODABLE: { status: 422, title: 'The file\'s encoding cannot be read' },
  TOO_MANY_COLUMNS: { status: 422, title: 'There are too many columns' },
  ROW_TOO_LARGE: { status: 422, title: 'A row is too large' },
  ROW_INVALID: { status: 422, title: 'A row does not fit' },
  COLUMN_MISMATCH: { status: 422, title: 'The columns do not match' },
  KEY_NOT_UNIQUE: { status: 422, title: 'The key is not unique' },
  NOT_A_DATABASE: { status: 422, title: 'The file is no database' },
  DATABASE_DAMAGED: { status: 422, title: 'The database is damaged' },
  QUERY_TIMEOUT: { status: 422, title: 'The query took too long' },
  QUERY_TOO_LARGE: { status: 422, title: 'The query needs too much memory' },
  TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests' },
  TOO_MANY_SOCKETS: { status: 429, title: 'Too many connections' },
  DATABASE_TOO_NEW: { status: 422, title: 'A newer version wrote the database' },
  TOO_MANY_IMPORTS: { status: 429, title: 'Too many imports are waiting' },
  TOO_MANY_QUERIES: { status: 429, title: 'Too many queries are running' },
  INTERNAL: { status: 500, title: 'Something broke on the server' },
  INTERRUPTED: { status: 503, title: 'The server stopped' },
  SQLITE_BUSY: { status: 503, title: 'The database was busy' },
  SQLITE_FULL: { status: 507, title: 'The database is full' },
  SQLITE_READONLY: { status: 500, title: 'The database cannot be written' },
  SQLITE_CORRUPT: { status: 500, title: 'The database is damaged' },
  SQLITE_NOTADB: { status: 500, title: 'The database is damaged' },
  SQLITE_CANTOPEN: { status: 500, title: 'The database cannot be opened' },
  SQLITE_IOERR: { status: 500, title: 'The disk reported an error' },
  SQLITE_TOOBIG: { status: 422, title: 'A value is too large' },
  SQLITE_CONSTRAINT: { status: 422, title: 'The table does not take the rows' },
  SQLITE_NOMEM: { status: 500, title: 'The memory is full' },
  SQLITE_ERROR: { status: 500, title: 'The database reported an error' },
  DISK_FULL: { status: 507, title: 'The disk is full' },
} as const

export type FaultCode = keyof typeof FAULTS

/** Whether the server or its disk is why, and not what was sent or asked for: it may go well another time. */
export const isOfServer = (code: FaultCode): boolean => FAULTS[code].status >= 500

/** What crosses a thread border in place of a Fault, since classes do not survive it. */
export interface FaultMessage {
  code: FaultCode
  detail: string
  line?: number
  /** For the log only, never for the user. */
  stack?: string
}

const SQLITE_DETAILS = {
  SQLITE_BUSY: 'Another program held a lock on the database for too long, so rows could not be written.',
  SQLITE_FULL: 'The database has no room left, so rows could not be written.',
  SQLITE_READONLY: 'The database file cannot be written. Check its permissions.',
  SQLITE_CORRUPT: 'The database file is damaged, so rows could not be written.',
  SQLITE_NOTADB: 'The database file is damaged or is no database any more.',
  SQLITE_CANTOPEN: 'The database file cannot be opened. Check that it is there and its permissions.',
  SQLITE_IOERR: 'The disk reported an error while the database was read or written.',
  SQLITE_TOOBIG: 'A value is larger than the database can hold.',
  SQLITE_NOMEM: 'The server has no memory left for this.',
} as const satisfies Partial<Record<FaultCode, string>>

/** As much of what somebody gave as a sentence repeats, in characters. */
const MAX_QUOTED = 200

/** What somebody gave, as a sentence shows it: of a long text its beginning, of a list or an object, however deep, that it is one. */
export function quoted(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(given.length > MAX_QUOTED ? `${given.slice(0, MAX_QUOTED).toWellFormed()}…` : given)
  if (Array.isArray(given)) return 'a list'
  return typeof given === 'object' && given !== null ? 'an object' : String(given)
}

/** A failure the user may read. `line` counts from 1 in the uploaded file, as an editor does. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly line: number | undefined

  constructor(code: FaultCode, detail: string, more: { line?: number, cause?: unknown } = {}) {
    super(detail, { cause: more.cause })
    this.code = code
    this.line = more.line
  }

  /** Anything thrown becomes a Fault here and nowhere else; strangers turn INTERNAL and keep their `cause`. */
  static from(thrown: unknown): Fault {
    if (thrown instanceof Fault) return thrown
    const code = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
    // Of rules of people's tables db/rules.ts tells; who breaks one of our own made a mistake.
    if (code.startsWith('SQLITE_') && !code.startsWith('SQLITE_CONSTRAINT')) {
      // Extended result codes begin with the primary one: SQLITE_BUSY_SNAPSHOT (https://sqlite.org/rescode.html).
      const primary = (Object.keys(SQLITE_DETAILS) as (keyof typeof SQLITE_DETAILS)[]).find((known) => code === known || code.startsWith(`${known}_`))
      return new Fault(primary ?? 'SQLITE_ERROR', primary ? SQLITE_DETAILS[primary] : 'The database reported an error. Nothing was changed.', { cause: thrown })
    }
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
      return new Fault('SQLITE_READONLY', 'The data folder cannot be written. Check its permissions.', { cause: thrown })
    }
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new Fault('SQLITE_NOMEM', SQLITE_DETAILS.SQLITE_NOMEM, { cause: thrown })
    if (code === 'ENOSPC' || code === 'EDQUOT') return new Fault('DISK_FULL', 'The disk is full. Free some space, then try again.', { cause: thrown })
    return new Fault('INTERNAL', 'Something broke on the server. Its log says more.', { cause: thrown })
  }

  toMessage(): FaultMessage {
    const cause = this.cause instanceof Error ? this.cause.stack : undefined
    return { code: this.code, detail: this.message, ...(this.line !== undefined && { line: this.line }), ...(cause && { stack: cause }) }
  }

  static fromMessage(message: FaultMessage): Fault {
    const cause = message.stack === undefined ? undefined : { stack: message.stack }
    return new Fault(message.code, message.detail, { ...(message.line !== undefined && { line: message.line }), cause })
  }
}
