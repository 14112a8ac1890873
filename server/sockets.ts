import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js'
import type { Server, Socket } from 'socket.io'

import { progressRoom } from './protocol.ts'
import type { ClientToServerEvents, ProgressSnapshot, RoomAck, ServerToClientEvents } from './protocol.ts'

/** A page follows a handful of sessions; this only bounds what one socket can make the server remember. */
const MAX_ROOMS_PER_SOCKET = 100

/** A page sends a few events when it opens or comes back; this only bounds how much of the main thread one socket can take. */
const MAX_EVENTS = 20_000
const EVENTS_SECONDS = 10

const TOO_MANY_EVENTS = { ok: false, error: `A socket can send ${MAX_EVENTS} events in ${EVENTS_SECONDS} seconds at most.` } as const

const ROOM_PREFIX = progressRoom('')
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const UUID_LENGTH = 36

const NOT_A_UUID = { ok: false, error: 'The session id must be a UUID.' } as const

type ProgressServer = Server<ClientToServerEvents, ServerToClientEvents>
type ProgressSocket = Socket<ClientToServerEvents, ServerToClientEvents>

export interface ProgressSocketsOptions {
  /** The state of a session, live or long ended; null where the id is unknown. Ids come in lower case. */
  snapshot: (sessionId: string) => ProgressSnapshot | null | Promise<ProgressSnapshot | null>
  logger?: {
    debug: (fields: object, message: string) => void
    warn: (fields: object, message: string) => void
  }
}

/**
 * Reads a session id sent by a client. A UUID means the same in either case, so rooms know it in lower case only.
 * @returns the id, or null for anything that is not a UUID string
 */
export function parseSessionId(value: unknown): string | null {
  // The length first: a client may send megabytes.
  return typeof value === 'string' && value.length === UUID_LENGTH && UUID.test(value) ? value.toLowerCase() : null
}

/**
 * Lets clients join and leave the rooms of progress sessions. Whatever a client sends is answered through its
 * acknowledgement, where it passed one: `{ ok: true }` once it is in the room and was told the session's state,
 * `{ ok: false, error }` where it was refused.
 */
export function attachProgressSockets(io: ProgressServer, { snapshot, logger }: ProgressSocketsOptions): void {
  const events = new RateLimiterMemory({ points: MAX_EVENTS, duration: EVENTS_SECONDS })
  io.on('connection', (socket) => {
    socket.use(([_event, ...args], next) => void events.consume(socket.id).then(() => next(), () => readArguments(args).answer(TOO_MANY_EVENTS)))
    // The types say what our own page sends; others send anything.
    socket.on('join-progress', (...args: unknown[]) => void join(socket, args))
    socket.on('leave-progress', (...args: unknown[]) => leave(socket, args))
    socket.on('disconnect', (reason) => logger?.debug({ socketId: socket.id, reason }, 'socket disconnected'))
  })

  async function join(socket: ProgressSocket, args: unknown[]): Promise<void> {
    const { sessionId, answer } = readArguments(args)
    if (sessionId === null) {
      answer(NOT_A_UUID)
      return
    }
    const room = progressRoom(sessionId)
    if (!socket.rooms.has(room) && countProgressRooms(socket) >= MAX_ROOMS_PER_SOCKET) {
      answer({ ok: false, error: `A socket can follow ${MAX_ROOMS_PER_SOCKET} sessions at most.` })
      return
    }

    // The room first, the state second: an event between the two is then heard, where the other order would lose it.
    // Each event carries the whole state, so one sent during the lookup makes what the lookup found
    // old news, which must not arrive after it: a bar would fall back, or an ended session seem to run.
    const events = watchEvents(socket, sessionId)
    try {
      await socket.join(room)
      const found = await snapshot(sessionId)
      // It may have left, or gone, meanwhile.
      if (found && !events.wereSent() && socket.rooms.has(room)) socket.emit('progress-status', found)
    } catch (error) {
      // It stays in the room, where it hears all that follows; only the past could not be told.
      logger?.warn({ err: error, sessionId }, 'the state of a session could not be read')
    } finally {
      events.stop()
    }
    // Last, so that a client that has its answer and no state knows that there is none.
    answer({ ok: true })
  }

  function leave(socket: ProgressSocket, args: unknown[]): void {
    const { sessionId, answer } = readArguments(args)
    if (sessionId === null) {
      answer(NOT_A_UUID)
      return
    }
    void socket.leave(progressRoom(sessionId))
    answer({ ok: true })
  }
}

/** Socket.IO passes the acknowledgement as the last argument, if the client asked for one, however many come before it. */
function readArguments(args: unknown[]): { sessionId: string | null, answer: RoomAck } {
  const last = args.at(-1)
  const answer = typeof last === 'function' ? last as RoomAck : () => undefined
  return { sessionId: parseSessionId(args[0]), answer }
}

/** Notes, until stopped, whether an event of the session goes out to the socket, other than the state told to a joiner. */
function watchEvents(socket: ProgressSocket, sessionId: string) {
  let sent = false
  const watch = (event: string, payload: { sessionId?: string } | undefined) => {
    sent ||= event !== 'progress-status' && payload?.sessionId === sessionId
  }
  socket.onAnyOutgoing(watch)
  return { wereSent: () => sent, stop: () => void socket.offAnyOutgoing(watch) }
}

function countProgressRooms(socket: ProgressSocket): number {
  return [...socket.rooms].filter((room) => room.startsWith(ROOM_PREFIX)).length
}
