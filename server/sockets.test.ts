import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'

import { Server } from 'socket.io'
import { io as connectTo } from 'socket.io-client'
import type { Socket } from 'socket.io-client'

import { progressRoom } from './protocol.ts'
import type { ClientToServerEvents, ProgressSnapshot, ServerToClientEvents } from './protocol.ts'
import { attachProgressSockets, parseSessionId } from './sockets.ts'
import type { ProgressSocketsOptions } from './sockets.ts'

type Answer = { ok: true } | { ok: false, error: string }
/** Untyped on purpose: half of these tests send what our own page never would. */
type AnyClient = Socket

const REFUSED = { ok: false, error: 'The session id must be a UUID.' }

let httpServer: HttpServer
let io: Server<ClientToServerEvents, ServerToClientEvents>
let clients: AnyClient[]
let logged: { level: string, fields: object, message: string }[]
let snapshot: ProgressSocketsOptions['snapshot']

const stateOf = (sessionId: string, progress = 40): ProgressSnapshot => ({
  sessionId, progress, status: 'processing', message: 'Reading', metadata: { operation: 'csv-import' }, timestamp: 1,
})

const update = (sessionId: string, progress: number) => io.to(progressRoom(sessionId)).emit('progress-update', {
  sessionId, progress, status: 'processing', message: 'Reading', metadata: { operation: 'csv-import' }, timestamp: 2,
})

