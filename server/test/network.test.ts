import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { ExportEnd, Problem } from '../protocol.ts'
import { newSessionId, TestServer } from './support.ts'
import { suiteScope } from './suite.ts'

const open = async (server: TestServer): Promise<Socket> => {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return socket
}

/** Send raw text and read the answer until the server closes. */
async function ask(server: TestServer, ...lines: string[]): Promise<string> {
  const socket = await open(server)
  socket.write([...lines, '', ''].join('\r\n'))
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer
}

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']

describe('what comes over the wire', () => {
  let server: TestServer
  let host: string
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope)
    host = new URL(server.url).host
  })

  test('is refused without a Host, under another name and from other pages: HTTP, polling and WebSocket alike', async () => {
    const forbidden = /^HTTP\/1\.1 403 [^]*"code":"FORBIDDEN_ORIGIN"/
    for (const path of ['/', '/api/tables', '/socket.io/?EIO=4&transport=polling', '/nothing']) {
      assert.match(await ask(server, `GET ${path} HTTP/1.0`), forbidden)
      assert.match(await ask(server, `GET ${path} HTTP/1.1`, 'Connection: close'), /^HTTP\/1\.1 400 /)
      for (const headers of [['Host: evil.example'], [`Host: ${host}`, 'Origin: http://evil.example'], [`Host: ${host}`, 'Origin: null'], [`Host: ${host}`, 'Sec-Fetch-Site: cross-site'], ['Host: localhost:99999']]) {
        assert.match(await ask(server, `GET ${path} HTTP/1.1`, 'Connection: close', ...headers), forbidden, `${path} ${headers.join()}`)
      }
      assert.match(await ask(server, `GET http://evil.example${path} HTTP/1.1`, 'Host: evil.example', 'Connection: close'), forbidden)
    }
    const path = 'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1'
    assert.match(await ask(server, path, ...UPGRADE, `Host: ${host}`, 'Origin: http://evil.example'), forbidden)
    assert.match(await ask(server, path, ...UPGRADE, 'Host: evil.example', 'Origin: http://evil.example'), forbidden)
    const welcome = await open(server)
    welcome.write([path, ...UPGRADE, `Host: ${host}`, `Origin: http://${host}`, '', ''].join('\r\n'))
    assert.match(String((await once(welcome, 'data'))[0]), /^HTTP\/1\.1 101 /)
    welcome.destroy()
  })

  test('may hold two Hosts, of which the first one counts and is looked at', async () => {
    assert.match(await ask(server, 'GET /api/tables HTTP/1.1', 'Host: evil.example', `Host: ${host}`, 'Connection: close'), /^HTTP\/1\.1 40[03] /)
  })

  test('ends a socket that sends more at once than any session id needs', async () => {
    const watcher = await server.connect()
    const gone = new Promise((resolve) => watcher.socket.once('disconnect', resolve))
    watcher.socket.emit('join-progress', 'x'.repeat(2 ** 20))
    await gone
    assert.deepEqual(await (await server.connect()).join(newSessionId()), { ok: true })
  })

  test('is answered even where a socket floods, and others are served meanwhile', async () => {
    const [flood, other] = [await server.connect(), await server.connect()]
    const answers = Promise.all(Array.from({ length: 25_000 }, (_, index) => new Promise<{ ok: boolean }>((resolve) =>
      flood.socket.emit(index % 2 === 0 ? 'join-progress' : 'leave-progress', newSessionId(), resolve))))
    assert.deepEqual(await other.join(newSessionId()), { ok: true })
    const refused = (await answers).filter(({ ok }) => !ok)
    assert.ok(refused.length > 5_000, `${refused.length} were refused`)
  })
})

