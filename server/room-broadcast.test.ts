import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { Server } from 'socket.io'
import type { Socket as ServerSocket } from 'socket.io'
import { io as connectTo } from 'socket.io-client'
import type { Socket } from 'socket.io-client'

import { progressRoom } from './protocol.ts'
import type { ClientToServerEvents, ProgressUpdate, ServerToClientEvents } from './protocol.ts'
import { RoomBroadcast } from './room-broadcast.ts'

type Transport = 'websocket' | 'polling'

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e'
const ROOM = progressRoom(ID)

let httpServer: HttpServer
let io: Server<ClientToServerEvents, ServerToClientEvents>
let broadcast: RoomBroadcast
let clients: Socket[]

const update = (progress: number, message = ''): ProgressUpdate => ({
  sessionId: ID, progress, status: 'processing', message, metadata: { operation: 'csv-import' }, timestamp: 1,
})

/** A client in the room, and the server's end of its socket. */
async function join(...transports: Transport[]): Promise<{ client: Socket, socket: ServerSocket, heard: ProgressUpdate[] }> {
  const client = connectTo(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`, { transports, forceNew: true, reconnection: false })
  clients.push(client)
  const heard: ProgressUpdate[] = []
  client.on('progress-update', (payload: ProgressUpdate) => heard.push(payload))
  const [[socket]] = await Promise.all([once(io, 'connection') as Promise<[ServerSocket]>, once(client as never, 'connect')])
  return { client, socket, heard }
}

/** Resolves when the client has heard all that was sent until now. */
async function settled({ client, socket }: { client: Socket, socket: ServerSocket }): Promise<void> {
  const last = once(client as never, 'last')
  socket.emit('last')
  await last
}

const progressesOf = (heard: readonly ProgressUpdate[]): number[] => heard.map(({ progress }) => progress)

const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, index) => from + index)

/** Packets that go through the layers of Engine.IO from now on. */
function countPackets(socket: ServerSocket): () => number {
  let packets = 0
  socket.conn.on('packetCreate', () => packets++)
  return () => packets
}

beforeEach(async () => {
  clients = []
  httpServer = createServer()
  io = new Server(httpServer)
  io.on('connection', (socket) => void socket.join(ROOM))
  broadcast = new RoomBroadcast(io)
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
})

afterEach(async () => {
  for (const client of clients) client.disconnect()
  await io.close()
})

describe('an event for a room', () => {
  // The length of a frame is written in three ways (RFC 6455, 5.2).
  for (const [what, message] of Object.entries({ short: '', middling: 'é 漢 🦊 \u0000 "'.repeat(50), long: '漢'.repeat(40_000) })) {
    test(`arrives as Socket.IO itself sends it: ${what}`, async () => {
      const [one, other] = [await join('websocket'), await join('websocket')]
      const sent = { ...update(12.5, message), nothing: undefined, none: null }
      broadcast.to(ROOM).emit('progress-update', sent)
      io.to(ROOM).emit('progress-update', sent)
      await Promise.all([settled(one), settled(other)])
      for (const { heard } of [one, other]) {
        const [ours, theirs] = heard
        assert.equal(ours!.message, message)
        assert.deepEqual(ours, theirs)
      }
    })
  }

  test('goes straight to a connection where nothing else waits', async () => {
    const joined = await join('websocket')
    await settled(joined)
    const packets = countPackets(joined.socket)
    broadcast.to(ROOM).emit('progress-update', update(1))
    broadcast.to(ROOM).emit('progress-update', update(2))
    assert.equal(packets(), 0)
    await settled(joined)
    assert.deepEqual(progressesOf(joined.heard), [1, 2])
  })

  test('stays in its place among what is sent to one socket', async () => {
    const joined = await join('websocket')
    for (let progress = 0; progress < 40; progress += 2) {
      joined.socket.emit('progress-update', update(progress))
      broadcast.to(ROOM).emit('progress-update', update(progress + 1))
    }
    await settled(joined)
    assert.deepEqual(progressesOf(joined.heard), range(0, 40))
  })

  test('reaches who asks for it by a request that waits', async () => {
    const joined = await join('polling')
    const { transport } = joined.socket.conn
    if (!transport.writable) await once(transport, 'ready')
    broadcast.to(ROOM).emit('progress-update', update(1))
    await settled(joined)
    assert.deepEqual(joined.heard, [update(1)])
  })

  test('reaches those who have no WebSocket, and loses nothing while they change to one', async () => {
    let progress = 0
    const next = () => broadcast.to(ROOM).emit('progress-update', update(progress++))
    const sending = setInterval(next, 1)
    const [polling, changing] = [await join('polling'), await join('polling', 'websocket')]
    if (changing.socket.conn.transport.name !== 'websocket') await once(changing.socket.conn, 'upgrade')
    clearInterval(sending)
    next()
    await Promise.all([settled(polling), settled(changing)])
    for (const { heard } of [polling, changing]) assert.deepEqual(progressesOf(heard), range(heard[0]!.progress, progress))
  })

  test('is told to who listens to what goes out', async () => {
    const joined = await join('websocket')
    const out: unknown[] = []
    joined.socket.onAnyOutgoing((event, payload) => out.push([event, payload]))
    broadcast.to(ROOM).emit('progress-update', update(1))
    await settled(joined)
    assert.deepEqual(out[0], ['progress-update', update(1)])
    assert.deepEqual(joined.heard, [update(1)])
  })

  test('is for that room, and for nobody who has left it or gone', async () => {
    const [left, gone, other] = [await join('websocket'), await join('websocket'), await join('websocket')]
    await left.socket.leave(ROOM)
    await other.socket.leave(ROOM)
    await other.socket.join('other')
    const closed = once(gone.socket, 'disconnect')
    gone.client.disconnect()
    broadcast.to(ROOM).emit('progress-update', update(1))
    await closed
    broadcast.to(ROOM).emit('progress-update', update(2))
    broadcast.to('nobody').emit('progress-update', update(3))
    await Promise.all([settled(left), settled(other)])
    assert.deepEqual([...left.heard, ...other.heard, ...gone.heard], [])
  })
})
