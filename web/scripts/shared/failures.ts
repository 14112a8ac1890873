/** What a failed operation is told as: what happened, what is safe, what to do. Pure. */
import type { FailureInfo, ImportMode, KeptFile } from '../../../server/protocol.ts'
import { bytesOf } from './format.ts'
import type { IconName } from './icon-names.ts'
import type { OperationKind } from './operation.ts'
import { say, type Rich } from './rich.ts'

/**
 * `retry`: the same file may well succeed next time. `upload`: it has to be sent again. `other`: this file never will.
 * `options`: it may with other settings. `resume`: the server still has it. `backups`: what helps lies there.
 */
export type Remedy = 'retry' | 'upload' | 'other' | 'options' | 'resume' | 'backups'

interface Explanation {
  title: string
  /** Replaces the server's own sentence where the page knows more. */
  happened?: (context: FailureContext) => Rich
  advice: Rich
  remedy: Remedy
}

export interface FailureContext {
  kind: OperationKind
  /** Of the file, or of the backup. */
  filename: string
  table?: string | undefined
  mode?: ImportMode | undefined
  bytesDone: number
  bytesTotal?: number | undefined
  /** Whether this tab still holds the file, so that it can be sent again without choosing it. */
  holdsFile: boolean
  /** Of an import that can be begun anew, since the server still has its file. */
  stagedFile?: KeptFile | undefined
}

/** The button that leads on. */
export interface Action {
  label: string
  symbol: IconName
  remedy: Remedy
  /** Whether a file is to be chosen first. */
  chooses: boolean
}

export interface FailureAccount {
  title: string
  happened: Rich
  safe: Rich
  advice: Rich
  action: Action
}

/** What is wrong with the server itself, whatever it was asked to do. */
const SERVER: Record<string, Explanation> = {
  SQLITE_READONLY: {
    title: 'The database cannot be written',
    advice: ['Give the server write access to its data folder, then retry.'],
    remedy: 'retry',
  },
  SQLITE_CANTOPEN: {
    title: 'The database cannot be opened',
    advice: ['Ask whoever runs this server to check that its data folder is there and can be read, then retry.'],
    remedy: 'retry',
  },
  SQLITE_IOERR: {
    title: 'The disk reported an error',
    advice: ['Ask whoever runs this server to check the disk, then retry.'],
    remedy: 'retry',
  },
  SQLITE_NOMEM: {
    title: 'The server’s memory is full',
    advice: ['Wait until other work on the server is done, then retry.'],
    remedy: 'retry',
  },
  SQLITE_ERROR: {
    title: 'The database reported an error',
    advice: ['Retry. If it happens again, copy the details and send them to whoever runs this server.'],
    remedy: 'retry',
  },
  INTERNAL: {
    title: 'Something broke on the server',
    advice: ['Retry. If it happens again, copy the details and send them to whoever runs this server; its log says more.'],
    remedy: 'retry',
  },
}

/** Trying again would not help, and might make it worse. */
const DAMAGED: Explanation = {
  title: 'The database is damaged',
  advice: ['Restore the newest verified backup before anything else is written, or ask whoever runs this server to.'],
  remedy: 'backups',
}

