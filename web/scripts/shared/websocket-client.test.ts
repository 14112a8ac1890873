import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { Server } from 'socket.io'
import type { ServerOptions } from 'socket.io'
import { progressRoom } from '../../../server/protocol.ts'
import type { ClientToServerEvents, ServerToClientEvents } from '../../../server/protocol.ts'
import { WebSocketClient } from './websocket-client.ts'
import type { WebSocketClientEvents, WebSocketClientOptions } from './websocket-client.ts'

/** Pauses short enough not to be waited for. */
const QUICK: WebSocketClientOptions = { reconnectionDelay: 2, reconnectionDelayMax: 8 }
/** A pause no test lives to see the end of. */
const NEVER_MS = 3_600_000

type ProgressServer = Server<ClientToServerEvents, ServerToClientEvents>

interface Running {
  io: ProgressServer
  port: number
  url: string
  /** Every join and leave that arrived, in order. */
  calls: string[]
  close: () => Promise<void>
}

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface StartOptions extends Partial<ServerOptions> {
  port?: number
  /** Runs before the server listens. */
  prepare?: (io: ProgressServer) => void
}

const state = { progress: 40, message: 'Reading', metadata: { operation: 'csv-import' }, timestamp: 1 }

/** A server that answers joins as the real one does. */
async function startServer({ port = 0, prepare, ...options }: StartOptions = {}): Promise<Running> {
  const httpServer = createServer()
  const io: ProgressServer = new Server(httpServer, options)
  const calls: string[] = []
  io.on('connection', (socket) => {
    socket.on('join-progress', (sessionId, ack) => {
      calls.push(`join ${sessionId}`)
      if (sessionId === 'refused') {
        ack?.({ ok: false, error: 'The session id must be a UUID.' })
        return
      }
      void socket.join(progressRoom(sessionId))
      socket.emit('progress-status', { sessionId, status: 'processing', ...state })
      ack?.({ ok: true })
    })
    socket.on('leave-progress', (sessionId, ack) => {
      calls.push(`leave ${sessionId}`)
      void socket.leave(progressRoom(sessionId))
      ack?.({ ok: true })
    })
  })
  prepare?.(io)
  httpServer.listen(port, '127.0.0.1')
  await once(httpServer, 'listening')
  const actualPort = (httpServer.address() as AddressInfo).port
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= io.close()
    httpServer.closeAllConnections()
    return closing
  }
  cleanups.push(close)
  return { io, port: actualPort, url: `http://127.0.0.1:${actualPort}`, calls, close }
}

/** A port at which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function makeClient(url: string, options: WebSocketClientOptions = {}): WebSocketClient {
  const client = new WebSocketClient({ url, ...QUICK, ...options })
  cleanups.push(() => client.disconnect())
  return client
}

const EVENTS = [
  'connect', 'reconnect', 'disconnect', 'reconnecting', 'connectionFailed', 'progress', 'progressStatus', 'progressComplete', 'progressError',
] as const satisfies (keyof WebSocketClientEvents)[]

/** The names of all that the client fires from now on. */
function record(client: WebSocketClient): string[] {
  const fired: string[] = []
  for (const event of EVENTS) client.on(event, () => void fired.push(event))
  return fired
}

const next = <Event extends keyof WebSocketClientEvents>(client: WebSocketClient, event: Event) =>
  new Promise<Parameters<WebSocketClientEvents[Event]>>((resolve) => {
    client.once(event, (...args: unknown[]) => resolve(args as Parameters<WebSocketClientEvents[Event]>))
  })

/** Joins and waits for the state, by when the server has dealt with everything sent before. */
async function joinAndHear(client: WebSocketClient, sessionId: string): Promise<void> {
  const heard = Promise.withResolvers<undefined>()
  const stop = client.on('progressStatus', (snapshot) => {
    if (snapshot.sessionId === sessionId) heard.resolve(undefined)
  })
  client.emit('join-progress', sessionId)
  await heard.promise
  stop()
}

/** Breaks the transport under every connection, as a network does. */
function breakConnections({ io }: Running): void {
  for (const socket of io.sockets.sockets.values()) socket.conn.close()
}

