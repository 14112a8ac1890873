/** How an ended operation reads in the dialog. Pure. */
import type { BackupInfo } from '../../../server/protocol.ts'
import { api } from './api.ts'
import { actionOf, explainFailure, sendsFile, untouched, type FailureAccount } from './failures.ts'
import { bytes, count, dayTime, duration, plural, shortName, unbroken } from './format.ts'
import { stepAt, type OperationKind } from './operation.ts'
import { currentFraction, type Outcome, type ProgressState } from './progress-state.ts'
import { placeOf } from './progress-view.ts'
import { cancelledLedger, receiptLedger, type Ledger, type LedgerLine } from './receipt.ts'
import { plain, say, type Rich } from './rich.ts'

type Completed = Extract<Outcome, { kind: 'completed' }>
type Stopped = Extract<Outcome, { kind: 'failed' | 'cancelled' }>

export interface OutcomeView {
  kind: Outcome['kind']
  tone: 'ok' | 'bad' | 'off'
  heading: Rich
  /** One line under the heading. */
  summary: Rich
  ledger?: Ledger
  /** Things worth knowing about a completed import. */
  notices: string[]
  account?: FailureAccount
  /** Where a failed operation stopped, for the bar. */
  stoppedAt?: string
  details?: { code: string, text: string }
  note?: Rich
  /** For how long the server still has its file, where the import can be resumed. */
  keptFile?: Rich
  /** Where it leads. */
  way?: { label: string, href: string }
  /** The backup to restore from here: the one that came in, or the one that holds what was there before. */
  restores?: { label: 'Restore…' | 'Go back to before', backup: string }
  /** A file to fetch. */
  download?: string
  /** For the window title. */
  word: 'Done' | 'Failed' | 'Cancelled'
  /** Spoken once. */
  announcement: string
}

/**
 * @param holdsFile this tab still has the file that was sent
 * @param backups what the server keeps, where it is known: a receipt tells from it what was there before
 */
export function outcomeView(state: ProgressState, outcome: Outcome, holdsFile: boolean, backups: readonly BackupInfo[] = [], now = Date.now()): OutcomeView {
  switch (outcome.kind) {
    case 'completed': return completedView(state, outcome, backups, now)
    case 'cancelled': return cancelledView(state)
    case 'gone': return goneView(state, holdsFile)
    case 'failed': return failedView(state, outcome, holdsFile, now)
  }
}

/** The names that heading and summary have no room for, to be told whole below. */
export function longNames({ heading, summary }: Pick<OutcomeView, 'heading' | 'summary'>, kind: OperationKind): { label: string, name: string }[] {
  const named = (label: string, text: Rich) => text.flatMap((words) => typeof words === 'object' && 'data' in words && shortName(words.data) !== words.data ? [{ label, name: words.data }] : [])
  return [...named(sendsFile(kind) ? 'File' : 'Backup', summary), ...named('Table', heading)]
}

function completedView(state: ProgressState, outcome: Completed, backups: readonly BackupInfo[], now: number): OutcomeView {
  switch (state.kind) {
    case 'import': return importedView(state, outcome)
    case 'restore': return restoredView(state, outcome, backups, now)
    case 'backup': case 'upload': return copiedView(state, outcome)
  }
}

const took = (durationMs: number | undefined, words = ''): string[] => durationMs === undefined ? [] : [unbroken(`${words}${duration(durationMs)}`)]

function importedView(state: ProgressState, { receipt, durationMs }: Completed): OutcomeView {
  const table = receipt.table ?? state.table
  const ledger = receiptLedger(receipt, state.mode, api.rejectsUrl(state.sessionId))
  const { rowsRejected = 0, rowsRead = 0, rowsPerSecond = 0 } = receipt
  const adds = ledger.total?.check.adds !== false
  const rate = rowsPerSecond > 0 ? [`${unbroken(`${count(rowsPerSecond)} rows/s`)} ${unbroken('while importing')}`] : []
  const fitted = rowsRejected === 0 && rowsRead > 0 ? ['every row fitted'] : []
  const heading: Rich = table === undefined ? ['Import completed'] : (state.mode ?? 'create') === 'create' ? say`Created ${table}` : say`Imported into ${table}`
  return {
    kind: 'completed', tone: adds ? 'ok' : 'bad', heading, ledger, notices: receipt.notices ?? [], word: 'Done',
    summary: [{ data: state.filename }, ...[...took(durationMs), ...(rate.length > 0 ? rate : fitted)].map((text) => `, ${text}`)],
    ...(table !== undefined && { way: { label: 'Open table', href: `/tables/${encodeURIComponent(table)}` } }),
    announcement: `${plain(heading)}. ${count(rowsRead - rowsRejected)} rows in, ${count(rowsRejected)} rejected.`,
  }
}

