/** What a failed import is told as: what happened, what is safe, what to do. Pure. */
import type { FailureInfo, ImportMode } from '../../../server/protocol.ts'
import { bytesOf } from './format.ts'
import { say, type Rich } from './rich.ts'

/**
 * `retry`: the same file may well succeed next time. `upload`: it has to be sent again. `other`: this file never will.
 * `options`: it may with other settings.
 */
export type Remedy = 'retry' | 'upload' | 'other' | 'options'

interface Explanation {
  title: string
  /** Replaces the server's own sentence where the page knows more. */
  happened?: (context: FailureContext) => Rich
  advice: Rich
  remedy: Remedy
}

export interface FailureContext {
  filename: string
  table?: string | undefined
  mode?: ImportMode | undefined
  bytesDone: number
  bytesTotal?: number | undefined
  /** Whether this tab still holds the file, so that it can be sent again without choosing it. */
  holdsFile: boolean
}

export interface FailureAccount {
  title: string
  happened: Rich
  safe: Rich
  advice: Rich
  action: { label: string, remedy: Remedy, chooses: boolean }
}

const EXPLANATIONS: Record<string, Explanation> = {
  SQLITE_BUSY: {
    title: 'The database was busy',
    advice: ['Retry. If it repeats, close other programs that have the database open.'],
    remedy: 'retry',
  },
  SQLITE_FULL: { title: 'The disk is full', advice: ['Free some space, then retry.'], remedy: 'retry' },
  DISK_FULL: { title: 'The disk is full', advice: ['Free some space, then retry.'], remedy: 'retry' },
  SQLITE_READONLY: {
    title: 'The database cannot be written',
    advice: ['Give the server write access to its data folder, then retry.'],
    remedy: 'retry',
  },
  SQLITE_CORRUPT: {
    title: 'The database is damaged',
    advice: ['Ask whoever runs this server to restore a backup before anything else is imported.'],
    remedy: 'retry',
  },
  INTERRUPTED: {
    title: 'The server restarted during this import',
    advice: ['Retry. Nothing has to be cleaned up first.'],
    remedy: 'retry',
  },
  UPLOAD_LOST: {
    title: 'The upload was interrupted',
    happened: ({ bytesDone, bytesTotal }) => [bytesTotal ? `${bytesOf(bytesDone, bytesTotal)} arrived, then the connection to the server ended.` : 'The connection to the server ended before the whole file had arrived.'],
    advice: ['Upload it again, and keep the tab open until the upload ends.'],
    remedy: 'upload',
  },
  TOO_MANY_IMPORTS: {
    title: 'Too many imports are waiting',
    advice: ['Wait until one of them is done, then upload again.'],
    remedy: 'upload',
  },
  UNREACHABLE: {
    title: 'The server could not be reached',
    advice: ['Check that the server runs and that you are connected to it, then upload again.'],
    remedy: 'upload',
  },
  UNAUTHORIZED: {
    title: 'You were signed out',
    happened: () => ['The server no longer knew this browser, so it did not take the file.'],
    advice: ['Sign in, then upload it again.'],
    remedy: 'upload',
  },
  EMPTY_FILE: { title: 'The file is empty', advice: ['Choose a file with at least one line.'], remedy: 'other' },
  NOT_CSV: {
    title: 'The file is not CSV',
    advice: ['A spreadsheet or an archive has to be saved as CSV first.'],
    remedy: 'other',
  },
  UNDECODABLE: {
    title: 'The file’s encoding cannot be read',
    advice: ['Choose another encoding in the options, or save the file as UTF-8.'],
    remedy: 'options',
  },
  FILE_TOO_LARGE: {
    title: 'The file is larger than this server accepts',
    advice: ['Split it, or ask whoever runs this server to raise the limit.'],
    remedy: 'other',
  },
  TOO_MANY_COLUMNS: { title: 'The file has too many columns', advice: ['Split it into files with fewer columns.'], remedy: 'other' },
  ROW_TOO_LARGE: {
    title: 'A row is too large',
    advice: ['Look at the line named above. A quote that never closes is the usual reason; the options can read the file without quotes.'],
    remedy: 'options',
  },
  ROW_INVALID: {
    title: 'A row does not fit',
    advice: ['Correct the line named above, or let rows that do not fit be rejected: both are in the options.'],
    remedy: 'options',
  },
  COLUMN_MISMATCH: {
    title: 'The columns do not match',
    advice: ['Rename columns or leave them out, or add them to the table: all of it is in the options.'],
    remedy: 'options',
  },
  KEY_REQUIRED: { title: 'A key is required', advice: ['Choose the columns that tell one row from another.'], remedy: 'options' },
  KEY_NOT_UNIQUE: {
    title: 'The key is not unique',
    advice: ['Choose more key columns, so that no two rows of the table have the same key.'],
    remedy: 'options',
  },
  BAD_TABLE_NAME: { title: 'That table name cannot be used', advice: ['Choose another name for the table.'], remedy: 'options' },
  BAD_OPTIONS: { title: 'The options cannot be used', advice: ['Change what is named above.'], remedy: 'options' },
  TABLE_EXISTS: {
    title: 'A table of that name exists',
    advice: ['Give the new table another name, or choose what to do with the rows that are there.'],
    remedy: 'options',
  },
  TABLE_NOT_FOUND: { title: 'There is no such table', advice: ['It may have been renamed or deleted. Choose another table, or create a new one.'], remedy: 'options' },
  TABLE_IN_USE: { title: 'The table is in use', advice: ['Wait until the other import into it is done, then retry.'], remedy: 'retry' },
}

const OTHERWISE: Explanation = {
  title: 'The import failed',
  advice: ['Retry. If it happens again, copy the details and send them to whoever runs this server.'],
  remedy: 'retry',
}

const ACTIONS: Record<Remedy, string> = { retry: 'Retry import', upload: 'Upload again', other: 'Choose another file', options: 'Back to options' }

export function explainFailure(error: FailureInfo, context: FailureContext): FailureAccount {
  const { title, happened, advice, remedy } = EXPLANATIONS[error.code] ?? OTHERWISE
  const chooses = remedy === 'other' || !context.holdsFile
  const again = remedy !== 'other' && !context.holdsFile
  return {
    title,
    happened: happened?.(context) ?? [error.detail],
    safe: untouched(context),
    advice: again ? [...advice, ' This tab no longer holds ', { data: context.filename }, ', so choose it again.'] : advice,
    action: { label: again ? 'Choose the file again' : ACTIONS[remedy], remedy, chooses },
  }
}

function untouched({ table, mode = 'create' }: FailureContext): Rich {
  if (mode === 'create' || table === undefined) return ['Nothing was written. No table was created or changed.']
  return [...say`${table}`, ' is exactly as it was.']
}
