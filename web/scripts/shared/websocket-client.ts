/**
 * The page's live line to the server.
 *
 *   idle ── connect() ──> trying ──────────> connected
 *                         ^    │ failed          │ dropped
 *                         │    v                 │
 *                        waiting <───────────────┘
 *
 * From anywhere back to idle: `disconnect()`, or `connectionFailed` once the tries are used up.
 *
 * Socket.IO's own reconnection is off because it leaves gaps. It stays away where the server closed the socket or a
 * middleware refused it, and it counts anew whenever the transport opens, so behind a proxy that lets the handshake
 * through and nothing else it would try for ever. Here only a connection that works ends the count.
 */
import { io } from 'socket.io-client'
import type { Socket } from 'socket.io-client'
import type {
  ClientToServerEvents, DataChange, ProgressComplete, ProgressFailure, ProgressSnapshot, ProgressUpdate, ServerToClientEvents,
} from '../../../server/protocol.ts'

export interface WebSocketClientEvents {
  progress: (update: ProgressUpdate) => void
  /** The state of a session just joined, also after a reconnect. */
  progressStatus: (snapshot: ProgressSnapshot) => void
  progressComplete: (outcome: ProgressComplete) => void
  progressError: (failure: ProgressFailure) => void
  /** Tables have changed, whoever changed them. */
  dataChanged: (change: DataChange) => void
  /** Each time there is a connection; rooms have been asked for by then. */
  connect: () => void
  /** After `connect`, where there was a connection before. */
  reconnect: () => void
  /** The connection is gone. `io client disconnect` is the reason where `disconnect()` was called. */
  disconnect: (reason: string) => void
  /** The next try is due in `delayMs`; `attempt` counts from 1. */
  reconnecting: (attempt: number, delayMs: number) => void
  /** All tries were in vain. Only `connect()` makes it try again. */
  connectionFailed: (error: Error) => void
}

export interface WebSocketClientOptions {
  /** @default window.location.origin */
  url?: string
  /** Path of the Socket.IO endpoint. @default '/socket.io' */
  path?: string
  /** Tries after the first one, or after a drop, has failed. @default 5 */
  reconnectionAttempts?: number
  /** Pause before the first of them, ms; each later one doubles it. @default 500 */
  reconnectionDelay?: number
  /** Longest pause, ms, before it is varied by up to half. @default 4000 */
  reconnectionDelayMax?: number
  /** How long one try may take, ms. @default 10000 */
  timeout?: number
}

type EventName = keyof WebSocketClientEvents
type Arguments<Event extends EventName> = Parameters<WebSocketClientEvents[Event]>

const DEFAULTS = { path: '/socket.io', reconnectionAttempts: 5, reconnectionDelay: 500, reconnectionDelayMax: 4_000, timeout: 10_000 }

/** Pauses differ by this share up and down, so that many pages do not all come back in the same moment. */
const JITTER = 0.5

export class WebSocketClient {
  readonly #url: string
  readonly #options: typeof DEFAULTS
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>
  readonly #listeners = new Map<EventName, Map<unknown, { once: boolean }>>()
  /** Sessions to follow, over any number of connections. */
  readonly #rooms = new Set<string>()
  #isWanted = false
  #isTrying = false
  #wasConnected = false
  #attempt = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  /** What `connect()` has promised. */
  #pending: PromiseWithResolvers<void> | undefined