describe('connecting', () => {
  test('connect resolves once there is a connection', async () => {
    const { url } = await startServer()
    const client = makeClient(url)
    const fired = record(client)
    assert.equal(client.connected, false)
    await client.connect()
    assert.equal(client.connected, true)
    assert.deepEqual(fired, ['connect'])
  })

  test('host and port come from window.location', async () => {
    const { url } = await startServer()
    Object.assign(globalThis, { window: { location: new URL(url) } })
    try {
      const client = new WebSocketClient()
      cleanups.push(() => client.disconnect())
      await client.connect()
    } finally {
      Reflect.deleteProperty(globalThis, 'window')
    }
  })

  test('the path can be set', async () => {
    const { url } = await startServer({ path: '/live' })
    await makeClient(url, { path: '/live' }).connect()
  })

  test('connecting while connecting, or when connected, makes no second connection', async () => {
    const { url, io } = await startServer()
    const client = makeClient(url)
    const fired = record(client)
    await Promise.all([client.connect(), client.connect()])
    await client.connect()
    assert.equal(io.sockets.sockets.size, 1)
    assert.deepEqual(fired, ['connect'])
  })

  test('where nothing listens, five retries are made, connectionFailed fires once and connect rejects', async () => {
    const client = makeClient(`http://127.0.0.1:${await freePort()}`, { reconnectionDelay: 4, reconnectionDelayMax: 20 })
    const fired = record(client)
    const retries: [number, number][] = []
    client.on('reconnecting', (attempt, delayMs) => void retries.push([attempt, delayMs]))
    const failed = next(client, 'connectionFailed')
    await assert.rejects(client.connect(), /^Error: Cannot reach http:\/\/127\.0\.0\.1:\d+: /)
    assert.ok((await failed)[0].cause instanceof Error)
    assert.deepEqual(fired, [...Array.from({ length: 5 }, () => 'reconnecting'), 'connectionFailed'])
    assert.deepEqual(retries.map(([attempt]) => attempt), [1, 2, 3, 4, 5])
    // Each pause is twice the one before, up to the longest, give or take half.
    for (const [i, pauseMs] of [4, 8, 16, 20, 20].entries()) {
      const [, delayMs] = retries[i]!
      assert.ok(delayMs >= pauseMs / 2 && delayMs <= pauseMs * 1.5, `${delayMs} for ${pauseMs}`)
    }
  })

  test('connect after giving up tries again, with all retries', async () => {
    const port = await freePort()
    const client = makeClient(`http://127.0.0.1:${port}`)
    await assert.rejects(client.connect())
    const fired = record(client)
    await assert.rejects(client.connect())
    assert.equal(fired.filter((event) => event === 'reconnecting').length, 5)
    await startServer({ port })
    await client.connect()
    assert.equal(client.connected, true)
  })

  test('connect during a pause tries at once', async () => {
    const port = await freePort()
    const client = makeClient(`http://127.0.0.1:${port}`, { reconnectionDelay: NEVER_MS, reconnectionDelayMax: NEVER_MS })
    const first = client.connect()
    await next(client, 'reconnecting')
    await startServer({ port })
    await client.connect()
    await first
  })

  test('a middleware that refuses is tried again, then given up', async () => {
    const { url } = await startServer({ prepare: (io) => void io.use((_, answer) => answer(new Error('not today'))) })
    const client = makeClient(url)
    const fired = record(client)
    await assert.rejects(client.connect(), /not today/)
    assert.deepEqual(fired, [...Array.from({ length: 5 }, () => 'reconnecting'), 'connectionFailed'])
  })

  test('a transport that opens and closes before there is a connection counts as a failed try', async () => {
    const { url } = await startServer({ prepare: (io) => void io.engine.on('connection', (transport: { close: () => void }) => transport.close()) })
    const client = makeClient(url)
    const fired = record(client)
    await assert.rejects(client.connect(), /Cannot reach/)
    assert.deepEqual(fired, [...Array.from({ length: 5 }, () => 'reconnecting'), 'connectionFailed'])
  })
})