/** What there is, with what there was where that is known and another. */
function line(label: string, value: number | undefined, before?: number | null): LedgerLine[] {
  if (value === undefined) return []
  return [{ label, value: count(value), ...(typeof before === 'number' && before !== value && { was: count(before) }) }]
}

const PASSED: LedgerLine = { label: 'Integrity check', value: 'Passed', tone: 'ok' }

/** A backup that was made here or sent here. */
function copiedView(state: ProgressState, { receipt, durationMs }: Completed): OutcomeView {
  const name = receipt.name ?? state.filename
  const isUpload = state.kind === 'upload'
  const heading = isUpload ? 'Backup uploaded' : 'Backup done'
  const size: LedgerLine[] = receipt.bytes === undefined ? [] : [{ label: 'Size', value: bytes(receipt.bytes) }]
  return {
    kind: 'completed', tone: 'ok', heading: [heading], notices: receipt.notices ?? [], word: 'Done',
    summary: [{ data: name }, ...['verified', ...took(durationMs, 'took ')].map((text) => `, ${text}`)],
    ledger: { lines: [...line('Tables', receipt.tables), ...line('Rows', receipt.rows), ...size, PASSED] },
    ...(receipt.sha256 !== undefined && { details: { code: `SHA-256 ${receipt.sha256.slice(0, 8)}`, text: receipt.sha256 } }),
    ...(isUpload && { note: ['Nothing has been restored yet. The tables are as they were.'] }),
    way: { label: 'Show backups', href: '/backups' },
    ...(isUpload ? { restores: { label: 'Restore…', backup: name } } : { download: api.backupUrl(name) }),
    announcement: `${heading}, verified. ${[receipt.tables === undefined ? '' : plural(receipt.tables, 'table'), receipt.rows === undefined ? '' : plural(receipt.rows, 'row')].filter(Boolean).join(', ')}`.trim(),
  }
}

function restoredView(state: ProgressState, { receipt, durationMs }: Completed, backups: readonly BackupInfo[], now: number): OutcomeView {
  const source = backups.find(({ name }) => name === (receipt.name ?? state.filename))
  const before = backups.find(({ name }) => name === receipt.safetyCopy)
  return {
    kind: 'completed', tone: 'ok', heading: ['Database restored'], notices: receipt.notices ?? [], word: 'Done',
    summary: [...source ? [`As it was ${dayTime(source.createdAt, now).replace(' ', ' at ')}`] : [{ data: state.filename }], ...['verified', ...took(durationMs, 'took ')].map((text) => `, ${text}`)],
    ledger: { lines: [...line('Tables', receipt.tables, before?.tables), ...line('Rows', receipt.rows, before?.rows), PASSED] },
    ...(receipt.safetyCopy !== undefined && {
      note: [...say`The database from before is kept as ${receipt.safetyCopy}`, '.'],
      restores: { label: 'Go back to before', backup: receipt.safetyCopy },
    }),
    way: { label: 'Show tables', href: '/' },
    announcement: 'Database restored and verified.',
  }
}

const STOPPED: Record<OperationKind, string> = { import: 'Import cancelled', backup: 'Backup cancelled', upload: 'Upload cancelled', restore: 'Restore stopped' }

function cancelledView(state: ProgressState): OutcomeView {
  const heading = STOPPED[state.kind]
  return {
    kind: 'cancelled', tone: 'off', heading: [heading], summary: stoppedAfter(state), notices: [], word: 'Cancelled',
    ...(state.rowsDone > 0 && { ledger: cancelledLedger(state) }),
    note: state.kind === 'import' && ((state.mode ?? 'create') === 'create' || state.table === undefined) ? ['No table was created or changed.'] : untouched(state),
    announcement: state.kind === 'restore' ? `${heading}. The database is as it was.` : `${heading}. Nothing was kept.`,
  }
}