  constructor({ url = window.location.origin, ...options }: WebSocketClientOptions = {}) {
    this.#url = url
    this.#options = { ...DEFAULTS, ...options }
    this.#socket = io(url, {
      path: this.#options.path,
      timeout: this.#options.timeout,
      autoConnect: false,
      forceNew: true,
      reconnection: false,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
    })
    this.#listen()
  }

  get connected(): boolean {
    return this.#socket.connected
  }

  /**
   * Connects, unless connected. While it waits for the next try it tries at once instead, with all retries ahead of it.
   * @returns settled once connected; rejected when every try has failed, or by `disconnect()`
   */
  connect(): Promise<void> {
    if (this.connected) return Promise.resolve()
    this.#pending ??= Promise.withResolvers()
    const { promise } = this.#pending
    this.#isWanted = true
    this.#attempt = 0
    if (!this.#isTrying) this.#try()
    return promise
  }

  /** Closes the connection for good. Sessions joined before are joined again by the next `connect()`. */
  disconnect(): void {
    this.#isWanted = false
    this.#isTrying = false
    clearTimeout(this.#retryTimer)
    this.#settle(new Error('The connection was closed by this page'))
    this.#socket.disconnect()
  }

  /**
   * Joins or leaves the room of a session. Works without a connection too: what is to be joined is joined once there is one,
   * and again after each reconnect, until it is left.
   */
  emit(event: keyof ClientToServerEvents, sessionId: string): void {
    if (event === 'join-progress') {
      this.#rooms.add(sessionId)
      if (this.connected) this.#join(sessionId)
    } else {
      this.#rooms.delete(sessionId)
      if (this.connected) this.#socket.emit('leave-progress', sessionId)
    }
  }

  /** @returns ends the subscription */
  on<Event extends EventName>(event: Event, listener: WebSocketClientEvents[Event]): () => void {
    return this.#add(event, listener, false)
  }

  /** As `on`, for the next time only. */
  once<Event extends EventName>(event: Event, listener: WebSocketClientEvents[Event]): () => void {
    return this.#add(event, listener, true)
  }

  off<Event extends EventName>(event: Event, listener: WebSocketClientEvents[Event]): void {
    this.#listeners.get(event)?.delete(listener)
  }

  #add(event: EventName, listener: unknown, once: boolean): () => void {
    const listeners = this.#listeners.get(event) ?? new Map<unknown, { once: boolean }>()
    this.#listeners.set(event, listeners.set(listener, { once }))
    return () => void listeners.delete(listener)
  }

  #fire<Event extends EventName>(event: Event, ...args: Arguments<Event>): void {
    debug(event, ...args)
    const listeners = this.#listeners.get(event)
    // A copy: listeners come and go while they are called.
    for (const [listener, { once }] of [...listeners ?? []]) {
      if (once) listeners?.delete(listener)
      try {
        (listener as (...args: Arguments<Event>) => void)(...args)
      } catch (error) {
        console.error(`A listener of ${event} failed`, error)
      }
    }
  }

  #listen(): void {
    const socket = this.#socket
    socket.on('progress-update', (update) => this.#fire('progress', update))
    socket.on('progress-status', (snapshot) => this.#fire('progressStatus', snapshot))
    socket.on('progress-complete', (outcome) => this.#fire('progressComplete', outcome))
    socket.on('progress-error', (failure) => this.#fire('progressError', failure))
    socket.on('data-changed', (change) => this.#fire('dataChanged', change))
    socket.on('connect', () => this.#connected())
    socket.on('connect_error', (error) => this.#failed(error))
    socket.on('disconnect', (reason) => this.#dropped(reason))
  }

  #try(): void {
    clearTimeout(this.#retryTimer)
    this.#isTrying = true
    debug('trying', this.#url)
    this.#socket.connect()
  }

  #connected(): void {
    const isFirst = !this.#wasConnected
    this.#wasConnected = true
    this.#isTrying = false
    this.#attempt = 0
    for (const sessionId of this.#rooms) this.#join(sessionId)
    this.#settle()
    this.#fire('connect')
    if (!isFirst) this.#fire('reconnect')
  }

  #failed(error: Error): void {
    debug('failed', error)
    // A WebSocket that some proxy neither lets through nor refuses shows as a timeout, after which Socket.IO would not
    // come to polling. Polling first gets through, and is upgraded to a WebSocket where that works after all.
    if (error.message === 'timeout') this.#socket.io.opts.transports = ['polling', 'websocket']
    this.#isTrying = false
    this.#retryOrGiveUp(error)
  }

  #dropped(reason: string): void {
    // Joins that a dying connection no longer took: all rooms are joined anew by the next one, and once is enough.
    this.#socket.sendBuffer = []
    // Socket.IO says so too of a transport that closed before the connection was made.
    const wasTrying = this.#isTrying
    this.#isTrying = false
    if (!wasTrying) this.#fire('disconnect', reason)
    if (this.#isIdle()) return
    this.#retryOrGiveUp(new Error(`the connection was lost (${reason})`))
  }

  /** Whether there is nothing to retry, as a listener called just now may have decided. */
  #isIdle(): boolean {
    return !this.#isWanted || this.#isTrying
  }

  #retryOrGiveUp(cause: Error): void {
    const { reconnectionAttempts, reconnectionDelay, reconnectionDelayMax } = this.#options
    if (this.#attempt >= reconnectionAttempts) {
      this.#giveUp(cause)
      return
    }
    const pauseMs = Math.min(reconnectionDelayMax, reconnectionDelay * 2 ** this.#attempt)
    const delayMs = Math.round(pauseMs * (1 + JITTER * (2 * Math.random() - 1)))
    this.#attempt += 1
    this.#retryTimer = setTimeout(() => this.#try(), delayMs)
    this.#fire('reconnecting', this.#attempt, delayMs)
  }

  #giveUp(cause: Error): void {
    const error = new Error(`Cannot reach ${this.#url}: ${cause.message}`, { cause })
    this.#isWanted = false
    this.#settle(error)
    this.#fire('connectionFailed', error)
  }

  /** Keeps what `connect()` promised, if anybody waits for it. */
  #settle(error?: Error): void {
    const pending = this.#pending
    this.#pending = undefined
    if (error) pending?.reject(error)
    else pending?.resolve()
  }

  #join(sessionId: string): void {
    this.#socket.emit('join-progress', sessionId, (answer) => {
      if (answer.ok) return
      // Asking again after each reconnect would not make it right.
      this.#rooms.delete(sessionId)
      debug('refused', sessionId, answer.error)
    })
  }
}

/**
 * `localStorage.setItem('hextrackr_debug', 'true')` turns it on, removing the key off, both without a reload. Other apps take
 * this file without the rest of the page, so it asks the browser itself.
 */
function debug(...what: unknown[]): void {
  try {
    if (localStorage.getItem('hextrackr_debug') !== 'true') return
  } catch {
    // There is no storage, or the browser keeps it from this page.
    return
  }
  console.debug('[websocket]', ...what)
}
