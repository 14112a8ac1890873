import { rm } from 'node:fs/promises'
import type { Logger } from 'pino'
import { failImport, getImport, insertImport, type ImportStart } from '../db/imports-store.ts'
import { Fault } from '../faults.ts'
import {
  PHASE_WEIGHTS, type FailureInfo, type ImportMetadata, type ImportTarget, type ImportPhase, type ProgressSnapshot, type Receipt,
} from '../protocol.ts'
import type { ProgressTracker } from '../tracker.ts'
import { CANCELLED, Control, INTERRUPTED } from '../workers/control.ts'
import type { ImportOptions, ImportPlan, ImportProgress, ImportResult } from '../workers/messages.ts'
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
  /** How long the file of an interrupted import is kept. */
  keepInterruptedMs: number
  tracker: ProgressTracker
  writer: MainWriter
  turns: WriteTurns
  onDataChanged: DataChanged
  metrics: ImportMetrics
  logger: Logger
}

/** A file that has arrived whole. */
export interface StagedFile {
  path: string
  bytes: number
  /** Of the bytes, lower-case hex. */
  sha256: string
  /** Of its first MiB. */
  headSha256: string
  /** How many bytes at its beginning are ASCII. */
  asciiBytes: number
}

const MESSAGES: Record<ImportPhase, string> = {
  upload: 'Uploading',
  analyse: 'Analysing the file',
  import: 'Importing rows',
  merge: 'Merging rows',
  finish: 'Finishing',
}

/** From how many bytes on a thread that reads the file while another one writes pays for its start. */
const READ_BESIDE_BYTES = 4 * 2 ** 20

