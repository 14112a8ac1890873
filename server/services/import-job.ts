import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { failImport, getImport, insertImport, keepsFile, type ImportStart } from '../db/imports-store.ts'
import { Fault } from '../faults.ts'
import {
  PHASE_WEIGHTS, type FailureInfo, type ImportMetadata, type ImportTarget, type ImportPhase, type ProgressSnapshot, type Receipt,
} from '../protocol.ts'
import type { ProgressTracker } from '../tracker.ts'
import { CANCELLED, Control, INTERRUPTED } from '../workers/control.ts'
import { Arrival } from '../workers/arrival.ts'
import type { ArrivedFile, ImportOptions, ImportPlan, ImportProgress, ImportQuestion, ImportResult } from '../workers/messages.ts'
import { OverallPercent, Rate, segmentOf, TimeLeft } from './progress-arithmetic.ts'
import { runThread } from './work-thread.ts'
import type { DataChanged } from './data-changed.ts'
import type { DatabaseFile } from './database-file.ts'
import type { MainWriter } from './main-writer.ts'
import type { ImportMetrics } from './metrics.ts'
import type { WriteTurns } from './write-turns.ts'

/** Where jobs live and what they share. */
export interface JobContext {
  databasePath: string
  file: DatabaseFile
  /** Takes back what a thread that died has left of an import. */
  clearUp: (importNumber: number) => Promise<void>
  busyTimeoutMs: number
  maxRowLength: number
  maxUndoBytes: number
  /** How long the file of an import that can be resumed is kept. */
  keepInterruptedMs: number
  tracker: ProgressTracker
  writer: MainWriter
  turns: WriteTurns
  onDataChanged: DataChanged
  metrics: ImportMetrics
  logger: Logger
}

/** A file that has arrived whole. */
export interface StagedFile extends ArrivedFile {
  path: string
}

const MESSAGES: Record<ImportPhase, string> = {
  upload: 'Uploading',
  analyse: 'Analysing the file',
  import: 'Importing rows',
  merge: 'Merging rows',
  finish: 'Finishing',
}

/** How long a failure waits for another program's lock, ms; until it has reached the database the job itself remembers it. */
const OUTCOME_PATIENCE_MS = 24 * 3600_000

/** Pauses between two tries to save one, ms, each twice as long as the one before: the disk may be full just now, or for long. */
const FIRST_SAVE_PAUSE_MS = 1000
const LONGEST_SAVE_PAUSE_MS = 60_000

/**
 * One import from the first byte of its upload to its outcome: the only place that knows its thread, its session
 * and its durable record.
 */
export class ImportJob {
  readonly id: string
  readonly start: ImportStart
  /** Aborts the upload where the import ends before it. */
  readonly uploadSignal: AbortSignal
  readonly #context: JobContext
  readonly #control = new Control('import')
  readonly #abortUpload = new AbortController()
  readonly #percent = new OverallPercent(PHASE_WEIGHTS)
  readonly #rowRate = new Rate()
  readonly #recorded: Promise<number>
  #options: ImportOptions
  #table: string
  #number: number | undefined
  #timeLeft: TimeLeft | undefined
  #rowsRead = 0
  /** Of the file, where all of it is there. */
  #fileBytes: number | undefined
  /** Bytes that have come, and are expected. */
  #upload: { bytesDone: number, bytesTotal?: number | undefined } = { bytesDone: 0 }
  /** What the thread reads of a file that still arrives. */
  #arrival: Arrival | undefined
  readonly #arrived = Promise.withResolvers<ArrivedFile>()
  /** What the thread said last. */
  #told: ImportProgress | undefined
  #hasThread = false
  #left: Promise<void> | undefined
  #isEnded = false
  #keepsFile = false
  #keepAgain: (() => boolean) | undefined
  #outcome: ProgressSnapshot | undefined
  #saved: Promise<void> = Promise.resolve()