const IMPORT: Record<string, Explanation> = {
  ...SERVER,
  SQLITE_CORRUPT: DAMAGED,
  SQLITE_NOTADB: DAMAGED,
  SQLITE_BUSY: {
    title: 'The database was busy',
    advice: ['Retry. If it repeats, close other programs that have the database open.'],
    remedy: 'retry',
  },
  SQLITE_FULL: { title: 'The disk is full', advice: ['Free some space, then retry.'], remedy: 'retry' },
  DISK_FULL: { title: 'The disk is full', advice: ['Free some space, then retry.'], remedy: 'retry' },
  SQLITE_TOOBIG: {
    title: 'A value is too large',
    advice: ['Split the file’s longest values, or leave their column out in the options.'],
    remedy: 'options',
  },
  SQLITE_CONSTRAINT: {
    title: 'The table does not take the rows',
    advice: ['Correct what the rule is about and choose the file again, or import it into a table of its own, which has no rules.'],
    remedy: 'options',
  },
  INTERRUPTED: {
    title: 'The server restarted during this import',
    advice: ['Upload the file again. Nothing has to be cleaned up first.'],
    remedy: 'upload',
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
  EMPTY_FILE: { title: 'The file is empty', advice: ['Choose a file with at least one line of text.'], remedy: 'other' },
  NOT_CSV: {
    title: 'The file is not CSV',
    advice: ['A spreadsheet or an archive has to be saved as CSV first.'],
    remedy: 'other',
  },
  UNDECODABLE: {
    title: 'The file’s encoding cannot be read',
    advice: ['Choose another encoding in the options, or save the file as UTF-\u20608.'],
    remedy: 'options',
  },
  FILE_TOO_LARGE: {
    title: 'The file is larger than this server accepts',
    advice: ['Split it, or ask whoever runs this server to raise the limit.'],
    remedy: 'other',
  },
  TOO_MANY_COLUMNS: {
    title: 'There are too many columns',
    advice: ['Split the file into files with fewer columns or, where it goes into a table that is there, leave new ones out in the options.'],
    remedy: 'options',
  },
  ROW_TOO_LARGE: {
    title: 'A row is too large',
    advice: ['Look at the line named above. A quote that never closes is the usual reason; the options can read the file without quotes.'],
    remedy: 'options',
  },
  ROW_INVALID: {
    title: 'A row does not fit',
    advice: ['Correct the line named above in the file, or choose in the options that rows that do not fit are rejected.'],
    remedy: 'options',
  },
  COLUMN_MISMATCH: {
    title: 'The columns do not match',
    advice: ['Rename columns, leave them out, add them to the table or choose their types, as far as the table allows it, or import the file into a table of its own: all of it is in the options.'],
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
  FORBIDDEN_ORIGIN: {
    title: 'The server does not accept this address',
    advice: ['Open HexTrackr at the address it printed at its start, or ask whoever runs it to allow this one.'],
    remedy: 'upload',
  },
  TOO_MANY_REQUESTS: { title: 'Too many requests', advice: ['Wait a minute, then upload again.'], remedy: 'upload' },
  RESTORE_RUNNING: { title: 'A backup is being restored', advice: ['Wait until the restore is done, then upload again.'], remedy: 'upload' },
  SESSION_EXISTS: { title: 'The import has begun already', advice: ['Look at the Imports page; if it is not there, upload again.'], remedy: 'upload' },
  BAD_MULTIPART: { title: 'The upload did not arrive as it was sent', advice: ['Upload it again. Something between here and the server may have changed it.'], remedy: 'upload' },
  NO_FILE: { title: 'No file arrived', advice: ['Upload it again. Something between here and the server may have dropped it.'], remedy: 'upload' },
  TABLE_IN_USE: { title: 'The table is in use', advice: ['Wait until the other import into it is done, then retry.'], remedy: 'retry' },
}

const RESUMABLE: Explanation = {
  title: 'The server restarted during this import',
  advice: ['Resume it: the server still has the whole file, so nothing has to be sent again. It starts over at the first row.'],
  remedy: 'resume',
}

/** To try again is to resume, where the server still has the file. */
const withKeptFile = (known: Explanation): Explanation => known.remedy !== 'retry'
  ? known
  : { ...known, advice: [...known.advice, ' The server still has the whole file, so nothing has to be sent again.'], remedy: 'resume' }

const FULL: Explanation = { title: 'The disk is full', advice: ['Free some space, or delete backups that are no longer needed, then try again.'], remedy: 'retry' }
const BUSY: Explanation = { title: 'The database was busy', advice: ['Try again. If it repeats, close other programs that have the database open.'], remedy: 'retry' }
const UNREACHABLE: Explanation = { title: 'The server could not be reached', advice: ['Check that the server runs and that you are connected to it, then try again.'], remedy: 'retry' }

/** What backups, uploads of backups and restores have in common. */
const COPIES: Record<string, Explanation> = {
  ...SERVER,
  SQLITE_BUSY: BUSY,
  SQLITE_FULL: FULL,
  DISK_FULL: FULL,
  SQLITE_CORRUPT: DAMAGED,
  SQLITE_NOTADB: DAMAGED,
  UNREACHABLE,
  TOO_MANY_REQUESTS: { title: 'Too many requests', advice: ['Wait a minute, then try again.'], remedy: 'retry' },
  BACKUP_RUNNING: { title: 'Another backup or restore is running', advice: ['Wait until it is done, then try again.'], remedy: 'retry' },
  RESTORE_RUNNING: { title: 'A restore is running', advice: ['Wait until it is done, then try again.'], remedy: 'retry' },
}

const BACKUP: Record<string, Explanation> = {
  ...COPIES,
  INTERRUPTED: { title: 'The server restarted during this backup', advice: ['Back up again. Nothing has to be cleaned up first.'], remedy: 'retry' },
  DATABASE_DAMAGED: {
    title: 'The copy did not pass its check',
    advice: ['Back up again. If it happens again, the database itself may be damaged: restore an earlier, verified backup.'],
    remedy: 'retry',
  },
}

const NO_BACKUP: Explanation = { title: 'That file is not a backup', advice: ['Choose a file that HexTrackr or another program saved as an SQLite database.'], remedy: 'other' }

const TOO_NEW: Explanation = { title: 'A newer version wrote that backup', advice: ['Restore it with that version of HexTrackr, or choose another backup.'], remedy: 'other' }

const UPLOAD: Record<string, Explanation> = {
  ...COPIES,
  DATABASE_TOO_NEW: TOO_NEW,
  NOT_A_DATABASE: NO_BACKUP,
  EMPTY_FILE: NO_BACKUP,
  DATABASE_DAMAGED: { title: 'That backup is damaged', advice: ['Choose another copy of it, or an earlier backup.'], remedy: 'other' },
  FILE_TOO_LARGE: { title: 'The file is larger than this server accepts', advice: ['Ask whoever runs this server to raise the limit.'], remedy: 'other' },
  UPLOAD_LOST: IMPORT['UPLOAD_LOST']!,
  INTERRUPTED: { title: 'The server restarted during this upload', advice: ['Upload it again.'], remedy: 'upload' },
  UNREACHABLE: IMPORT['UNREACHABLE']!,
}

const RESTORE: Record<string, Explanation> = {
  ...COPIES,
  IMPORTS_RUNNING: { title: 'Imports are running', advice: ['Wait until they are done, or cancel them, then restore.'], remedy: 'retry' },
  NOT_A_DATABASE: { title: 'That backup is no database', advice: ['Restore another backup.'], remedy: 'backups' },
  DATABASE_DAMAGED: { title: 'That backup is damaged', advice: ['Restore another backup.'], remedy: 'backups' },
  DATABASE_TOO_NEW: { ...TOO_NEW, remedy: 'backups' },
  BACKUP_NOT_FOUND: { title: 'That backup is gone', advice: ['It was deleted meanwhile. Restore another one.'], remedy: 'backups' },
  INTERRUPTED: { title: 'The server restarted during this restore', advice: ['Restore again.'], remedy: 'retry' },
}

export const EXPLANATIONS: Record<OperationKind, Record<string, Explanation>> = { import: IMPORT, backup: BACKUP, upload: UPLOAD, restore: RESTORE }

const TITLES: Record<OperationKind, string> = { import: 'The import failed', backup: 'The backup failed', upload: 'The upload failed', restore: 'The restore failed' }

const otherwise = (kind: OperationKind): Explanation => ({
  title: TITLES[kind],
  advice: ['Retry. If it happens again, copy the details and send them to whoever runs this server.'],
  remedy: 'retry',
})

const FILE_ACTIONS: Record<Remedy, string> = { retry: 'Retry import', upload: 'Upload again', other: 'Choose another file', options: 'Back to options', resume: 'Resume import', backups: 'Show backups' }

const ACTIONS: Record<OperationKind, Record<Remedy, string>> = {
  import: FILE_ACTIONS,
  backup: { ...FILE_ACTIONS, retry: 'Back up again' },
  upload: { ...FILE_ACTIONS, retry: 'Upload again' },
  restore: { ...FILE_ACTIONS, retry: 'Restore…' },
}

const SYMBOLS: Record<Remedy, IconName> = { retry: 'rotate-ccw', upload: 'upload', other: 'file-up', options: 'chevron-left', resume: 'play', backups: 'arrow-right' }

export function actionOf(label: string, remedy: Remedy, chooses: boolean): Action {
  return { label, symbol: chooses ? 'file-up' : SYMBOLS[remedy], remedy, chooses }
}

/** Whether trying again needs the file that was sent. */
export const sendsFile = (kind: OperationKind): boolean => kind === 'import' || kind === 'upload'

export function explainFailure(error: FailureInfo, context: FailureContext): FailureAccount {
  const { kind, filename, holdsFile } = context
  const known = EXPLANATIONS[kind][error.code] ?? otherwise(kind)
  const { title, happened, advice, remedy } = !context.stagedFile ? known : error.code === 'INTERRUPTED' ? RESUMABLE : withKeptFile(known)
  const lacksFile = sendsFile(kind) && !holdsFile && remedy !== 'resume' && remedy !== 'backups'
  const again = remedy !== 'other' && lacksFile
  return {
    title,
    happened: happened?.(context) ?? [error.detail],
    safe: untouched(context),
    advice: again ? [...advice, ' This tab no longer holds ', { data: filename }, ', so choose it again.'] : advice,
    action: actionOf(again ? 'Choose the file again' : ACTIONS[kind][known.remedy === 'retry' ? 'retry' : remedy], remedy, lacksFile || (sendsFile(kind) && remedy === 'other')),
  }
}

/** What a failure or a stop leaves as it was. */
export function untouched({ kind, table, mode = 'create' }: Pick<FailureContext, 'kind' | 'table' | 'mode'>): Rich {
  switch (kind) {
    case 'backup': return ['The tables were only read. No half-made copy was kept, and earlier backups are as they were.']
    case 'upload': return ['The file was not kept. Tables and earlier backups are as they were.']
    case 'restore': return ['The database is exactly as it was.']
    case 'import': return mode === 'create' || table === undefined ? ['Nothing was written. No table was created or changed.'] : [...say`${table}`, ' is exactly as it was.']
  }
}