describe('the fallback', () => {
  test('is not needed where WebSocket works', async () => {
    const { url, io } = await startServer()
    await makeClient(url).connect()
    assert.deepEqual([...io.sockets.sockets.values()].map(({ conn }) => conn.transport.name), ['websocket'])
  })

  test('is polling, in the same try, where WebSocket is refused', async () => {
    const { url, io } = await startServer({ transports: ['polling'] })
    const client = makeClient(url)
    const fired = record(client)
    await client.connect()
    assert.deepEqual(fired, ['connect'])
    assert.deepEqual([...io.sockets.sockets.values()].map(({ conn }) => conn.transport.name), ['polling'])
    await joinAndHear(client, randomUUID())
  })

  test('is polling, in a later try, where WebSocket is swallowed', async () => {
    const { url, io } = await startServer()
    io.httpServer.removeAllListeners('upgrade').on('upgrade', (_: unknown, socket: Duplex) => void cleanups.push(() => socket.destroy()))
    const client = makeClient(url, { timeout: 300 })
    await client.connect()
    assert.deepEqual([...io.sockets.sockets.values()].map(({ conn }) => conn.transport.name), ['polling'])
    await joinAndHear(client, randomUUID())
  })
})

describe('progress events', () => {
  test('each event of the server arrives under the client\'s name for it, with its payload', async () => {
    const { url, io } = await startServer()
    const client = makeClient(url)
    await client.connect()
    const sessionId = randomUUID()
    await joinAndHear(client, sessionId)
    const room = io.to(progressRoom(sessionId))
    const update = { sessionId, status: 'processing', ...state } as const
    const complete = { ...update, status: 'completed', progress: 100, duration: 5 } as const
    const failure = { ...update, status: 'error', error: { code: 'CANCELLED', detail: 'By you.' } } as const
    const heard = Promise.all([next(client, 'progress'), next(client, 'progressComplete'), next(client, 'progressError'), next(client, 'progressStatus')])
    room.emit('progress-update', update)
    room.emit('progress-complete', complete)
    room.emit('progress-error', failure)
    room.emit('progress-status', update)
    assert.deepEqual(await heard, [[update], [complete], [failure], [update]])
  })

  test('that data changed is heard without having joined anything', async () => {
    const { url, io } = await startServer()
    const client = makeClient(url)
    await client.connect()
    const heard = next(client, 'dataChanged')
    const change = { reason: 'restore', at: 5 } as const
    io.emit('data-changed', change)
    assert.deepEqual(await heard, [change])
  })
})

describe('rooms', () => {
  test('a session joined before there is a connection is joined by the connection, once', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    const [early, late] = [randomUUID(), randomUUID()]
    client.emit('join-progress', early)
    await client.connect()
    await joinAndHear(client, late)
    assert.deepEqual(server.calls, [`join ${early}`, `join ${late}`])
  })

  test('a session left before there is a connection is not joined', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    const [left, kept] = [randomUUID(), randomUUID()]
    client.emit('join-progress', left)
    client.emit('leave-progress', left)
    await client.connect()
    await joinAndHear(client, kept)
    assert.deepEqual(server.calls, [`join ${kept}`])
  })

  test('after a reconnect every room is joined again exactly once, except those left, and its state is heard', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const [first, second, left] = [randomUUID(), randomUUID(), randomUUID()]
    for (const sessionId of [first, second, left]) await joinAndHear(client, sessionId)
    client.emit('leave-progress', left)
    await joinAndHear(client, second)
    server.calls.length = 0

    const heard: string[] = []
    const bothHeard = new Promise<void>((resolve) => {
      client.on('progressStatus', ({ sessionId }) => heard.push(sessionId) === 2 && resolve())
    })
    breakConnections(server)
    await bothHeard
    assert.deepEqual(heard, [first, second])
    assert.deepEqual(server.calls, [`join ${first}`, `join ${second}`])
  })

  test('a join that only a dying connection was there to take is made once by the next', async (t) => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const [known, late] = [randomUUID(), randomUUID()]
    await joinAndHear(client, known)
    server.calls.length = 0
    // The laptop slept: the heartbeat is long overdue, but no timer has run yet.
    const clock = t.mock.method(Date, 'now', () => Number.MAX_SAFE_INTEGER)
    client.emit('join-progress', late)
    clock.mock.restore()
    const reconnected = next(client, 'reconnect')
    assert.deepEqual(await next(client, 'disconnect'), ['ping timeout'])
    await reconnected
    await joinAndHear(client, known)
    assert.deepEqual(server.calls.slice(0, 2), [`join ${known}`, `join ${late}`])
    assert.equal(server.calls.filter((call) => call === `join ${late}`).length, 1)
  })

  test('a session that the server refuses is not asked for again', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    client.emit('join-progress', 'refused')
    await joinAndHear(client, randomUUID())
    server.calls.length = 0
    const reconnected = next(client, 'reconnect')
    breakConnections(server)
    await reconnected
    await joinAndHear(client, randomUUID())
    assert.equal(server.calls.includes('join refused'), false)
  })
})

