/**
 * What this page knows of one import, as a value. Every change is `(state, event) → state`, so it can be tested without a
 * page, a socket or a clock.
 *
 *   held → uploading → running → ended
 *                         ↑ an import followed from elsewhere starts here
 *
 * `ended` is final: whatever arrives later, in whatever order, changes nothing. The shown percentage never falls.
 */
import {
  PHASE_WEIGHTS, type FailureInfo, type ImportMetadata, type ImportMode, type ImportPhase, type ImportRecord, type ProgressComplete,
  type ProgressFailure, type ProgressSnapshot, type ProgressUpdate, type Receipt,
} from '../../../server/protocol.ts'
import { keepPace, secondsLeft, settleEta, startPace, type Pace, type ShownEta } from './eta.ts'
import { measure, NO_SPEED, type Speed } from './speed.ts'

/** The four segments of the bar. `merge` is drawn inside Finish. */
export const STEPS = ['upload', 'analyse', 'import', 'finish'] as const
export type Step = typeof STEPS[number]

export const stepOf = (phase: ImportPhase): Step => phase === 'merge' ? 'finish' : phase

/** Where each step begins on the bar, in percent. */
export const STEP_START: Record<Step, number> = {
  upload: 0,
  analyse: PHASE_WEIGHTS.upload,
  import: PHASE_WEIGHTS.upload + PHASE_WEIGHTS.analyse,
  finish: 100 - PHASE_WEIGHTS.finish,
}

/** The bar holds here until the server reports the commit. */
const UNCOMMITTED_MAX = 99

export type Outcome =
  | { readonly kind: 'completed', readonly receipt: Partial<Receipt>, readonly durationMs: number | undefined }
  | { readonly kind: 'failed' | 'cancelled', readonly error: FailureInfo }
  /** The server does not know the import (any more). */
  | { readonly kind: 'gone' }

export interface ProgressState {
  readonly sessionId: string
  readonly filename: string
  /** `held`: waits in this tab for one of its upload slots. */
  readonly stage: 'held' | 'uploading' | 'running' | 'ended'
  readonly phase: ImportPhase
  /** Shown percentage of the whole, not rounded. */
  readonly percent: number
  readonly bytesDone: number
  readonly bytesTotal?: number | undefined
  readonly rowsDone: number
  /** Known once every row has been counted. */
  readonly rowsTotal?: number | undefined
  readonly rowsRejected: number
  readonly table?: string | undefined
  readonly number?: number | undefined
  readonly mode?: ImportMode | undefined
  /** Imports ahead of this one while it waits its turn. */
  readonly queuePosition?: number | undefined
  /** The user asked to stop it and the outcome is not there yet. */
  readonly stopping: boolean
  readonly startedAt: number
  readonly endedAt?: number | undefined
  /** When anything about it was last heard, by this page's clock. */
  readonly heardAt: number
  /** The newest server timestamp taken in; older messages are dropped. */
  readonly serverTime: number
  readonly speed: Speed
  readonly pace: Pace
  readonly eta?: ShownEta | undefined
  readonly outcome?: Outcome | undefined
}

/** Anything the server says of a session, by socket or HTTP. */
export type ProgressMessage = ProgressSnapshot | ProgressUpdate | ProgressComplete | ProgressFailure

export type ProgressEvent =
  | { type: 'upload', loaded: number, total: number }
  /** The server has the whole file. */
  | { type: 'received', table?: string | undefined }
  | { type: 'message', message: ProgressMessage }
  | { type: 'failed', error: FailureInfo }
  | { type: 'gone' }
  | { type: 'stopping', stopping: boolean }

export function newProgress(sessionId: string, filename: string, at: number, more: Partial<ProgressState> = {}): ProgressState {
  return {
    sessionId, filename, stage: 'running', phase: 'upload', percent: 0, bytesDone: 0, rowsDone: 0, rowsRejected: 0, stopping: false,
    startedAt: at, heardAt: at, serverTime: 0, speed: NO_SPEED, pace: startPace(0, at), ...more,
  }
}

/** How far through its current step the import is, 0 to 1. */
export function stepFraction(percent: number, step: Step): number {
  return Math.min(1, Math.max(0, (percent - STEP_START[step]) / PHASE_WEIGHTS[step]))
}

export function advance(state: ProgressState, event: ProgressEvent, at: number): ProgressState {
  if (state.stage === 'ended') return state
  switch (event.type) {
    case 'upload': {
      const fraction = event.total > 0 ? Math.min(1, event.loaded / event.total) : 0
      return move({ ...state, stage: 'uploading', heardAt: at }, at, {
        phase: 'upload', percent: fraction * PHASE_WEIGHTS.upload, bytesDone: event.loaded, bytesTotal: event.total,
      })
    }
    case 'received':
      return { ...state, stage: 'running', heardAt: at, table: event.table ?? state.table, percent: Math.max(state.percent, PHASE_WEIGHTS.upload) }
    case 'message':
      return take(state, event.message, at)
    case 'failed':
      return end(state, at, { kind: event.error.code === 'CANCELLED' ? 'cancelled' : 'failed', error: event.error })
    case 'gone':
      return end(state, at, { kind: 'gone' })
    case 'stopping':
      return { ...state, stopping: event.stopping }
  }
}

