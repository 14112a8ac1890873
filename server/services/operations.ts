import type { Logger } from 'pino'
import type { Db } from '../db/open.ts'
import { getOperation, saveOperation } from '../db/operations-store.ts'
import { Fault } from '../faults.ts'
import type { BackupMetadata, FailureInfo, ProgressSnapshot, RestoreMetadata } from '../protocol.ts'
import { toSnapshot, type ProgressTracker } from '../tracker.ts'
import { CANCELLED, Control, INTERRUPTED } from '../workers/control.ts'
import { OverallPercent, TimeLeft } from './progress-arithmetic.ts'

/** Pause between two tries to save an outcome, ms: the disk may be full just now. */
const SAVE_RETRY_MS = 5000

/** How often an operation is heard of, ms: the tracker takes a session that is silent for an hour for abandoned. */
const KEEP_ALIVE_MS = 10 * 60_000

export interface OperationsContext {
  /** The database of outcomes, which no restore replaces. */
  db: Db
  tracker: ProgressTracker
  logger: Logger
}

export interface OperationStart<Segment extends string> {
  sessionId: string
  metadata: BackupMetadata | RestoreMetadata
  weights: Readonly<Record<Segment, number>>
}

/** Backups and restores as sessions: what they are doing, and for ever what became of them. */
export class Operations {
  readonly #context: OperationsContext
  /** Outcomes that could not be saved yet. */
  readonly #unsaved = new Map<string, ProgressSnapshot>()
  #retry: NodeJS.Timeout | undefined

  constructor(context: OperationsContext) {
    this.#context = context
  }

  /** @throws SqliteError where it cannot be recorded, a full disk say */
  begin<Segment extends string>(start: OperationStart<Segment>): Operation<Segment> {
    const operation = new Operation(start, this.#context.tracker, (snapshot) => this.#save(snapshot))
    try {
      saveOperation(this.#context.db, operation.snapshot())
    } catch (error) {
      operation.fail(error)
      this.#unsaved.delete(start.sessionId)
      throw error
    }
    return operation
  }

  /** What became of an operation, or what is known of one that has not ended. */
  snapshot(sessionId: string): ProgressSnapshot | null {
    return this.#unsaved.get(sessionId) ?? getOperation(this.#context.db, sessionId)
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#saveAgain()
    clearTimeout(this.#retry)
  }

  #save(snapshot: ProgressSnapshot): void {
    try {
      saveOperation(this.#context.db, snapshot)
      this.#unsaved.delete(snapshot.sessionId)
    } catch (error) {
      this.#context.logger.error({ err: error, sessionId: snapshot.sessionId }, 'the state of an operation could not be saved')
      this.#unsaved.set(snapshot.sessionId, snapshot)
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.#saveAgain(), SAVE_RETRY_MS).unref()
    }
  }

  #saveAgain(): void {
    for (const snapshot of [...this.#unsaved.values()]) this.#save(snapshot)
  }
}

/** One backup or restore, from its beginning to its outcome. */
export class Operation<Segment extends string = string> {
  readonly id: string
  readonly control: Control
  readonly #tracker: ProgressTracker
  readonly #save: (snapshot: ProgressSnapshot) => void
  readonly #percent: OverallPercent<Segment>
  readonly #timeLeft = new TimeLeft(100)
  readonly #startedAt = Date.now()
  readonly #abort = new AbortController()
  readonly #keepAlive: NodeJS.Timeout
  #hasEnded = false

  constructor({ sessionId, metadata, weights }: OperationStart<Segment>, tracker: ProgressTracker, save: (snapshot: ProgressSnapshot) => void) {
    this.id = sessionId
    this.control = new Control(metadata.operation)
    this.#tracker = tracker
    this.#save = save
    this.#percent = new OverallPercent(weights)
    tracker.createSessionWithId(sessionId, { totalSteps: this.#percent.totalSteps, ...metadata })
    this.#keepAlive = setInterval(() => tracker.updateProgress(sessionId, NaN), KEEP_ALIVE_MS).unref()
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Aborted where it ends without success. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  snapshot(): ProgressSnapshot {
    return toSnapshot(this.#tracker.getSession(this.id)!)
  }

  /**
   * @param phase as people are told it
   * @param segment of the bar that it belongs to
   * @param fraction of the segment, 0 to 1
   */
  update(phase: string, segment: Segment, fraction: number, message: string, metadata: Record<string, unknown> = {}): void {
    const percent = this.#percent.at(segment, fraction)
    const etaSeconds = this.#timeLeft.measure(percent, performance.now())
    this.#tracker.updateProgress(this.id, percent, message, {
      phase, currentStep: this.#percent.stepOf(segment), ...metadata, ...(etaSeconds !== undefined && { etaSeconds: Math.round(etaSeconds * 10) / 10 }),
    })
  }

  /** Record what must be known even if the server is killed next. */
  note(metadata: Record<string, unknown>): void {
    if (this.#hasEnded) return
    this.#tracker.updateProgress(this.id, NaN, undefined, metadata)
    this.#save(this.snapshot())
  }

  complete(message: string, metadata: Record<string, unknown>): void {
    if (this.#hasEnded) return
    this.#end()
    this.#tracker.completeSession(this.id, message, { ...metadata, etaSeconds: 0, durationMs: Math.max(0, Date.now() - this.#startedAt) })
    this.#save(this.snapshot())
  }

  fail(thrown: unknown): void {
    if (this.#hasEnded) return
    this.#end()
    const fault = Fault.from(thrown)
    this.#tracker.errorSession(this.id, fault.message, { code: fault.code, detail: fault.message } satisfies FailureInfo)
    this.#save(this.snapshot())
    this.#abort.abort(fault)
  }

  #end(): void {
    this.#hasEnded = true
    clearInterval(this.#keepAlive)
  }

  /** End it at a person's wish. @throws Fault ALREADY_FINISHED where it has ended or can no longer be stopped */
  cancel(): void {
    if (this.#hasEnded || !this.control.stop(CANCELLED)) throw alreadyFinished()
    this.#abort.abort(this.control.stopFault())
  }

  /** End it because the server stops. What is committing completes. */
  interrupt(): void {
    if (!this.#hasEnded && this.control.stop(INTERRUPTED)) this.#abort.abort(this.control.stopFault())
  }
}

export const alreadyFinished = (): Fault => new Fault('ALREADY_FINISHED', 'It has already finished, or is about to. It can no longer be cancelled.')
