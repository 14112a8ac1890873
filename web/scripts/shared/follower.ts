/**
 * Hears of imports: by socket while there is one, over HTTP while there is none, and over HTTP also where a socket has
 * been silent for so long that its last word may be lost (a sleeping tab, a half-open connection).
 *
 *   connecting → live ⇄ reconnecting → polling → (a try each minute) → live
 *
 * It knows ids and messages, nothing of pages or uploads.
 */
import type { ProgressComplete, ProgressFailure, ProgressSnapshot, ProgressUpdate } from '../../../server/protocol.ts'
import { ApiError } from './api.ts'
import type { Link } from './link.ts'
import type { ProgressMessage } from './progress-state.ts'

/** Time between two questions while there is no socket. */
export const POLL_MS = 2_000
/** A followed import silent for this long is asked after. */
const SUSPICIOUS_MS = 5_000
/** Reconnecting for longer than this is no longer worth waiting for without asking. */
const PATIENCE_MS = 20_000
/** While polling, how often a socket is tried again. */
const TRY_LIVE_MS = 60_000
const TICK_MS = 500

/** The part of WebSocketClient that is used here. It remembers the rooms it was asked to join, with a connection or without. */
export interface ProgressSocket {
  readonly connected: boolean
  connect: () => Promise<void>
  emit: (event: 'join-progress' | 'leave-progress', sessionId: string) => void
  on: {
    (event: 'progress', listener: (update: ProgressUpdate) => void): () => void
    (event: 'progressStatus', listener: (snapshot: ProgressSnapshot) => void): () => void
    (event: 'progressComplete', listener: (outcome: ProgressComplete) => void): () => void
    (event: 'progressError', listener: (failure: ProgressFailure) => void): () => void
    (event: 'connect' | 'connectionFailed', listener: () => void): () => void
    (event: 'disconnect', listener: (reason: string) => void): () => void
    (event: 'reconnecting', listener: (attempt: number, delayMs?: number) => void): () => void
  }
}

export interface FollowerHandlers {
  message: (message: ProgressMessage) => void
  /** The server answered that it does not know this import. */
  unknown: (sessionId: string) => void
  link: (link: Link) => void
}

interface Followed {
  /** How many parts of the page want to hear of it. */
  wanted: number
  heardAt: number
  askedAt: number
  /** The question on its way. */
  asking: Promise<void> | undefined
}

export class Follower {
  #link: Link = { mode: 'connecting' }
  #followed = new Map<string, Followed>()
  #ticker: ReturnType<typeof setInterval> | undefined
  #triedLiveAt = 0
  #connecting = false
  readonly #socket: ProgressSocket
  readonly #ask: (sessionId: string) => Promise<ProgressSnapshot>
  readonly #handlers: FollowerHandlers
  readonly #now: () => number

  constructor(
    socket: ProgressSocket, ask: (sessionId: string) => Promise<ProgressSnapshot>, handlers: FollowerHandlers, now: () => number = Date.now,
  ) {
    this.#socket = socket
    this.#ask = ask
    this.#handlers = handlers
    this.#now = now
    const heard = (message: ProgressMessage) => this.#heard(message)
    socket.on('progress', heard)
    socket.on('progressStatus', heard)
    socket.on('progressComplete', heard)
    socket.on('progressError', heard)
    socket.on('connect', () => this.#setLink({ mode: 'live' }))
    socket.on('disconnect', (reason) => reason === 'io client disconnect' || this.#reconnecting(0, undefined))
    socket.on('reconnecting', (attempt, delayMs) => this.#reconnecting(attempt, delayMs === undefined ? undefined : now() + delayMs))
    socket.on('connectionFailed', () => this.#setLink({ mode: 'polling' }))
  }

  get link(): Link {
    return this.#link
  }

  /** Begins to hear of an import. Every call needs its `release`. */
  follow(sessionId: string): void {
    const known = this.#followed.get(sessionId)
    if (known) {
      known.wanted += 1
      return
    }
    this.#followed.set(sessionId, { wanted: 1, heardAt: this.#now(), askedAt: 0, asking: undefined })
    this.#socket.emit('join-progress', sessionId)
    if (this.#link.mode === 'connecting') this.tryLive()
    this.#ticker ??= setInterval(() => this.#tick(), TICK_MS)
  }

  release(sessionId: string): void {
    const known = this.#followed.get(sessionId)
    if (!known) return
    known.wanted -= 1
    if (known.wanted === 0) this.forget(sessionId)
  }

  /** Stops hearing of an import, whoever wanted to: it has ended. */
  forget(sessionId: string): void {
    if (!this.#followed.delete(sessionId)) return
    this.#socket.emit('leave-progress', sessionId)
    if (this.#followed.size > 0) return
    clearInterval(this.#ticker)
    this.#ticker = undefined
  }

  /** Tries for a socket now instead of when it is next due. */
  tryLive(): void {
    if (this.#connecting || this.#socket.connected) return
    this.#connecting = true
    this.#triedLiveAt = this.#now()
    this.#socket.connect()
      .catch(() => this.#setLink({ mode: 'polling' }))
      .finally(() => this.#connecting = false)
  }

  /** Asks after every followed import at once: when a tab wakes up, when the network is back. */
  askAll(): void {
    for (const sessionId of this.#followed.keys()) void this.ask(sessionId)
  }

  /** Asks after one import over HTTP. Failing to get an answer is no news. */
  ask(sessionId: string): Promise<void> {
    const followed = this.#followed.get(sessionId)
    if (followed?.asking) return followed.asking
    const asking = this.#askNow(sessionId)
    if (followed) {
      Object.assign(followed, { asking, askedAt: this.#now() })
      void asking.finally(() => followed.asking = undefined)
    }
    return asking
  }

  async #askNow(sessionId: string): Promise<void> {
    try {
      this.#heard(await this.#ask(sessionId))
    } catch (error) {
      if (error instanceof ApiError && error.code === 'SESSION_NOT_FOUND') this.#handlers.unknown(sessionId)
    }
  }

  #heard(message: ProgressMessage): void {
    const followed = this.#followed.get(message.sessionId)
    if (followed) followed.heardAt = this.#now()
    this.#handlers.message(message)
  }

  #reconnecting(attempt: number, retryAt: number | undefined): void {
    if (this.#link.mode === 'polling' || this.#link.mode === 'connecting') return
    const since = this.#link.mode === 'reconnecting' ? this.#link.since : this.#now()
    this.#setLink({ mode: 'reconnecting', attempt, retryAt, since })
  }

  #setLink(link: Link): void {
    this.#link = link
    this.#handlers.link(link)
  }

  #tick(): void {
    const now = this.#now()
    if (this.#link.mode === 'reconnecting' && now - this.#link.since > PATIENCE_MS) this.#setLink({ mode: 'polling' })
    if (this.#link.mode === 'polling' && now - this.#triedLiveAt > TRY_LIVE_MS) this.tryLive()
    if (this.#link.mode === 'reconnecting') return
    for (const [sessionId, { askedAt, heardAt }] of this.#followed) {
      const due = this.#link.mode === 'polling' ? now - askedAt >= POLL_MS : now - Math.max(askedAt, heardAt) >= SUSPICIOUS_MS
      if (due) void this.ask(sessionId)
    }
  }
}