  constructor(context: JobContext, start: ImportStart, options: ImportOptions) {
    this.#context = context
    this.id = start.sessionId
    this.start = start
    this.#options = options
    this.#table = start.table
    this.uploadSignal = this.#abortUpload.signal
    context.tracker.createSessionWithId(start.sessionId, {
      operation: 'csv-import', filename: start.filename, table: start.table, mode: start.mode, totalSteps: this.#percent.totalSteps,
      ...(start.resumes !== undefined && { resumes: start.resumes }),
    } satisfies ImportMetadata)
    this.#arrived.promise.catch(() => undefined)
    this.#recorded = context.writer.run((db) => insertImport(db, start))
    this.#recorded.then((number) => {
      this.#number = number
      this.#context.logger.info({ import: number, table: start.table }, 'import started')
      this.#context.onDataChanged({ reason: 'history' })
    }, (error: unknown) => this.fail(error))
  }

  /** The table that its rows go to. */
  get table(): string {
    return this.#table
  }

  /** Send its rows elsewhere than was asked for, because the file itself says so. */
  retarget({ table, mode, key }: ImportTarget): void {
    this.#table = table
    this.#options = { ...this.#options, table, mode, key }
    this.#update('upload', 0, MESSAGES.upload, { table, mode })
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether it ended in a way that keeps its file, so that it can be resumed. */
  get keepsFile(): boolean {
    return this.#keepsFile
  }

  /** The outcome while the database does not hold it yet. */
  get unsavedOutcome(): ProgressSnapshot | undefined {
    return this.#outcome
  }

  /** Settles when the database holds the outcome, where there is one. */
  get saved(): Promise<void> {
    return this.#saved
  }

  /** @param bytesTotal undefined where the client did not say */
  reportUpload(bytesDone: number, bytesTotal: number | undefined): void {
    this.#upload = { bytesDone, bytesTotal }
    if (this.#told) return this.#reportThread(this.#told)
    const message = this.start.resumes === undefined ? MESSAGES.upload : 'Checking the file that was kept'
    this.#update('upload', bytesTotal ? bytesDone / bytesTotal : 0, message, {
      bytesDone, ...(bytesTotal !== undefined && { bytesTotal }),
    })
  }

  /** Its file is there, whole: from now on it can be resumed where the server stops. @param bytes of the file */
  hasFile(bytes: number): void {
    this.#fileBytes = bytes
  }

  /** Its file is one that was kept. @param keepAgain has it kept once more; false where that cannot be noted */
  hasKeptFile(bytes: number, keepAgain: () => boolean): void {
    this.hasFile(bytes)
    this.#keepAgain = keepAgain
  }

  /** @param ahead imports that run or wait before this one */
  reportWaiting(ahead: number, bytesTotal: number): void {
    if (this.#told) return
    this.#update('upload', 1, 'Waiting its turn', { queuePosition: ahead, bytesDone: bytesTotal, bytesTotal })
  }

  /**
   * Begin to bring a file's rows in while it still arrives. Nobody sees them before `run`.
   * @param bytes that can be read by now
   * @returns when nothing of the import's threads is left
   */
  runEarly(path: string, bytes: number): Promise<void> {
    this.#arrival = new Arrival()
    this.#arrival.advance(bytes)
    return this.#left = this.#runThread(path, true)
  }

  /** More of a file that `runEarly` was called for can be read. @param isWhole whether it is all of it */
  advance(bytes: number, isWhole: boolean): void {
    if (isWhole) this.#arrival?.end(bytes)
    else this.#arrival?.advance(bytes)
  }

  /**
   * Bring a file that has arrived whole into the database.
   * @param readsBeside whether a second thread may read the file while the first one writes
   * @returns when nothing of the import's threads is left
   */
  run(file: StagedFile, readsBeside: boolean): Promise<void> {
    const { path, ...arrived } = file
    this.#arrived.resolve(arrived)
    return this.#left ??= this.#runThread(path, readsBeside)
  }

  async #runThread(filePath: string, readsBeside: boolean): Promise<void> {
    let number: number
    try {
      number = await this.#recorded
    } catch {
      return
    }
    if (this.#isEnded) return
    const { databasePath, busyTimeoutMs, maxRowLength, maxUndoBytes, turns } = this.#context
    const plan: ImportPlan = {
      sessionId: this.id, number, databasePath, filePath, ...(this.#arrival && { arrival: this.#arrival.buffer }), readsBeside,
      // An earlier import with the same file may still clear up.
      imagePath: `${filePath}.${number}.rows`,
      table: this.table, options: this.#options, resumes: this.start.resumes,
      startedAt: this.start.startedAt, busyTimeoutMs, maxRowLength, maxUndoBytes, control: this.#control.buffer,
    }
    this.#hasThread = true
    const hasClearedUp = await runThread<ImportProgress, ImportResult, ImportQuestion>('import-worker', plan, turns, {
      onProgress: (progress) => {
        this.#told = progress
        this.#reportThread(progress)
      },
      onOutcome: (outcome) => {
        if (outcome instanceof Fault) this.#end(outcome)
        else this.#complete(outcome.receipt, outcome.message)
      },
      onQuestion: () => this.#arrived.promise,
    })
    if (hasClearedUp) return
    try {
      await rm(plan.imagePath, { force: true })
      await this.#context.clearUp(number)
    } catch (error) {
      this.#context.logger.error({ import: number, cause: error }, 'what a thread that died has left could not be cleared up; the next start does it')
    }
  }

  /** End it at the person's wish. @throws Fault ALREADY_FINISHED where it has ended or is committing */
  cancel(): void {
    this.#stop(CANCELLED)
  }

  /** End it because the server stops. An import that is committing completes. */
  interrupt(): void {
    try {
      this.#stop(INTERRUPTED)
    } catch {
      // It has ended, or is about to complete.
    }
  }

  #stop(reason: typeof CANCELLED | typeof INTERRUPTED): void {
    if (this.#isEnded || !this.#control.stop(reason)) {
      throw new Fault('ALREADY_FINISHED', 'The import has already finished. It can no longer be cancelled.')
    }
    this.fail(this.#control.stopFault())
  }

  /** End without success, for whatever was thrown. Where it has a thread already, that takes back first what it has written. */
  fail(thrown: unknown): void {
    const fault = Fault.from(thrown)
    if (this.#hasThread) this.#arrived.reject(fault)
    else this.#end(fault)
  }

  #end(fault: Fault): void {
    if (this.#isEnded) return
    const { tracker, writer, logger } = this.#context
    // A thread can die between its commit and its last word.
    const record = fault.code === 'INTERNAL' ? getImport(writer.db, this.id) : null
    if (record?.status === 'completed') return this.#complete(record as unknown as Receipt, `Imported ${record.rowsInserted} rows into ${record.table}`)
    this.#isEnded = true
    this.#keepsFile = this.#fileBytes !== undefined && keepsFile(fault.code, this.start.resumes)
    this.#abortUpload.abort(fault)
    const level = fault.code === 'INTERNAL' ? 'error' : 'info'
    logger[level]({ import: this.#number, code: fault.code, ...(fault.cause !== undefined && { cause: fault.cause }) }, 'import ended without success')

    const finishedAt = Date.now()
    // Whoever hears of an interruption hears nothing more before the next start, which notes it.
    const isOffered = this.#keepsFile && (fault.code === 'INTERRUPTED' || this.#keepAgain?.() === true)
    const stagedFile = isOffered && { bytes: this.#fileBytes!, until: finishedAt + this.#context.keepInterruptedMs }
    if (stagedFile) tracker.updateProgress(this.id, NaN, undefined, { stagedFile })
    const session = tracker.getSession(this.id)
    const error: FailureInfo = { code: fault.code, detail: fault.message, ...(fault.line !== undefined && { line: fault.line }) }
    this.#context.metrics.importFailed(fault.code)
    tracker.errorSession(this.id, fault.message, error)
    this.#outcome = {
      sessionId: this.id, progress: session?.progress ?? 0, status: 'error', message: fault.message,
      metadata: { ...session?.metadata, operation: 'csv-import', message: fault.message }, timestamp: finishedAt, error,
    }
    this.#context.onDataChanged({ reason: 'history' })
    this.#saved = this.#saveFailure({
      sessionId: this.id, error, message: fault.message, progress: session?.progress ?? 0, rowsRead: this.#rowsRead, finishedAt,
    })
  }

  async #saveFailure(failure: Parameters<typeof failImport>[1]): Promise<void> {
    const isRecorded = await this.#recorded.then(() => true, () => false)
    const { writer, logger } = this.#context
    for (let pauseMs = FIRST_SAVE_PAUSE_MS; ; pauseMs = Math.min(LONGEST_SAVE_PAUSE_MS, 2 * pauseMs)) {
      try {
        await writer.run((db) => {
          if (!isRecorded) insertImport(db, this.start)
          failImport(db, failure)
        }, OUTCOME_PATIENCE_MS)
        this.#outcome = undefined
        if (pauseMs > FIRST_SAVE_PAUSE_MS) logger.info({ import: this.#number }, 'the outcome of an import is saved')
        return
      } catch (error) {
        if (pauseMs === FIRST_SAVE_PAUSE_MS) logger.error({ import: this.#number, cause: error }, 'the outcome of an import could not be saved yet')
        // The next start says INTERRUPTED.
        if (!writer.db.open) return
        await sleep(pauseMs, undefined, { ref: false })
      }
    }
  }

  #complete(receipt: Receipt, message: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#context.logger.info({ import: this.#number, rows: receipt.rowsRead, durationMs: receipt.durationMs }, 'import completed')
    this.#context.metrics.importCompleted(receipt)
    // First those who wait for it: telling all others may take a while.
    this.#context.tracker.completeSession(this.id, message, { ...receipt, ...this.#numbered(), phase: 'finish', rowsDone: receipt.rowsRead, etaSeconds: 0 })
    this.#context.onDataChanged({ reason: 'import', table: receipt.table })
  }

  #reportThread({ phase, bytesDone, rowsDone, rowsRejected, ...told }: ImportProgress): void {
    this.#rowsRead = rowsDone
    const now = performance.now()
    const bytesTotal = this.#fileBytes ?? this.#upload.bytesTotal!
    const isArriving = this.#fileBytes === undefined
    const metadata: Record<keyof ImportMetadata, unknown> = {
      bytesDone, bytesTotal, bytesReceived: isArriving ? this.#upload.bytesDone : undefined, rowsDone, rowsRejected,
      // What was told of the import says nothing of what comes after it.
      ...(phase !== 'import' && { etaSeconds: undefined }),
    }
    const fraction = told.fraction ?? bytesDone / bytesTotal
    if (phase === 'import') {
      this.#rowRate.measure(rowsDone, now)
      this.#timeLeft ??= new TimeLeft(bytesTotal)
      const etaSeconds = this.#timeLeft.measure(bytesDone, now)
      if (this.#rowRate.perSecond !== undefined) metadata.rowsPerSecond = Math.round(this.#rowRate.perSecond)
      if (etaSeconds !== undefined) metadata.etaSeconds = Math.round(etaSeconds * 10) / 10
    }
    this.#update(phase, fraction, MESSAGES[phase], metadata, isArriving ? { upload: this.#upload.bytesDone / bytesTotal } : {})
  }

  #update(phase: ImportPhase, fraction: number, message: string, metadata: Record<string, unknown>, unfinished: { upload?: number } = {}): void {
    this.#context.tracker.updateProgress(this.id, this.#percent.at(segmentOf(phase), fraction, unfinished), message, {
      ...this.#numbered(), phase, currentStep: this.#percent.stepOf(segmentOf(phase)), queuePosition: undefined, ...metadata,
    })
  }

  #numbered(): { number?: number } {
    return this.#number === undefined ? {} : { number: this.#number }
  }
}
