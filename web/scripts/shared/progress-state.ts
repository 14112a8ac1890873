/**
 * What this page knows of one operation, as a value. Every change is `(state, event) → state`, so it can be tested without
 * a page, a socket or a clock.
 *
 *   held → uploading ┐
 *          asked ────┴→ running → ended
 *                          ↑ what is followed from elsewhere starts here
 *
 * `ended` is final: whatever arrives later, in whatever order, changes nothing. The shown percentage never falls.
 */
import type {
  BackupMetadata, FailureInfo, ImportMetadata, ImportMode, ImportRecord, KeptFile, ProgressComplete, ProgressFailure, ProgressSnapshot, ProgressUpdate, Receipt,
  RestoreMetadata,
} from '../../../server/protocol.ts'
import { keepPace, secondsLeft, settleEta, startPace, type Pace, type ShownEta } from './eta.ts'
import { firstPhase, lastPhase, phaseIndex, stepAt, stepFraction, stepIndex, stepsOf, type OperationKind, type Phase } from './operation.ts'
import { measure, NO_SPEED, type Speed } from './speed.ts'

/** The bar holds here until the server reports the commit. */
const UNCOMMITTED_MAX = 99

/** What the server says on completion, each field where the operation has it. */
export type Completion = Partial<Receipt>
  & Pick<BackupMetadata, 'name' | 'bytes' | 'sha256' | 'tables' | 'rows'>
  & Pick<RestoreMetadata, 'safetyCopy'>

export type Outcome =
  | { readonly kind: 'completed', readonly receipt: Completion, readonly durationMs: number | undefined }
  | { readonly kind: 'failed' | 'cancelled', readonly error: FailureInfo }
  /** The server does not know the operation (any more). */
  | { readonly kind: 'gone' }