/** How long a failure keeps trying to reach the database, ms; until then the job itself remembers it. */
const OUTCOME_PATIENCE_MS = 24 * 3600_000

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
  #fileBytes: number | undefined
  #isEnded = false
  #isInterrupted = false
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
    this.#recorded = context.writer.run((db) => insertImport(db, start))
    this.#recorded.then((number) => {
      this.#number = number
      this.#context.logger.info({ import: number, table: start.table }, 'import started')
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

  /** Whether it ended because the server stops, and so can be resumed. */
  get isInterrupted(): boolean {
    return this.#isInterrupted
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
    const message = this.start.resumes === undefined ? MESSAGES.upload : 'Checking the file that was kept'
    this.#update('upload', bytesTotal ? bytesDone / bytesTotal : 0, message, {
      bytesDone, ...(bytesTotal !== undefined && { bytesTotal }),
    })
  }

  /** Its file is there, whole: from now on it can be resumed where the server stops. @param bytes of the file */
  hasFile(bytes: number): void {
    this.#fileBytes = bytes
  }

  /** @param ahead imports that run or wait before this one */
  reportWaiting(ahead: number, bytesTotal: number): void {
    this.#update('upload', 1, 'Waiting its turn', { queuePosition: ahead, bytesDone: bytesTotal, bytesTotal })
  }

  /**
   * Bring the staged file into the database.
   * @param readsBeside whether a second thread may read the file while the first one writes
   * @returns when nothing of the import's threads is left
   */
  async run(file: StagedFile, readsBeside: boolean): Promise<void> {
    let number: number
    try {
      number = await this.#recorded
    } catch {
      return
    }
    if (this.#isEnded) return
    const { databasePath, busyTimeoutMs, maxRowLength, maxUndoBytes, turns } = this.#context
    this.#timeLeft = new TimeLeft(file.bytes)
    const plan: ImportPlan = {
      sessionId: this.id, number, databasePath, filePath: file.path, readsBeside: readsBeside && file.bytes >= READ_BESIDE_BYTES, imagePath: `${file.path}.rows`,
      fileBytes: file.bytes, sha256: file.sha256, headSha256: file.headSha256,
      asciiBytes: file.asciiBytes, table: this.table, options: this.#options, startedAt: this.start.startedAt,
      busyTimeoutMs, maxRowLength, maxUndoBytes, control: this.#control.buffer,
    }
    const hasClearedUp = await runThread<ImportProgress, ImportResult>('import-worker', plan, turns, {
      onProgress: (progress) => this.#reportThread(progress, file.bytes),
      onOutcome: (outcome) => {
        if (outcome instanceof Fault) this.fail(outcome)
        else this.#complete(outcome.receipt, outcome.message)
      },
    })
    if (hasClearedUp) return
    await rm(plan.imagePath, { force: true })
    try {
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
    // Without a thread nobody else will say so.
    if (!this.#timeLeft) this.fail(this.#control.stopFault())
  }

  /** End without success, for whatever was thrown. */
  fail(thrown: unknown): void {
    if (this.#isEnded) return
    const fault = Fault.from(thrown)
    const { tracker, writer, logger } = this.#context
    // A thread can die between its commit and its last word.
    const record = fault.code === 'INTERNAL' ? getImport(writer.db, this.id) : null
    if (record?.status === 'completed') return this.#complete(record as unknown as Receipt, `Imported ${record.rowsInserted} rows into ${record.table}`)
    this.#isEnded = true
    this.#isInterrupted = fault.code === 'INTERRUPTED'
    this.#abortUpload.abort(fault)
    const level = fault.code === 'INTERNAL' ? 'error' : 'info'
    logger[level]({ import: this.#number, code: fault.code, ...(fault.cause !== undefined && { cause: fault.cause }) }, 'import ended without success')

    const finishedAt = Date.now()
    // Whoever hears of it now hears nothing more before the next start.
    const stagedFile = this.#isInterrupted && this.#fileBytes !== undefined && { bytes: this.#fileBytes, until: finishedAt + this.#context.keepInterruptedMs }
    if (stagedFile) tracker.updateProgress(this.id, NaN, undefined, { stagedFile })
    const session = tracker.getSession(this.id)
    const error: FailureInfo = { code: fault.code, detail: fault.message, ...(fault.line !== undefined && { line: fault.line }) }
    this.#context.metrics.importFailed(fault.code)
    tracker.errorSession(this.id, fault.message, error)
    this.#outcome = {
      sessionId: this.id, progress: session?.progress ?? 0, status: 'error', message: fault.message,
      metadata: { ...session?.metadata, operation: 'csv-import', message: fault.message }, timestamp: finishedAt, error,
    }
    this.#saved = this.#saveFailure({
      sessionId: this.id, error, message: fault.message, progress: session?.progress ?? 0, rowsRead: this.#rowsRead, finishedAt,
    })
  }

  async #saveFailure(failure: Parameters<typeof failImport>[1]): Promise<void> {
    const isRecorded = await this.#recorded.then(() => true, () => false)
    try {
      await this.#context.writer.run((db) => {
        if (!isRecorded) insertImport(db, this.start)
        failImport(db, failure)
      }, OUTCOME_PATIENCE_MS)
      this.#outcome = undefined
    } catch (error) {
      this.#context.logger.error({ import: this.#number, cause: error }, 'the outcome of an import could not be saved')
    }
  }

  #complete(receipt: Receipt, message: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#context.logger.info({ import: this.#number, rows: receipt.rowsRead, durationMs: receipt.durationMs }, 'import completed')
    this.#context.metrics.importCompleted(receipt)
    this.#context.onDataChanged({ reason: 'import', table: receipt.table })
    this.#context.tracker.completeSession(this.id, message, { ...receipt, ...this.#numbered(), phase: 'finish', rowsDone: receipt.rowsRead, etaSeconds: 0 })
  }

  #reportThread({ phase, fraction, bytesDone, rowsDone, rowsRejected }: ImportProgress, bytesTotal: number): void {
    this.#rowsRead = rowsDone
    const now = performance.now()
    const metadata: Partial<ImportMetadata> = { bytesDone, bytesTotal, rowsDone, rowsRejected }
    if (phase === 'import') {
      this.#rowRate.measure(rowsDone, now)
      const etaSeconds = this.#timeLeft!.measure(bytesDone, now)
      if (this.#rowRate.perSecond !== undefined) metadata.rowsPerSecond = Math.round(this.#rowRate.perSecond)
      if (etaSeconds !== undefined) metadata.etaSeconds = Math.round(etaSeconds * 10) / 10
    }
    this.#update(phase, fraction, MESSAGES[phase], metadata)
  }

  #update(phase: ImportPhase, fraction: number, message: string, metadata: Record<string, unknown>): void {
    this.#context.tracker.updateProgress(this.id, this.#percent.at(segmentOf(phase), fraction), message, {
      ...this.#numbered(), phase, currentStep: this.#percent.stepOf(segmentOf(phase)), queuePosition: undefined, ...metadata,
    })
  }

  #numbered(): { number?: number } {
    return this.#number === undefined ? {} : { number: this.#number }
  }
}