describe('a request', () => {
  test('with a compressed body is refused, and no socket is offered compression', async (t) => {
    const server = await TestServer.start(t)
    const { host } = new URL(server.url)
    const bomb = gzipSync(JSON.stringify({ sql: ' '.repeat(50_000_000) }))
    for (const path of ['/api/query', '/api/imports', '/api/imports/preview']) {
      for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip']) {
        const { status, body } = await server.request<Problem>('POST', path, { body: bomb, headers: { 'content-type': 'application/json', 'content-encoding': encoding } })
        assert.deepEqual([status, body.code], [400, 'BAD_BODY'])
      }
    }
    const socket = await open(server)
    socket.write(['GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', ...UPGRADE, `Host: ${host}`, 'Sec-WebSocket-Extensions: permessage-deflate', '', ''].join('\r\n'))
    const welcome = String((await once(socket, 'data'))[0])
    assert.match(welcome, /^HTTP\/1\.1 101 /)
    assert.doesNotMatch(welcome, /deflate/i)
    socket.destroy()
  })

  test('for a preview is refused while as many as are taken are under way, and others are served', async (t) => {
    const server = await TestServer.start(t)
    const { host } = new URL(server.url)
    const sockets = await Promise.all(Array.from({ length: 50 }, async () => {
      const socket = await open(server)
      socket.write(['POST /api/imports/preview HTTP/1.1', `Host: ${host}`, 'Content-Length: 1000', 'Content-Type: multipart/form-data; boundary=b', '', '--b', ''].join('\r\n'))
      return socket
    }))
    const ask = () => {
      const body = new FormData()
      body.append('file', new Blob(['a,b\n1,2\n']), 'file.csv')
      return server.request<Problem>('POST', '/api/imports/preview', { body })
    }
    let answer = await ask()
    // Each of them counts once its headers have been read.
    while (answer.status !== 429) answer = await ask()
    assert.equal(answer.body.code, 'TOO_MANY_REQUESTS')
    assert.equal((await server.import('a\n1\n')).status, 'completed')
    for (const socket of sockets) socket.destroy()
    do answer = await ask(); while (answer.status === 429)
    assert.equal(answer.status, 200)
  })

  test('whose answer nobody takes is ended, and makes room for the next', async (t) => {
    const server = await TestServer.start(t, { env: { DOWNLOAD_STALL_SECONDS: '1' } })
    const { host } = new URL(server.url)
    const { table } = await server.import(`text\n${`${'x'.repeat(1000)}\n`.repeat(30_000)}`)
    // As many as run at once.
    const ids = Array.from({ length: 4 }, newSessionId)
    const sockets = await Promise.all(ids.map(async (id) => {
      const socket = await open(server)
      socket.pause()
      socket.write([`GET /api/tables/${table}/export?id=${id} HTTP/1.1`, `Host: ${host}`, '', ''].join('\r\n'))
      return socket
    }))
    for (const id of ids) assert.equal((await server.get<ExportEnd>(`/api/exports/${id}`)).body.state, 'stopped')
    assert.equal((await server.export(table)).length, 6 + 1002 * 30_000)
    for (const socket of sockets) socket.destroy()
  })

  test('whose body stops arriving is ended as UPLOAD_LOST, and one that is slow but steady arrives', async (t) => {
    const server = await TestServer.start(t, { env: { UPLOAD_STALL_SECONDS: '5' } })
    const { host } = new URL(server.url)
    const begin = async (sessionId: string): Promise<Socket> => {
      const socket = await open(server)
      socket.write(['POST /api/imports HTTP/1.1', `Host: ${host}`, 'Connection: close', 'Transfer-Encoding: chunked', 'Content-Type: multipart/form-data; boundary=b', '', ''].join('\r\n'))
      send(socket, `--b\r\nContent-Disposition: form-data; name="sessionId"\r\n\r\n${sessionId}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="slow.csv"\r\n\r\nrows\n`)
      return socket
    }
    const send = (socket: Socket, text: string) => socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)

    const [stalled, steady] = [newSessionId(), newSessionId()]
    const stalledSocket = await begin(stalled)
    const closed = once(stalledSocket, 'close')
    stalledSocket.resume()
    const steadySocket = await begin(steady)
    let answer = ''
    steadySocket.setEncoding('utf8').on('data', (text: string) => {
      answer += text
    })
    const bodyOf = once(steadySocket, 'end')
    const state = { isClosed: false }
    void closed.then(() => {
      state.isClosed = true
    })
    // For longer than the one that says nothing lives.
    let rows = 0
    do {
      send(steadySocket, `${++rows}\n`)
      await pause(100)
    } while (!state.isClosed)
    send(steadySocket, '\r\n--b--\r\n')
    steadySocket.write('0\r\n\r\n')
    await bodyOf
    assert.match(answer, /^HTTP\/1\.1 202 /)
    assert.equal((await server.outcome(stalled)).error?.code, 'UPLOAD_LOST')
    assert.equal((await server.outcome(steady)).status, 'completed')
    await server.settled()
  })

  test('beyond the rate of its address is refused with the time to wait; other addresses and this machine are not', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_REQUESTS_PER_MINUTE: '20', TRUSTED_PROXIES: 'loopback' } })
    const from = (address: string) => server.request<Problem>('GET', '/api/health', { headers: { 'x-forwarded-for': address } })
    for (let index = 0; index < 20; index++) assert.equal((await from('203.0.113.7')).status, 200)
    const refused = await from('203.0.113.7')
    assert.deepEqual([refused.status, refused.body.code], [429, 'TOO_MANY_REQUESTS'])
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    assert.equal((await from('203.0.113.8')).status, 200)
    for (let index = 0; index < 30; index++) assert.equal((await server.get('/api/health')).status, 200)
    assert.equal((await from('<script>')).status, 200)
  })
})

test('an address has so many live connections and no more, and a place is free again once one closes', async (t) => {
  const server = await TestServer.start(t, { env: { MAX_SOCKETS_PER_ADDRESS: '3' } })
  const sockets = [await server.connect(), await server.connect('polling'), await server.connect()]
  await assert.rejects(server.connect())
  const refused = await server.get<Problem>('/socket.io/?EIO=4&transport=polling')
  assert.deepEqual([refused.status, refused.body.code], [429, 'TOO_MANY_SOCKETS'])
  assert.deepEqual(await sockets[1]!.join(newSessionId()), { ok: true }, 'those that are there go on, polling too')
  sockets[0]!.socket.disconnect()
  while ((await server.get('/socket.io/?EIO=4&transport=polling')).status !== 200) await pause(10)
})
