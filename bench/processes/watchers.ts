/**
 * Many Socket.IO clients that watch one session until its end, and how late they hear of its updates.
 * usage: node watchers.ts URL SESSION_ID COUNT, as a Companion
 */
import { performance } from 'node:perf_hooks'
import { io, type Socket } from 'socket.io-client'
import type { ClientToServerEvents, ProgressUpdate, ServerToClientEvents } from '../../server/protocol.ts'
import { answerWhenAsked, giveWay } from '../support/processes.ts'
import { latencyOf, type Latency } from '../support/server.ts'
import { connectAll, watchAll, type Watching } from '../support/watching.ts'

export interface TimedWatching extends Watching {
  /** From `updateProgress` to the handler. The updates say when they were made. */
  delay: Latency
}

giveWay()

const [url, sessionId, count] = process.argv.slice(2) as [string, string, string]

type Client = Socket<ServerToClientEvents, ClientToServerEvents>

const sockets = await connectAll(Number(count), (): Promise<Client> => new Promise((resolve, reject) => {
  const socket: Client = io(url, { transports: ['websocket'], forceNew: true, reconnection: false })
  socket.once('connect_error', reject)
  socket.emit('join-progress', sessionId, (answer) => answer.ok ? resolve(socket) : reject(new Error(answer.error)))
}))

await answerWhenAsked(async (): Promise<TimedWatching> => {
  const delays: number[] = []
  const watching = await watchAll(sockets, (socket, { update, end }) => {
    socket.on('progress-update', ({ metadata }: ProgressUpdate) => {
      delays.push(performance.timeOrigin + performance.now() - (metadata.madeAt as number))
      update()
    })
    socket.on('progress-complete', () => end(true))
    socket.on('disconnect', () => end(false))
  })
  for (const socket of sockets) socket.disconnect()
  return { ...watching, delay: latencyOf(delays) }
})
