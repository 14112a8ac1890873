/**
 * A Socket.IO server with a tracker and nothing else, whose one session says in each update when it was made.
 * usage: node tracker-server.ts SESSION_ID SECONDS, as a Companion that greets with its URL
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { THROTTLE_INTERVAL, type ClientToServerEvents, type ServerToClientEvents } from '../../server/protocol.ts'
import { attachProgressSockets } from '../../server/sockets.ts'
import { ProgressTracker, toSnapshot } from '../../server/tracker.ts'
import { answerWhenAsked } from '../support/processes.ts'

const [sessionId, seconds] = process.argv.slice(2) as [string, string]
const httpServer = createServer()
const io = new Server<ClientToServerEvents, ServerToClientEvents>(httpServer)
const tracker = new ProgressTracker(io)
attachProgressSockets(io, {
  snapshot: (id) => {
    const session = tracker.getSession(id)
    return session && toSnapshot(session)
  },
})
tracker.createSessionWithId(sessionId, { operation: 'measurement' })
await once(httpServer.listen(0, '127.0.0.1'), 'listening')

await answerWhenAsked(async (): Promise<null> => {
  const endsAt = performance.now() + Number(seconds) * 1000
  while (performance.now() < endsAt) {
    tracker.updateProgress(sessionId, 50, 'Measuring', { madeAt: performance.timeOrigin + performance.now() })
    // A little more than the throttle's window, so that none is held back.
    await sleep(THROTTLE_INTERVAL + 5)
  }
  tracker.completeSession(sessionId)
  await sleep(THROTTLE_INTERVAL)
  tracker.close()
  await io.close()
  return null
}, `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`)
