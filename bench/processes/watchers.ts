/**
 * Many Socket.IO clients that watch one session until its end.
 * usage: node watchers.ts URL SESSION_ID COUNT, as a Companion
 */
import { performance } from 'node:perf_hooks'
import { io, type Socket } from 'socket.io-client'
import type { ClientToServerEvents, ProgressUpdate, ServerToClientEvents } from '../../server/protocol.ts'
import { answerWhenAsked, giveWay } from '../support/processes.ts'
import { latencyOf, type Latency } from '../support/server.ts'

export interface WatchersRun {
  /** Updates a second between the first and the last event, of the watcher that got the fewest. */
  fewestPerSecond: number
  /** Processor time that all of them took together, of one core, 0 to 1. */
  processorShare: number
  /** How many heard of the end. */
  ended: number
  /** From `updateProgress` to the handler, where the updates say when they were made. */
  delay: Latency
}

/** Connections that are opened at once. */
const AT_ONCE = 50

giveWay()

const [url, sessionId, count] = process.argv.slice(2) as [string, string, string]

type Client = Socket<ServerToClientEvents, ClientToServerEvents>

const connect = (): Promise<Client> => new Promise((resolve, reject) => {
  const socket: Client = io(url, { transports: ['websocket'], forceNew: true, reconnection: false })
  socket.once('connect_error', reject)
  socket.emit('join-progress', sessionId, (answer) => answer.ok ? resolve(socket) : reject(new Error(answer.error)))
})

const sockets: Client[] = []
while (sockets.length < Number(count)) {
  sockets.push(...await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(count) - sockets.length) }, connect)))
}

await answerWhenAsked(async (): Promise<WatchersRun> => {
  const delays: number[] = []
  const [startedAt, used] = [performance.now(), process.cpuUsage()]
  const watched = sockets.map((socket) => new Promise<{ perSecond: number, hasEnded: boolean }>((resolve) => {
    let updates = 0
    let firstAt = 0
    const end = (hasEnded: boolean): void => resolve({ perSecond: updates / ((performance.now() - firstAt) / 1000), hasEnded })
    socket.on('progress-update', ({ metadata }: ProgressUpdate) => {
      const now = performance.now()
      if (updates++ === 0) firstAt = now
      if (typeof metadata.madeAt === 'number') delays.push(performance.timeOrigin + now - metadata.madeAt)
    })
    socket.on('progress-complete', () => end(true))
    socket.on('disconnect', () => end(false))
  }))
  const ends = await Promise.all(watched)
  const { user, system } = process.cpuUsage(used)
  const processorShare = (user + system) / 1000 / (performance.now() - startedAt)
  for (const socket of sockets) socket.disconnect()
  return {
    processorShare,
    fewestPerSecond: Math.min(...ends.map(({ perSecond }) => perSecond)),
    ended: ends.filter(({ hasEnded }) => hasEnded).length,
    delay: latencyOf(delays),
  }
})