const FAILED: Record<OperationKind, string> = { import: 'Import failed', backup: 'Backup failed', upload: 'Upload failed', restore: 'Restore failed' }

function failedView(state: ProgressState, { error }: Stopped, holdsFile: boolean, now: number): OutcomeView {
  const account = explainFailure(error, { ...state, holdsFile })
  return {
    kind: 'failed', tone: 'bad', heading: [account.title], summary: stoppedAfter(state), notices: [], account, word: 'Failed',
    ...(state.percent > 0 && { stoppedAt: state.rowsDone > 0 ? `at row ${count(state.rowsDone)}` : `in ${placeOf(state).toLowerCase()}` }),
    ...(state.stagedFile && { keptFile: [`The server keeps the file, ${unbroken(bytes(state.stagedFile.bytes))}, until ${unbroken(dayTime(state.stagedFile.until, now))}.`] }),
    details: { code: error.code, text: detailsText(state, error.code, error.detail) },
    announcement: `${FAILED[state.kind]}. ${account.title}. ${plain(account.safe)}`,
  }
}

const GONE: Record<OperationKind, { noun: string, where: string, again: string }> = {
  import: { noun: 'import', where: 'The Imports page lists every import this server has.', again: 'Start again' },
  backup: { noun: 'backup', where: 'The Backups page lists every backup this server has.', again: 'Back up again' },
  upload: { noun: 'upload', where: 'The Backups page lists every backup this server has.', again: 'Upload again' },
  restore: { noun: 'restore', where: 'The Backups page lists every backup this server has.', again: 'Show backups' },
}

function goneView(state: ProgressState, holdsFile: boolean): OutcomeView {
  const { noun, where, again } = GONE[state.kind]
  const account: FailureAccount = {
    title: `The server does not know this ${noun}`,
    happened: ['The server has no record of it. It may have begun on another server, or the server’s data was replaced since.'],
    safe: [`Asking for it changed nothing. ${where}`],
    advice: againAdvice(state, holdsFile),
    action: actionOf(again, state.kind === 'restore' ? 'backups' : 'retry', sendsFile(state.kind) && !holdsFile),
  }
  return {
    kind: 'gone', tone: 'bad', heading: [account.title], summary: [{ data: state.filename || state.sessionId }], notices: [], account, word: 'Failed',
    details: { code: 'SESSION_NOT_FOUND', text: detailsText(state, 'SESSION_NOT_FOUND', `The server does not know this ${noun}.`) },
    announcement: account.title,
  }
}

function againAdvice({ kind, filename }: ProgressState, holdsFile: boolean): Rich {
  if (!sendsFile(kind)) return ['See whether the page says what you expect.']
  if (holdsFile) return ['Start again with the same file.']
  return filename === '' ? ['Check the address, or import the file again.'] : ['Start again with ', { data: filename }, '. This tab no longer holds it, so choose it again.']
}

/** When it began is not known of what was over before this page heard of it. */
function stoppedAfter({ filename, startedAt, endedAt = startedAt }: ProgressState): Rich {
  return [...filename === '' ? [] : [{ data: filename }, ', '], endedAt > startedAt ? unbroken(`stopped after ${duration(endedAt - startedAt)}`) : 'stopped']
}

function detailsText(state: ProgressState, code: string, detail: string): string {
  const { kind, filename, table, number, phase, sessionId } = state
  const amount = stepAt(kind, phase).unit === 'pages' ? `${count(state.pagesDone)} pages` : `${count(state.rowsDone)} rows`
  const lines: [string, string][] = [
    ['code', code],
    ['detail', detail],
    [sendsFile(kind) ? 'file' : 'backup', filename],
    ...(table === undefined ? [] : [['table', table] as [string, string]]),
    ['step', `${phase}, ${Math.floor(currentFraction(state) * 100)}% of it, ${amount}`],
    [kind, `${number === undefined ? '' : `#${number}, `}${sessionId}`],
    ['time', new Date(state.endedAt ?? state.heardAt).toISOString()],
  ]
  return lines.map(([name, value]) => `${name.padEnd(8)}${value}`).join('\n')
}