function end(state: ProgressState, at: number, outcome: Outcome): ProgressState {
  return { ...state, stage: 'ended', outcome, endedAt: at, heardAt: at, stopping: false, queuePosition: undefined, eta: undefined }
}

/** What one message says about where the import is. */
interface Move {
  phase: ImportPhase
  percent: number
  bytesDone?: number | undefined
  bytesTotal?: number | undefined
  rowsDone?: number | undefined
  rowsPerSecond?: number | undefined
  etaSeconds?: number | undefined
}

function move(state: ProgressState, at: number, to: Move): ProgressState {
  const percent = Math.max(state.percent, Math.min(to.percent, UNCOMMITTED_MAX))
  const fresh = stepOf(to.phase) !== stepOf(state.phase)
  const pace = fresh ? startPace(percent, at) : keepPace(state.pace, percent, at)
  const bytesDone = to.bytesDone ?? (fresh ? 0 : state.bytesDone)
  const rowsDone = to.rowsDone ?? state.rowsDone
  const inRows = to.phase === 'import'
  // What Finish does is neither bytes nor rows: the speed of Import stays on show.
  const speed = stepOf(to.phase) === 'finish'
    ? state.speed
    : measure(fresh ? NO_SPEED : state.speed, {
        at, amount: inRows ? rowsDone : bytesDone, x: stepFraction(percent, stepOf(to.phase)), rate: inRows ? to.rowsPerSecond : undefined,
      })
  return {
    ...state, phase: to.phase, percent, bytesDone, bytesTotal: to.bytesTotal ?? state.bytesTotal, rowsDone, speed, pace,
    eta: settleEta(state.eta, to.etaSeconds ?? secondsLeft(pace), at),
  }
}

const PHASE_ORDER: readonly ImportPhase[] = ['upload', 'analyse', 'import', 'merge', 'finish']

function take(state: ProgressState, message: ProgressMessage, at: number): ProgressState {
  const metadata = message.metadata as ImportMetadata
  const known: ProgressState = {
    ...state,
    filename: metadata.filename ?? state.filename,
    table: metadata.table ?? state.table,
    number: metadata.number ?? state.number,
    mode: metadata.mode ?? state.mode,
    rowsRejected: metadata.rowsRejected ?? state.rowsRejected,
    heardAt: at,
  }
  if (message.status === 'completed') return { ...end(known, at, completed(message, metadata)), phase: 'finish', percent: 100 }
  if (message.status === 'error') {
    const error = message.error ?? { code: 'INTERNAL', detail: message.message }
    const reached = { ...known, ...figures(known, metadata), percent: Math.max(known.percent, Math.min(message.progress, UNCOMMITTED_MAX)) }
    return end(reached, at, { kind: error.code === 'CANCELLED' ? 'cancelled' : 'failed', error })
  }
  const phase = metadata.phase ?? known.phase
  // While this tab sends the file, its own count of the bytes is the truth.
  if (known.stage === 'uploading' && phase === 'upload') return known
  if (message.timestamp < known.serverTime || PHASE_ORDER.indexOf(phase) < PHASE_ORDER.indexOf(known.phase)) return known
  const moved = move(known, at, {
    phase, percent: message.progress, bytesDone: metadata.bytesDone, bytesTotal: metadata.bytesTotal, rowsDone: metadata.rowsDone,
    rowsPerSecond: metadata.rowsPerSecond, etaSeconds: metadata.etaSeconds,
  })
  return { ...moved, ...figures(known, metadata), stage: 'running', serverTime: message.timestamp, queuePosition: metadata.queuePosition }
}

/** The step a message speaks of, with what it counted. */
function figures(state: ProgressState, metadata: ImportMetadata): Pick<ProgressState, 'phase' | 'rowsDone' | 'rowsTotal'> {
  const total = metadata['rowsTotal']
  return {
    phase: metadata.phase ?? state.phase,
    rowsDone: metadata.rowsDone ?? state.rowsDone,
    rowsTotal: typeof total === 'number' ? total : state.rowsTotal,
  }
}

function completed(message: ProgressMessage, receipt: Partial<Receipt>): Outcome {
  return { kind: 'completed', receipt, durationMs: receipt.durationMs ?? ('duration' in message ? message.duration : undefined) }
}

/** An import of the history as the dialog shows it. One that still runs is only where the story begins. */
export function progressOfRecord(record: ImportRecord, at: number): ProgressState {
  const state = newProgress(record.sessionId, record.filename, record.startedAt, {
    table: record.table, number: record.number, mode: record.mode, rowsDone: record.rowsRead, rowsRejected: record.rowsRejected,
    bytesTotal: record.bytes, heardAt: at,
  })
  const endedAt = record.finishedAt ?? at
  if (record.status === 'completed') {
    return { ...end(state, endedAt, { kind: 'completed', receipt: record, durationMs: record.durationMs }), percent: 100, phase: 'finish' }
  }
  if (record.status !== 'error') return state
  const error = record.error ?? { code: 'INTERNAL', detail: 'The server kept no reason.' }
  return end(state, endedAt, { kind: error.code === 'CANCELLED' ? 'cancelled' : 'failed', error })
}
