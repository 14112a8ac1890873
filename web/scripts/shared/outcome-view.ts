/** How an ended import reads in the dialog. Pure. */
import { api } from './api.ts'
import { explainFailure, type FailureAccount } from './failures.ts'
import { clock, count, duration } from './format.ts'
import { STEPS, stepFraction, stepOf, type Outcome, type ProgressState } from './progress-state.ts'
import { cancelledLedger, receiptLedger, type Ledger } from './receipt.ts'
import { plain, say, type Rich } from './rich.ts'

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
  /** Where a failed import stopped, for the bar. */
  stoppedAt?: string
  details?: { code: string, text: string }
  note?: Rich
  /** The table to open. */
  table?: string
  /** For the window title. */
  word: 'Done' | 'Failed' | 'Cancelled'
  /** Spoken once. */
  announcement: string
}

export function outcomeView(state: ProgressState, outcome: Outcome, holdsFile: boolean): OutcomeView {
  switch (outcome.kind) {
    case 'completed': return completedView(state, outcome)
    case 'cancelled': return cancelledView(state)
    case 'gone': return goneView(state, holdsFile)
    case 'failed': return failedView(state, outcome, holdsFile)
  }
}

function completedView(state: ProgressState, { receipt, durationMs }: Extract<Outcome, { kind: 'completed' }>): OutcomeView {
  const table = receipt.table ?? state.table
  const ledger = receiptLedger(receipt, state.mode, api.rejectsUrl(state.sessionId))
  const { rowsRejected = 0, rowsRead = 0, rowsPerSecond = 0 } = receipt
  const adds = ledger.total?.check.adds !== false
  const took = durationMs === undefined ? [] : [duration(durationMs)]
  const rate = rowsPerSecond > 0 ? [`${count(rowsPerSecond)} rows/s while importing`] : []
  const fitted = rowsRejected === 0 && rowsRead > 0 ? ['every row fitted'] : []
  const heading: Rich = table === undefined ? ['Import completed'] : (state.mode ?? 'create') === 'create' ? say`Created ${table}` : say`Imported into ${table}`
  return {
    kind: 'completed', tone: adds ? 'ok' : 'bad', heading, ledger, notices: receipt.notices ?? [], word: 'Done',
    summary: [{ data: state.filename }, ...[...took, ...(rate.length > 0 ? rate : fitted)].map((text) => `, ${text}`)],
    ...(table !== undefined && { table }),
    announcement: `${plain(heading)}. ${count(rowsRead - rowsRejected)} rows in, ${count(rowsRejected)} rejected.`,
  }
}

function cancelledView(state: ProgressState): OutcomeView {
  const safe = (state.mode ?? 'create') === 'create' || state.table === undefined
    ? ['No table was created or changed.']
    : say`${state.table} is exactly as it was.`
  return {
    kind: 'cancelled', tone: 'off', heading: ['Import cancelled'], summary: stoppedAfter(state), notices: [], word: 'Cancelled',
    ...(state.rowsDone > 0 && { ledger: cancelledLedger(state) }), note: safe, announcement: 'Import cancelled. Nothing was kept.',
  }
}

function failedView(state: ProgressState, { error }: Extract<Outcome, { kind: 'failed' | 'cancelled' }>, holdsFile: boolean): OutcomeView {
  const account = explainFailure(error, { ...state, holdsFile })
  return {
    kind: 'failed', tone: 'bad', heading: [account.title], summary: stoppedAfter(state), notices: [], account, word: 'Failed',
    stoppedAt: state.rowsDone > 0 ? `at row ${count(state.rowsDone)}` : `in step ${STEPS.indexOf(stepOf(state.phase)) + 1} of 4`,
    details: { code: error.code, text: detailsText(state, error.code, error.detail) },
    announcement: `Import failed. ${account.title}. ${plain(account.safe)}`,
  }
}

function goneView(state: ProgressState, holdsFile: boolean): OutcomeView {
  const account: FailureAccount = {
    title: 'The server does not know this import',
    happened: ['The server has no record of it. It may have begun on another server, or the server’s data was replaced since.'],
    safe: ['Asking for it changed nothing. The Imports page lists every import this server has.'],
    advice: againAdvice(state.filename, holdsFile),
    action: { label: 'Start again', remedy: 'upload', chooses: !holdsFile },
  }
  return {
    kind: 'gone', tone: 'bad', heading: [account.title], summary: [{ data: state.filename || state.sessionId }], notices: [], account, word: 'Failed',
    details: { code: 'SESSION_NOT_FOUND', text: detailsText(state, 'SESSION_NOT_FOUND', 'The server does not know this import.') },
    announcement: account.title,
  }
}

function againAdvice(filename: string, holdsFile: boolean): Rich {
  if (holdsFile) return ['Start again with the same file.']
  return filename === '' ? ['Check the address, or import the file again.'] : ['Start again with ', { data: filename }, '. This tab no longer holds it, so choose it again.']
}

const stoppedAfter = (state: ProgressState): Rich => [{ data: state.filename }, `, stopped after ${clock((state.endedAt ?? state.heardAt) - state.startedAt)}`]

function detailsText(state: ProgressState, code: string, detail: string): string {
  const step = stepOf(state.phase)
  const lines: [string, string][] = [
    ['code', code],
    ['detail', detail],
    ['file', state.filename],
    ...(state.table === undefined ? [] : [['table', state.table] as [string, string]]),
    ['step', `${state.phase}, ${Math.floor(stepFraction(state.percent, step) * 100)}% of it, ${count(state.rowsDone)} rows`],
    ['import', `${state.number === undefined ? '' : `#${state.number}, `}${state.sessionId}`],
    ['time', new Date(state.endedAt ?? state.heardAt).toISOString()],
  ]
  return lines.map(([name, value]) => `${name.padEnd(8)}${value}`).join('\n')
}