export interface ProgressState {
  readonly kind: OperationKind
  readonly sessionId: string
  /** Of the file that comes in, or of the backup that is made or restored; empty while it is not known. */
  readonly filename: string
  /** `held`: waits in this tab for one of its upload slots. `asked`: the server has not answered yet that it begins. */
  readonly stage: 'held' | 'uploading' | 'asked' | 'running' | 'ended'
  readonly phase: Phase
  /** Shown percentage of the whole, not rounded. */
  readonly percent: number
  readonly bytesDone: number
  readonly bytesTotal?: number | undefined
  /** Of the file, while it still arrives and the server brings its rows in already. */
  readonly bytesReceived?: number | undefined
  readonly rowsDone: number
  /** Known once every row has been counted. */
  readonly rowsTotal?: number | undefined
  readonly rowsRejected: number
  /** Present where the import can be resumed: what the server still has of its file. */
  readonly stagedFile?: KeptFile | undefined
  /** Pages of the database that the current step has dealt with. */
  readonly pagesDone: number
  readonly pagesTotal?: number | undefined
  readonly pageBytes?: number | undefined
  /** Of a restore: the name of the copy of what was there before, once that is kept. */
  readonly safetyCopy?: string | undefined
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
  /** The server goes on by itself: it has the whole file, or has agreed to begin. */
  | { type: 'accepted', table?: string | undefined, filename?: string | undefined }
  | { type: 'message', message: ProgressMessage }
  | { type: 'failed', error: FailureInfo }
  | { type: 'gone' }
  | { type: 'stopping', stopping: boolean }

export function newProgress(kind: OperationKind, sessionId: string, filename: string, at: number, more: Partial<ProgressState> = {}): ProgressState {
  return {
    kind, sessionId, filename, stage: 'running', phase: firstPhase(kind), percent: 0, bytesDone: 0, rowsDone: 0, rowsRejected: 0, pagesDone: 0, stopping: false,
    startedAt: at, heardAt: at, serverTime: 0, speed: NO_SPEED, pace: startPace(0, at), ...more,
  }
}

/** What the bar of an operation is drawn from. */
export type BarState = Pick<ProgressState, 'kind' | 'phase' | 'percent' | 'bytesDone' | 'bytesTotal' | 'bytesReceived'>

/** How far through one of its steps the operation is, 0 to 1. While a file arrives and its rows are brought in, two of them are under way. */
export function fractionOf({ kind, phase, percent, bytesDone, bytesTotal, bytesReceived }: BarState, step: number): number {
  if (bytesReceived === undefined || !bytesTotal) return stepFraction(kind, step, percent)
  const current = stepIndex(kind, phase)
  if (step === stepIndex(kind, 'upload')) return Math.min(1, bytesReceived / bytesTotal)
  if (step !== current) return step < current ? 1 : 0
  return phase === 'import' ? Math.min(1, bytesDone / bytesTotal) : 0
}

/** How far through its current step the operation is, 0 to 1. */
export const currentFraction = (state: BarState): number => fractionOf(state, stepIndex(state.kind, state.phase))

/** Whether nothing moves until its turn comes. */
export const isWaiting = ({ stage, queuePosition }: Pick<ProgressState, 'stage' | 'queuePosition'>): boolean => stage === 'held' || queuePosition !== undefined

/** Whether all of the file that is uploaded has left for the server. */
export const isAllSent = ({ bytesDone, bytesTotal, bytesReceived }: Pick<ProgressState, 'bytesDone' | 'bytesTotal' | 'bytesReceived'>): boolean =>
  bytesTotal !== undefined && (bytesReceived ?? bytesDone) >= bytesTotal

/** Share of the whole that the upload owns, in percent. */
const uploadShare = (kind: OperationKind): number => stepsOf(kind)[0]!.weight

export function advance(state: ProgressState, event: ProgressEvent, at: number): ProgressState {
  if (state.stage === 'ended') return state
  switch (event.type) {
    case 'upload': {
      // What the server says of the rows says more.
      if (state.phase !== 'upload') return state
      const fraction = event.total > 0 ? Math.min(1, event.loaded / event.total) : 0
      return move({ ...state, stage: 'uploading', heardAt: at }, at, {
        phase: 'upload', percent: fraction * uploadShare(state.kind), bytesDone: event.loaded, bytesTotal: event.total,
      })
    }
    case 'accepted':
      return {
        ...state, stage: 'running', heardAt: at, table: event.table ?? state.table, filename: event.filename ?? state.filename,
        bytesReceived: state.bytesTotal,
        ...state.stage === 'uploading' && state.phase === 'upload' && { percent: Math.max(state.percent, uploadShare(state.kind)), bytesDone: state.bytesTotal ?? state.bytesDone },
      }
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

/** What one message says about where the operation is. */
interface Move {
  phase: Phase
  percent: number
  bytesDone?: number | undefined
  bytesTotal?: number | undefined
  bytesReceived?: number | undefined
  rowsDone?: number | undefined
  pagesDone?: number | undefined
  pagesTotal?: number | undefined
  rowsPerSecond?: number | undefined
  etaSeconds?: number | undefined
}

function move(state: ProgressState, at: number, to: Move): ProgressState {
  const percent = Math.max(state.percent, Math.min(to.percent, UNCOMMITTED_MAX))
  const { kind } = state
  const step = stepAt(kind, to.phase)
  const fresh = step !== stepAt(kind, state.phase)
  const pace = fresh ? startPace(percent, at) : keepPace(state.pace, percent, at)
  // How fast one step goes says nothing of the next: a file that arrives, rows that are read, pages that are copied or checked.
  const eta = fresh && to.etaSeconds === undefined ? undefined : state.eta
  const bytesDone = to.bytesDone ?? (fresh ? 0 : state.bytesDone)
  const pagesDone = to.pagesDone ?? (fresh ? 0 : state.pagesDone)
  const rowsDone = to.rowsDone ?? state.rowsDone
  const bytesTotal = to.bytesTotal ?? state.bytesTotal
  const { bytesReceived } = to
  const speed = step.unit === undefined
    ? state.speed
    : measure(fresh ? NO_SPEED : state.speed, {
        at, amount: { bytes: bytesDone, rows: rowsDone, pages: pagesDone }[step.unit],
        x: currentFraction({ kind, phase: to.phase, percent, bytesDone, bytesTotal, bytesReceived }),
        rate: step.unit === 'rows' ? to.rowsPerSecond : undefined,
      })
  return {
    ...state, phase: to.phase, percent, bytesDone, bytesTotal, bytesReceived, rowsDone, pagesDone,
    pagesTotal: to.pagesTotal ?? (fresh ? undefined : state.pagesTotal), speed, pace,
    // The server tells none while rows are merged, and the small part of the bar that this has is no measure to tell one from.
    eta: to.phase === 'merge' ? undefined : settleEta(eta, to.etaSeconds ?? secondsLeft(pace), at),
  }
}

/** What the metadata of any kind may say. */
type AnyMetadata = Completion
  & Pick<ImportMetadata, 'filename' | 'table' | 'number' | 'mode' | 'bytesDone' | 'bytesTotal' | 'bytesReceived' | 'rowsDone' | 'rowsRejected' | 'rowsPerSecond' | 'etaSeconds' | 'queuePosition' | 'stagedFile'>
  & Pick<BackupMetadata, 'pagesDone' | 'pagesTotal' | 'pageBytes'>
  & { phase?: Phase, rowsTotal?: number }

function take(state: ProgressState, message: ProgressMessage, at: number): ProgressState {
  const metadata = message.metadata as AnyMetadata
  const { kind } = state
  const known: ProgressState = {
    ...state,
    filename: metadata.filename ?? metadata.name ?? state.filename,
    table: metadata.table ?? state.table,
    number: metadata.number ?? state.number,
    mode: metadata.mode ?? state.mode,
    rowsRejected: metadata.rowsRejected ?? state.rowsRejected,
    pageBytes: metadata.pageBytes ?? state.pageBytes,
    stagedFile: metadata.stagedFile,
    safetyCopy: metadata.safetyCopy ?? state.safetyCopy,
    heardAt: at,
  }
  if (message.status === 'completed') return { ...end(known, at, completed(message, metadata)), phase: lastPhase(kind), percent: 100, bytesReceived: undefined }
  if (message.status === 'error') {
    const error = message.error ?? { code: 'INTERNAL', detail: message.message }
    const reached = { ...known, ...figures(known, metadata), percent: Math.max(known.percent, Math.min(message.progress, UNCOMMITTED_MAX)) }
    return end(reached, at, { kind: error.code === 'CANCELLED' ? 'cancelled' : 'failed', error })
  }
  const phase = metadata.phase ?? known.phase
  // While this tab sends the file, its own count of the bytes is the truth.
  if (known.stage === 'uploading' && phase === 'upload') return known
  if (message.timestamp < known.serverTime || phaseIndex(kind, phase) < phaseIndex(kind, known.phase)) return known
  // What the server said of the upload may be heard after its answer that it has all of it.
  const isAll = isAllSent(known)
  const { bytesDone, bytesTotal } = phase === 'upload' && isAll ? known : metadata
  const bytesReceived = metadata.bytesReceived !== undefined && known.bytesReceived !== undefined && isAll ? bytesTotal : metadata.bytesReceived
  const moved = move(known, at, {
    phase, percent: message.progress, bytesDone, bytesTotal, bytesReceived, rowsDone: metadata.rowsDone,
    pagesDone: metadata.pagesDone, pagesTotal: metadata.pagesTotal, rowsPerSecond: metadata.rowsPerSecond, etaSeconds: metadata.etaSeconds,
  })
  const stage = known.stage === 'uploading' && metadata.bytesReceived !== undefined ? 'uploading' : 'running'
  return { ...moved, ...figures(known, metadata), stage, serverTime: message.timestamp, queuePosition: metadata.queuePosition }
}

/** The step a message speaks of, with what it counted. */
function figures(state: ProgressState, metadata: AnyMetadata): Pick<ProgressState, 'phase' | 'rowsDone' | 'rowsTotal'> {
  return {
    phase: metadata.phase ?? state.phase,
    rowsDone: metadata.rowsDone ?? state.rowsDone,
    rowsTotal: metadata.rowsTotal ?? state.rowsTotal,
  }
}

function completed(message: ProgressMessage, receipt: Completion): Outcome {
  return { kind: 'completed', receipt, durationMs: receipt.durationMs ?? ('duration' in message ? message.duration : undefined) }
}

/** An import of the history as the dialog shows it. One that still runs is only where the story begins. */
export function progressOfRecord(record: ImportRecord, at: number): ProgressState {
  const state = newProgress('import', record.sessionId, record.filename, record.startedAt, {
    table: record.table, number: record.number, mode: record.mode, rowsDone: record.rowsRead, rowsRejected: record.rowsRejected,
    bytesTotal: record.bytes, stagedFile: record.stagedFile, heardAt: at,
  })
  const endedAt = record.finishedAt ?? at
  if (record.status === 'completed') {
    return { ...end(state, endedAt, { kind: 'completed', receipt: record, durationMs: record.durationMs }), percent: 100, phase: lastPhase('import') }
  }
  if (record.status !== 'error') return state
  const error = record.error ?? { code: 'INTERNAL', detail: 'The server kept no reason.' }
  return end(state, endedAt, { kind: error.code === 'CANCELLED' ? 'cancelled' : 'failed', error })
}
