import { randomUUID } from 'node:crypto'

import { THROTTLE_INTERVAL, progressRoom } from './protocol.ts'
import type { BaseMetadata, FailureInfo, ProgressEvents, ProgressSnapshot, SessionStatus } from './protocol.ts'
import { systemTimers, throttleLatest, unref } from './throttle.ts'
import type { LatestThrottle, TimerHandle, Timers } from './throttle.ts'

/** How long an ended session can still be asked for, ms. */
const COMPLETED_LINGER_MS = 5_000
const FAILED_LINGER_MS = 10_000

/** A session nobody has touched for this long belongs to work that died, ms. */
const STALE_AFTER_MS = 3_600_000
const CLEANUP_INTERVAL_MS = 3_600_000

/** What the tracker needs of a Socket.IO server. */
export interface ProgressEmitter {
  to(room: string): {
    emit<Event extends keyof ProgressEvents>(event: Event, ...payload: Parameters<ProgressEvents[Event]>): unknown
  }
}

/** Time and timers. The system's by default; a test brings its own and never waits. */
export interface Clock extends Timers {
  /** Milliseconds since the epoch. */
  now(): number
  setInterval(callback: () => void, ms: number): TimerHandle
  clearInterval(handle: TimerHandle): void
}

export interface ProgressTrackerOptions extends Partial<Clock> {
  /** Told when `io` refuses an event. The operation being tracked goes on. Default: `console.error`. */
  onEmitError?: (error: unknown) => void
}

/** Plain data to merge into a session's metadata. What cannot be cloned cannot be sent either and is left out. */
export interface MetadataPatch {
  operation?: string
  message?: string
  [key: string]: unknown
}

/** Times are milliseconds since the epoch. */
export interface ProgressSession {
  id: string
  /** Percent of the whole operation, 0 to 100. */
  progress: number
  status: SessionStatus
  startTime: number
  lastUpdate: number
  metadata: BaseMetadata & { message: string }
  /** Only where `status` is `error`. */
  error?: FailureInfo
}

interface Entry {
  session: ProgressSession
  updates: LatestThrottle<ProgressSession>
  removal: TimerHandle | undefined
}

export const systemClock: Clock = {
  ...systemTimers,
  now: () => Date.now(),
  setInterval: (callback, ms) => setInterval(callback, ms),
  clearInterval: (handle) => clearInterval(handle as NodeJS.Timeout),
}

/**
 * Keeps the state of long operations and tells their rooms about it: updates at most every
 * `THROTTLE_INTERVAL`, the end at once, and nothing after the end. Knows nothing of what the operations do.
 */
export class ProgressTracker {
  readonly #io: ProgressEmitter
  readonly #clock: Clock
  readonly #onEmitError: (error: unknown) => void
  readonly #entries = new Map<string, Entry>()
  readonly #cleanup: TimerHandle

  constructor(io: ProgressEmitter, { onEmitError = console.error, ...clock }: ProgressTrackerOptions = {}) {
    this.#io = io
    this.#clock = { ...systemClock, ...clock }
    this.#onEmitError = onEmitError
    this.#cleanup = this.#clock.setInterval(() => this.cleanupStaleSessions(), CLEANUP_INTERVAL_MS)
    unref(this.#cleanup)
  }

  /**
   * Starts a session under a new UUID v4. Emits nothing.
   * @returns the id
   */
  createSession(metadata?: MetadataPatch): string {
    return this.createSessionWithId(randomUUID(), metadata)
  }

  /**
   * Starts a session under the caller's id, in place of any that has it. Emits nothing.
   * @returns the id
   */
  createSessionWithId(id: string, metadata?: MetadataPatch): string {
    this.#remove(id)
    const now = this.#clock.now()
    const session: ProgressSession = {
      id,
      progress: 0,
      status: 'initialized',
      startTime: now,
      lastUpdate: now,
      metadata: { operation: 'operation', message: '' },
    }
    mergeMetadata(session.metadata, metadata)
    const updates = throttleLatest((newest: ProgressSession) => this.#emitUpdate(newest), THROTTLE_INTERVAL, this.#clock)
    this.#entries.set(id, { session, updates, removal: undefined })
    return id
  }

  /**
   * Reports how far an operation is. Cheap enough to call for every row: within the throttle's window
   * it only stores, and copies nothing but values that are objects.
   * @param progress percent, clamped to 0..100; where it is not a finite number, progress stays as it was
   * @param message stays as it was where absent
   * @returns false if the id is unknown or its session has ended
   */
  updateProgress(id: string, progress: number, message?: string, metadata?: MetadataPatch): boolean {
    const entry = this.#running(id)
    if (!entry) return false
    if (Number.isFinite(progress)) entry.session.progress = Math.min(100, Math.max(0, progress))
    entry.session.status = 'processing'
    this.#note(entry.session, message, metadata)
    entry.updates.push(entry.session)
    return true
  }

  /**
   * Ends a session well, and says so at once. It can be asked for during five more seconds.
   * @returns false if the id is unknown or its session has ended
   */
  completeSession(id: string, message?: string, metadata?: MetadataPatch): boolean {
    const entry = this.#running(id)
    if (!entry) return false
    const { session } = entry
    session.progress = 100
    session.status = 'completed'
    this.#note(session, message ?? metadata?.message ?? 'Completed', metadata)
    this.#end(entry, COMPLETED_LINGER_MS)
    this.#emit('progress-complete', {
      ...eventFields(session),
      progress: 100,
      status: 'completed',
      timestamp: session.lastUpdate,
      // The wall clock may have been set back meanwhile.
      duration: Math.max(0, session.lastUpdate - session.startTime),
    })
    return true
  }