describe('a drop', () => {
  test('is told with its reason, then connect and reconnect', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const fired = record(client)
    const reason = next(client, 'disconnect')
    const reconnected = next(client, 'reconnect')
    breakConnections(server)
    assert.deepEqual(await reason, ['transport close'])
    assert.equal(client.connected, false)
    await reconnected
    assert.equal(client.connected, true)
    assert.deepEqual(fired, ['disconnect', 'reconnecting', 'connect', 'reconnect'])
  })

  test('by the server closing the socket is come back from too', async () => {
    const { url, io } = await startServer()
    const client = makeClient(url)
    await client.connect()
    const reason = next(client, 'disconnect')
    const reconnected = next(client, 'reconnect')
    io.disconnectSockets(true)
    assert.deepEqual(await reason, ['io server disconnect'])
    await reconnected
  })

  test('by a restart of the server is come back from, and the rooms are joined', async () => {
    const before = await startServer()
    const client = makeClient(before.url, { reconnectionDelay: 40, reconnectionDelayMax: 640 })
    await client.connect()
    const sessionId = randomUUID()
    await joinAndHear(client, sessionId)
    const heard = next(client, 'progressStatus')
    await before.close()
    const after = await startServer({ port: before.port })
    assert.equal((await heard)[0].sessionId, sessionId)
    assert.deepEqual(after.calls, [`join ${sessionId}`])
  })

  test('of a server that stays away is given up after five retries, once', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const fired = record(client)
    const failed = next(client, 'connectionFailed')
    await server.close()
    await failed
    assert.deepEqual(fired, ['disconnect', ...Array.from({ length: 5 }, () => 'reconnecting'), 'connectionFailed'])
  })

  test('each drop has five retries of its own', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const attempts: number[] = []
    client.on('reconnecting', (attempt) => void attempts.push(attempt))
    for (let drop = 0; drop < 7; drop += 1) {
      const reconnected = next(client, 'reconnect')
      breakConnections(server)
      await reconnected
    }
    assert.deepEqual(attempts, [1, 1, 1, 1, 1, 1, 1])
  })

  test('after having been given up, connect brings the connection and its rooms back', async () => {
    const before = await startServer()
    const client = makeClient(before.url)
    await client.connect()
    const sessionId = randomUUID()
    await joinAndHear(client, sessionId)
    const failed = next(client, 'connectionFailed')
    await before.close()
    await failed
    const after = await startServer({ port: before.port })
    const heard = next(client, 'progressStatus')
    await client.connect()
    await heard
    assert.deepEqual(after.calls, [`join ${sessionId}`])
  })

  test('a listener of it that calls connect causes one connection', async () => {
    const server = await startServer()
    const client = makeClient(server.url, { reconnectionDelay: NEVER_MS, reconnectionDelayMax: NEVER_MS })
    await client.connect()
    const fired = record(client)
    const reconnected = new Promise<void>((resolve) => {
      client.once('disconnect', () => void client.connect().then(resolve))
    })
    breakConnections(server)
    await reconnected
    assert.deepEqual(fired, ['disconnect', 'connect', 'reconnect'])
    assert.equal(server.io.sockets.sockets.size, 1)
  })

  test('a listener of it that calls disconnect ends the tries', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const fired = record(client)
    const dropped = new Promise<void>((resolve) => {
      client.once('disconnect', () => {
        client.disconnect()
        resolve()
      })
    })
    breakConnections(server)
    await dropped
    await client.connect()
    assert.deepEqual(fired, ['disconnect', 'connect', 'reconnect'])
  })
})