async function connect(): Promise<AnyClient> {
  const client = connectTo(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`, { transports: ['websocket'], forceNew: true, reconnection: false })
  clients.push(client)
  await new Promise<void>((resolve, reject) => {
    client.once('connect', resolve)
    client.once('connect_error', reject)
  })
  return client
}

const ask = async (client: AnyClient, event: string, ...args: unknown[]): Promise<Answer> =>
  await client.timeout(5_000).emitWithAck(event, ...args) as Answer

/** Everything the client hears from now on, as [event, payload]. */
function record(client: AnyClient): [string, unknown][] {
  const heard: [string, unknown][] = []
  client.onAny((event: string, payload: unknown) => heard.push([event, payload]))
  return heard
}

/** The one socket there is, as the server sees it. */
async function serverSide() {
  const [socket] = await io.fetchSockets()
  assert.ok(socket)
  return socket
}

beforeEach(async () => {
  clients = []
  logged = []
  snapshot = () => null
  httpServer = createServer()
  io = new Server(httpServer, { maxHttpBufferSize: 32 * 2 ** 20 })
  const log = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message })
  attachProgressSockets(io, { snapshot: (sessionId) => snapshot(sessionId), logger: { debug: log('debug'), warn: log('warn') } })
  httpServer.listen(0, '127.0.0.1')
  await once(httpServer, 'listening')
})

afterEach(async () => {
  for (const client of clients) client.disconnect()
  await io.close()
})

describe('parseSessionId', () => {
  test('reads a UUID in either case as the same id', () => {
    const id = randomUUID()
    assert.equal(parseSessionId(id), id)
    assert.equal(parseSessionId(id.toUpperCase()), id)
  })

  test('is null for anything else', () => {
    const id = randomUUID()
    for (const value of [undefined, null, 1, {}, [id], '', 'import', ` ${id}`, `${id}\n`, id.slice(1), id.replaceAll('-', ''), `{${id}}`, 'g'.repeat(36)]) {
      assert.equal(parseSessionId(value), null)
    }
  })
})

describe('join-progress', () => {
  test('a client that joined hears the events of that session only', async () => {
    const [mine, other] = [randomUUID(), randomUUID()]
    const client = await connect()
    const heard = record(client)
    assert.deepEqual(await ask(client, 'join-progress', mine), { ok: true })
    update(other, 1)
    update(mine, 2)
    await ask(client, 'leave-progress', mine)
    assert.deepEqual(heard.map(([event, payload]) => [event, (payload as { progress: number }).progress]), [['progress-update', 2]])
  })

  test('the joining socket alone is told the state, before its answer', async () => {
    const id = randomUUID()
    snapshot = () => stateOf(id)
    const [first, second] = [await connect(), await connect()]
    await ask(first, 'join-progress', id)
    const [heardByFirst, heardBySecond] = [record(first), record(second)]
    await ask(second, 'join-progress', id)
    assert.deepEqual(heardBySecond, [['progress-status', stateOf(id)]])
    await ask(first, 'leave-progress', randomUUID())
    assert.deepEqual(heardByFirst, [])
  })

  test('no state is told where none is known', async () => {
    const client = await connect()
    const heard = record(client)
    assert.deepEqual(await ask(client, 'join-progress', randomUUID()), { ok: true })
    assert.deepEqual(heard, [])
  })

  test('the state may be looked up asynchronously', async () => {
    const id = randomUUID()
    snapshot = () => Promise.resolve(stateOf(id))
    const client = await connect()
    const heard = record(client)
    await ask(client, 'join-progress', id)
    assert.deepEqual(heard, [['progress-status', stateOf(id)]])
  })

  test('an event sent during the lookup is heard, and the older state does not follow it', async () => {
    const id = randomUUID()
    snapshot = () => {
      const found = stateOf(id, 40)
      update(id, 60)
      return Promise.resolve(found)
    }
    const client = await connect()
    const heard = record(client)
    assert.deepEqual(await ask(client, 'join-progress', id), { ok: true })
    assert.deepEqual(heard.map(([event, payload]) => [event, (payload as { progress: number }).progress]), [['progress-update', 60]])
  })

  test('an event of another session during the lookup does not keep the state back', async () => {
    const [mine, other] = [randomUUID(), randomUUID()]
    snapshot = (sessionId) => {
      if (sessionId === mine) update(other, 60)
      return stateOf(sessionId)
    }
    const client = await connect()
    await ask(client, 'join-progress', other)
    const heard = record(client)
    await ask(client, 'join-progress', mine)
    assert.deepEqual(heard.map(([event]) => event), ['progress-update', 'progress-status'])
  })

  test('joining twice at once tells the state twice', async () => {
    const id = randomUUID()
    snapshot = () => Promise.resolve(stateOf(id))
    const client = await connect()
    const heard = record(client)
    await Promise.all([ask(client, 'join-progress', id), ask(client, 'join-progress', id)])
    assert.deepEqual(heard.map(([event]) => event), ['progress-status', 'progress-status'])
  })

  test('a client that left during the lookup is told nothing', async () => {
    const id = randomUUID()
    const lookup = Promise.withResolvers<ProgressSnapshot>()
    snapshot = () => lookup.promise
    const client = await connect()
    const heard = record(client)
    const joined = ask(client, 'join-progress', id)
    await ask(client, 'leave-progress', id)
    lookup.resolve(stateOf(id))
    assert.deepEqual(await joined, { ok: true })
    assert.deepEqual(heard, [])
  })

  test('a client that is gone before the lookup ends harms nothing', async () => {
    const lookup = Promise.withResolvers<ProgressSnapshot>()
    const asked = Promise.withResolvers<undefined>()
    snapshot = () => {
      asked.resolve(undefined)
      return lookup.promise
    }
    const client = await connect()
    client.emit('join-progress', randomUUID(), () => undefined)
    await asked.promise
    const [socket] = io.sockets.sockets.values()
    client.disconnect()
    await once(socket as never, 'disconnect')
    lookup.resolve(stateOf(randomUUID()))
    await lookup.promise
    snapshot = () => null
    assert.deepEqual(await ask(await connect(), 'join-progress', randomUUID()), { ok: true })
  })

  for (const [how, failing] of [
    ['throws', () => {
      throw new Error('no database')
    }],
    ['rejects', () => Promise.reject(new Error('no database'))],
  ] as const) {
    test(`a lookup that ${how} is logged; the client is answered and hears what follows`, async () => {
      const id = randomUUID()
      snapshot = failing
      const client = await connect()
      const heard = record(client)
      assert.deepEqual(await ask(client, 'join-progress', id), { ok: true })
      update(id, 5)
      await ask(client, 'leave-progress', id)
      assert.deepEqual(heard.map(([event]) => event), ['progress-update'])
      assert.deepEqual(logged.map(({ level }) => level), ['warn'])
    })
  }

  test('an id in upper case is the same session', async () => {
    const id = randomUUID()
    const asked: string[] = []
    snapshot = (sessionId) => {
      asked.push(sessionId)
      return null
    }
    const client = await connect()
    const heard = record(client)
    await ask(client, 'join-progress', id.toUpperCase())
    update(id, 1)
    await ask(client, 'leave-progress', id.toUpperCase())
    update(id, 2)
    await ask(client, 'leave-progress', id)
    assert.deepEqual(asked, [id])
    assert.deepEqual(heard.map(([, payload]) => (payload as { progress: number }).progress), [1])
  })

  test('joining again tells the state again', async () => {
    const id = randomUUID()
    snapshot = () => stateOf(id)
    const client = await connect()
    const heard = record(client)
    await ask(client, 'join-progress', id)
    await ask(client, 'join-progress', id)
    assert.equal(heard.length, 2)
  })

  test('a socket can be in 100 progress rooms, and in another once it has left one', async () => {
    const client = await connect()
    const ids = Array.from({ length: 100 }, () => randomUUID())
    for (const id of ids) assert.deepEqual(await ask(client, 'join-progress', id), { ok: true })
    assert.deepEqual(await ask(client, 'join-progress', randomUUID()), { ok: false, error: 'A socket can follow 100 sessions at most.' })
    assert.deepEqual(await ask(client, 'join-progress', ids[0]), { ok: true })
    await ask(client, 'leave-progress', ids[0])
    assert.deepEqual(await ask(client, 'join-progress', randomUUID()), { ok: true })
  })

  test('many joins sent at once do not get past the limit', async () => {
    snapshot = () => Promise.resolve(null)
    const client = await connect()
    const answers = await Promise.all(Array.from({ length: 150 }, () => ask(client, 'join-progress', randomUUID())))
    assert.equal(answers.filter(({ ok }) => ok).length, 100)
  })
})

describe('leave-progress', () => {
  test('ends the events', async () => {
    const id = randomUUID()
    const client = await connect()
    await ask(client, 'join-progress', id)
    assert.deepEqual(await ask(client, 'leave-progress', id), { ok: true })
    assert.equal((await serverSide()).rooms.has(progressRoom(id)), false)
  })

  test('leaving a room one is not in is fine', async () => {
    assert.deepEqual(await ask(await connect(), 'leave-progress', randomUUID()), { ok: true })
  })
})

describe('what is no UUID string', () => {
  const nonsense: [string, unknown[]][] = [
    ['nothing', []],
    ['null', [null]],
    ['a number', [7]],
    ['a word', ['import']],
    ['an object', [{ toString: 'x', length: 36 }]],
    ['a list holding a UUID', [[randomUUID()]]],
    ['a buffer', [Buffer.alloc(36)]],
    ['10 MB of text', ['a'.repeat(10 * 2 ** 20)]],
    ['a UUID too long', [`${randomUUID()}0`]],
    ['a room name', [progressRoom(randomUUID())]],
    ['many arguments', Array.from({ length: 500 }, (_, i) => i)],
  ]
  for (const event of ['join-progress', 'leave-progress']) {
    for (const [name, args] of nonsense) {
      test(`${event} with ${name} is refused through the answer`, async () => {
        const client = await connect()
        assert.deepEqual(await ask(client, event, ...args), REFUSED)
        assert.equal((await serverSide()).rooms.size, 1)
      })
    }

    test(`${event} without an acknowledgement, or with something else in its place, is survived`, async () => {
      const id = randomUUID()
      const client = await connect()
      client.emit(event)
      client.emit(event, 'nonsense')
      client.emit(event, 'nonsense', 'not a function')
      client.emit(event, id, { ok: true })
      client.emit(event, id)
      assert.deepEqual(await ask(client, 'leave-progress', id), { ok: true })
    })
  }
})

test('a disconnect leaves one debug line', async () => {
  const client = await connect()
  const [socket] = io.sockets.sockets.values()
  client.disconnect()
  await once(socket as never, 'disconnect')
  assert.deepEqual(logged, [{ level: 'debug', fields: { socketId: socket!.id, reason: 'client namespace disconnect' }, message: 'socket disconnected' }])
})

test('the logger is optional', async () => {
  const quiet = new Server<ClientToServerEvents, ServerToClientEvents>(0)
  try {
    attachProgressSockets(quiet, { snapshot: () => {
      throw new Error('no database')
    } })
    const port = (quiet.httpServer.address() as AddressInfo).port
    const client = connectTo(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true, reconnection: false })
    clients.push(client)
    assert.deepEqual(await ask(client, 'join-progress', randomUUID()), { ok: true })
  } finally {
    await quiet.close()
  }
})