  /**
   * Ends a session that failed or was cancelled, and says so at once; progress stays where it was.
   * It can be asked for during ten more seconds.
   * @param details sent as `error`; `code` is INTERNAL and `detail` the message where they are absent
   * @returns false if the id is unknown or its session has ended
   */
  errorSession(id: string, message: string, details?: Partial<FailureInfo>): boolean {
    const entry = this.#running(id)
    if (!entry) return false
    const { session } = entry
    session.status = 'error'
    session.error = toFailureInfo(message, details)
    this.#note(session, message)
    this.#end(entry, FAILED_LINGER_MS)
    this.#emit('progress-error', {
      ...eventFields(session),
      status: 'error',
      timestamp: session.lastUpdate,
      error: structuredClone(session.error),
    })
    return true
  }

  /** @returns a copy that the caller may keep and change, or null if the id is unknown */
  getSession(id: string): ProgressSession | null {
    const entry = this.#entries.get(id)
    return entry ? structuredClone(entry.session) : null
  }

  /**
   * Removes, without a word, the sessions that were last touched more than an hour ago. Runs by itself every hour.
   * @returns how many
   */
  cleanupStaleSessions(): number {
    const oldest = this.#clock.now() - STALE_AFTER_MS
    const stale = [...this.#entries.values()].filter(({ session }) => session.lastUpdate < oldest)
    for (const { session } of stale) this.#remove(session.id)
    return stale.length
  }

  /** Stops every timer and forgets every session. */
  close(): void {
    this.#clock.clearInterval(this.#cleanup)
    for (const id of this.#entries.keys()) this.#remove(id)
  }

  #running(id: string): Entry | undefined {
    const entry = this.#entries.get(id)
    return entry && (entry.session.status === 'initialized' || entry.session.status === 'processing') ? entry : undefined
  }

  #note(session: ProgressSession, message: string | undefined, metadata?: MetadataPatch): void {
    session.lastUpdate = this.#clock.now()
    mergeMetadata(session.metadata, metadata)
    if (message !== undefined) session.metadata.message = message
  }

  #end(entry: Entry, lingerMs: number): void {
    entry.updates.drop()
    entry.removal = this.#clock.setTimeout(() => this.#remove(entry.session.id), lingerMs)
    unref(entry.removal)
  }

  /** Stops the session's timers too, so that they cannot touch a later session with the same id. */
  #remove(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    entry.updates.drop()
    if (entry.removal !== undefined) this.#clock.clearTimeout(entry.removal)
    this.#entries.delete(id)
  }

  #emitUpdate(session: ProgressSession): void {
    this.#emit('progress-update', { ...eventFields(session), status: 'processing', timestamp: this.#clock.now() })
  }

  /** Reporting must not be what breaks an operation, nor may it throw out of a timer. */
  #emit<Event extends keyof ProgressEvents>(event: Event, ...payload: Parameters<ProgressEvents[Event]>): void {
    try {
      this.#io.to(progressRoom(payload[0].sessionId)).emit(event, ...payload)
    } catch (error) {
      this.#onEmitError(error)
    }
  }
}

/** The session's state as a client that joins late, or asks over HTTP, is told it. Shares `metadata` with the session. */
export function toSnapshot(session: ProgressSession): ProgressSnapshot {
  return {
    sessionId: session.id,
    progress: session.progress,
    status: session.status,
    message: session.metadata.message,
    metadata: session.metadata,
    timestamp: session.lastUpdate,
    ...(session.error && { error: session.error }),
  }
}

/** What all events say. Copied, since the session changes on while a receiver may still hold the payload. */
function eventFields(session: ProgressSession) {
  const { id, progress, metadata } = session
  return { sessionId: id, progress, message: metadata.message, metadata: structuredClone(metadata) }
}

function mergeMetadata(metadata: ProgressSession['metadata'], patch: MetadataPatch | undefined): void {
  if (!patch) return
  const { operation, message } = metadata
  mergeData(metadata, patch)
  // Every session has these two, whatever a caller sends.
  if (typeof metadata.operation !== 'string') metadata.operation = operation
  if (typeof metadata.message !== 'string') metadata.message = message
}

function toFailureInfo(message: string, details: Partial<FailureInfo> = {}): FailureInfo {
  const error: FailureInfo = { code: 'INTERNAL', detail: message }
  mergeData(error, details)
  if (typeof error.code !== 'string') error.code = 'INTERNAL'
  if (typeof error.detail !== 'string') error.detail = message
  // It names files of the server, and this object goes to a browser.
  delete error['stack']
  return error
}

/** Shares no object with `source`. A key `__proto__`, as JSON.parse can make one, would replace the target's prototype. */
function mergeData(target: Record<string, unknown>, source: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(source)) {
    if (key === '__proto__') continue
    const value = source[key]
    target[key] = isPrimitive(value) ? value : cloneOrUndefined(value)
  }
}

function isPrimitive(value: unknown): boolean {
  return value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
}

function cloneOrUndefined(value: unknown): unknown {
  try {
    return structuredClone(value)
  } catch {
    return undefined
  }
}