describe('disconnect', () => {
  test('closes the connection and is no failure', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const fired = record(client)
    const reason = next(client, 'disconnect')
    client.disconnect()
    assert.deepEqual(await reason, ['io client disconnect'])
    assert.equal(client.connected, false)
    assert.deepEqual(fired, ['disconnect'])
  })

  test('while connecting rejects what connect promised, and is no failure', async () => {
    const { url } = await startServer()
    const client = makeClient(url)
    const fired = record(client)
    const connecting = client.connect()
    client.disconnect()
    await assert.rejects(connecting, /closed by this page/)
    await client.connect()
    assert.deepEqual(fired, ['connect'])
  })

  test('during a pause ends the tries', async () => {
    const client = makeClient(`http://127.0.0.1:${await freePort()}`, { reconnectionDelay: NEVER_MS, reconnectionDelayMax: NEVER_MS })
    const connecting = client.connect()
    await next(client, 'reconnecting')
    const fired = record(client)
    client.disconnect()
    await assert.rejects(connecting, /closed by this page/)
    assert.deepEqual(fired, [])
  })

  test('without a connection does nothing', async () => {
    const { url } = await startServer()
    const client = makeClient(url)
    client.disconnect()
    client.disconnect()
    await client.connect()
  })

  test('is undone by connect, which joins the rooms again', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    await client.connect()
    const sessionId = randomUUID()
    await joinAndHear(client, sessionId)
    client.disconnect()
    const heard = next(client, 'progressStatus')
    await client.connect()
    assert.equal((await heard)[0].sessionId, sessionId)
  })
})

describe('listeners', () => {
  test('on returns what ends the subscription', async () => {
    const { url } = await startServer()
    const client = makeClient(url)
    let calls = 0
    const stop = client.on('connect', () => void (calls += 1))
    stop()
    await client.connect()
    assert.equal(calls, 0)
  })

  test('off ends a subscription made with on or once', async () => {
    const { url } = await startServer()
    const client = makeClient(url)
    let calls = 0
    const count = () => void (calls += 1)
    client.on('connect', count)
    client.off('connect', count)
    client.once('connect', count)
    client.off('connect', count)
    client.off('disconnect', count)
    await client.connect()
    assert.equal(calls, 0)
  })

  test('once is for one time', async () => {
    const server = await startServer()
    const client = makeClient(server.url)
    let calls = 0
    client.once('connect', () => void (calls += 1))
    await client.connect()
    const reconnected = next(client, 'reconnect')
    breakConnections(server)
    await reconnected
    assert.equal(calls, 1)
  })

  test('one that throws does not keep the others from hearing', async (t) => {
    const { url } = await startServer()
    const client = makeClient(url)
    const complaint = t.mock.method(console, 'error', () => undefined)
    const boom = new Error('boom')
    client.on('connect', () => {
      throw boom
    })
    const heard = next(client, 'connect')
    await client.connect()
    await heard
    assert.deepEqual(complaint.mock.calls.map((call) => call.arguments), [['A listener of connect failed', boom]])
  })
})

describe('verbose output', () => {
  /** A browser's storage, as far as it is needed. */
  function provideStorage(t: TestContext, getItem: (key: string) => string | null) {
    Object.defineProperty(globalThis, 'localStorage', { value: { getItem }, configurable: true })
    t.after(() => Reflect.deleteProperty(globalThis, 'localStorage'))
    return t.mock.method(console, 'debug', () => undefined)
  }

  test('is turned on and off by hextrackr_debug, without a new client', async (t) => {
    const storage = new Map<string, string>()
    const output = provideStorage(t, (key) => storage.get(key) ?? null)
    const { url } = await startServer()
    const client = makeClient(url)
    await client.connect()
    assert.equal(output.mock.callCount(), 0)

    storage.set('hextrackr_debug', 'true')
    await joinAndHear(client, randomUUID())
    const soFar = output.mock.callCount()
    assert.ok(soFar > 0)

    storage.delete('hextrackr_debug')
    await joinAndHear(client, randomUUID())
    assert.equal(output.mock.callCount(), soFar)
  })

  test('is off where the browser refuses its storage', async (t) => {
    const output = provideStorage(t, () => {
      throw new Error('denied')
    })
    const { url } = await startServer()
    await makeClient(url).connect()
    assert.equal(output.mock.callCount(), 0)
  })
})
