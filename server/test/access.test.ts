import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { ApiTokenInfo, Health, NewApiToken, Problem, SessionInfo } from '../protocol.ts'
import { newSessionId, temporaryFolder, TestServer, type Watcher } from './support.ts'
import { suiteScope } from './suite.ts'

const PASSWORD = 'open sesame'
const COOKIE = /^hextrackr_session=[\w-]{43}; Path=\/; Expires=.+ GMT; HttpOnly; SameSite=Strict$/

const codeOf = ({ status, body }: { status: number, body: unknown }) => [status, (body as Problem).code]
const disconnected = async ({ socket }: Watcher): Promise<string> => (await new Promise<string>((resolve) => socket.once('disconnect', resolve)))

/** What a raw WebSocket handshake is answered with. */
async function handshake(server: TestServer, headers: string[] = []): Promise<string> {
  const { hostname, port, host } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write([
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: websocket',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...headers, '', '',
  ].join('\r\n'))
  const [answer] = await once(socket, 'data') as [Buffer]
  socket.destroy()
  return answer.toString()
}

describe('a server with a password', () => {
  let server: TestServer
  const scope = suiteScope()
  before(async () => {
    server = await TestServer.start(scope, { env: { HEXTRACKR_PASSWORD: PASSWORD } })
  })
  const as = (headers: Record<string, string>) => ({ headers })

  test('answers no request of a stranger but what the page needs to let somebody in', async () => {
    const id = newSessionId()
    for (const [method, path] of [
      ['GET', '/api/tables'], ['GET', '/api/tables/x/rows'], ['GET', '/api/tables/x/export'], ['PATCH', '/api/tables/x'], ['DELETE', '/api/tables/x'],
      ['GET', '/api/imports'], ['POST', '/api/imports'], ['POST', '/api/imports/preview'], ['GET', `/api/imports/${id}`], ['GET', `/api/progress/${id}`],
      ['GET', '/api/backups'], ['POST', '/api/backups'], ['POST', '/api/restore'], ['GET', '/api/sample'], ['GET', '/api/tokens'], ['POST', '/api/tokens'],
      ['GET', '/api/nothing'], ['GET', '/API/tables'], ['GET', '/api/tables/'], ['GET', '/api//tables'],
    ] as const) {
      const answer = await server.request<Problem>(method, path)
      assert.deepEqual(codeOf(answer), [401, 'UNAUTHORIZED'], `${method} ${path}`)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="HexTrackr"')
    }
    assert.deepEqual((await server.get<Health>('/api/health')).body, { status: 'ok' })
    assert.deepEqual((await server.get<SessionInfo>('/api/session')).body, { passwordRequired: true, signedIn: false })
  })

  test('lets whoever signs in do everything, until they sign out', async () => {
    const wrong = await server.send<Problem>('POST', '/api/session', { password: 'wrong' })
    assert.deepEqual(codeOf(wrong), [401, 'UNAUTHORIZED'])
    assert.deepEqual(wrong.headers.getSetCookie(), [])
    const answer = await server.send<SessionInfo>('POST', '/api/session', { password: PASSWORD })
    const [setCookie] = answer.headers.getSetCookie()
    assert.match(setCookie!, COOKIE)
    const session = { cookie: setCookie!.split(';')[0]! }
    assert.deepEqual((await server.request<SessionInfo>('GET', '/api/session', as(session))).body, answer.body)
    assert.deepEqual(Object.keys((await server.request<Health>('GET', '/api/health', as(session))).body).slice(0, 3), ['status', 'version', 'sqlite'])
    assert.equal((await server.request('GET', '/api/tables', as(session))).status, 200)

    const out = await server.request('DELETE', '/api/session', as(session))
    assert.equal(out.status, 204)
    assert.match(out.headers.getSetCookie()[0]!, /^hextrackr_session=; Path=\/; Expires=Thu, 01 Jan 1970/)
    assert.equal((await server.request('GET', '/api/tables', as(session))).status, 401)
  })

  test('refuses sockets of strangers with the same words, over WebSocket and polling', async () => {
    assert.match(await handshake(server), /^HTTP\/1\.1 401 Unauthorized\r\n[^]*application\/problem\+json[^]*"code":"UNAUTHORIZED"/)
    assert.match(await handshake(server, ['Cookie: hextrackr_session=x']), /^HTTP\/1\.1 401 /)
    assert.deepEqual(codeOf(await server.get('/socket.io/?EIO=4&transport=polling')), [401, 'UNAUTHORIZED'])
    assert.deepEqual(codeOf(await server.request('POST', '/socket.io/?EIO=4&transport=polling&sid=x', { body: '40' })), [401, 'UNAUTHORIZED'])
    await assert.rejects(server.connect())
    await assert.rejects(server.connect('polling'))
    assert.match(await handshake(server, [`Cookie: ${(await server.signIn(PASSWORD)).cookie}`]), /^HTTP\/1\.1 101 /)
  })

  test('cuts running sockets of a session that signs out, and no others', async (t) => {
    const [mine, other] = [await server.signIn(PASSWORD), await server.signIn(PASSWORD)]
    t.after(() => {
      server.headers = {}
    })
    server.headers = mine
    const sockets = [await server.connect(), await server.connect('polling')]
    const { sessionId } = (await server.import('a\n1\n'))
    assert.deepEqual(await sockets[0]!.join(sessionId), { ok: true })
    server.headers = other
    const stays = await server.connect()
    const cut = sockets.map(disconnected)
    assert.equal((await server.request('DELETE', '/api/session', as(mine))).status, 204)
    await Promise.all(cut)
    assert.deepEqual(await stays.join(sessionId), { ok: true })
  })

  test('lets scripts in by tokens, which are made, listed and revoked by people', async () => {
    const session = await server.signIn(PASSWORD)
    const made = await server.send<NewApiToken>('POST', '/api/tokens', { name: 'nightly' }, session)
    assert.equal(made.status, 201)
    const { token, ...info } = made.body
    const listed = await server.request<ApiTokenInfo[]>('GET', '/api/tokens', as(session))
    assert.deepEqual(listed.body, [info])
    assert.doesNotMatch(JSON.stringify(listed.body), /hxt_/)

    const script = { authorization: `Bearer ${token}` }
    const form = new FormData()
    form.append('file', new Blob(['a\n1\n']), 'by-token.csv')
    assert.equal((await server.request('POST', '/api/imports', { body: form, ...as(script) })).status, 202)
    for (const method of ['GET', 'POST', 'DELETE']) {
      assert.deepEqual(codeOf(await server.request(method, `/api/tokens${method === 'DELETE' ? `/${info.id}` : ''}`, as(script))), [403, 'SESSION_REQUIRED'])
    }
    server.headers = script
    const socket = await server.connect()
    server.headers = {}
    const cut = disconnected(socket)
    assert.equal((await server.request('DELETE', `/api/tokens/${info.id}`, as(session))).status, 204)
    await cut
    assert.equal((await server.request('GET', '/api/tables', as(script))).status, 401)
    assert.deepEqual(codeOf(await server.request('DELETE', `/api/tokens/${info.id}`, as(session))), [404, 'TOKEN_NOT_FOUND'])
  })

  test('lets a token that may only read change nothing', async () => {
    const session = await server.signIn(PASSWORD)
    const { body: { token } } = await server.send<NewApiToken>('POST', '/api/tokens', { name: 'reader', scope: 'read' }, session)
    const reader = { authorization: `Bearer ${token}` }
    assert.equal((await server.request('GET', '/api/tables', as(reader))).status, 200)
    const form = new FormData()
    form.append('file', new Blob(['a\n1\n']), 'x.csv')
    assert.deepEqual(codeOf(await server.request('POST', '/api/imports', { body: form, ...as(reader) })), [403, 'READ_ONLY_TOKEN'])
    assert.deepEqual(codeOf(await server.request('DELETE', '/api/tables/x', as(reader))), [403, 'READ_ONLY_TOKEN'])
    assert.equal((await server.send('POST', '/api/query', { sql: 'SELECT 1' }, reader)).status, 200)
    assert.deepEqual(codeOf(await server.request('POST', '/api/imports/query', as(reader))), [403, 'READ_ONLY_TOKEN'])
  })

  test('refuses a body that holds no password', async () => {
    for (const body of ['', '{', '[]', '{}', '{"password":7}', '{"password":{"length":3}}', '{"__proto__":{"password":"x"}}']) {
      const { status } = await server.request('POST', '/api/session', { body, headers: { 'content-type': 'application/json' } })
      assert.equal(status, 400, body)
    }
    assert.equal((await server.request('POST', '/api/session', { body: `password=${PASSWORD}`, headers: { 'content-type': 'application/x-www-form-urlencoded' } })).status, 400)
    assert.deepEqual(codeOf(await server.send('POST', '/api/session', { password: 'x'.repeat(20_000) })), [413, 'BODY_TOO_LARGE'])
  })
})

test('sessions outlive a restart, and end with the password', async (t) => {
  const dataDir = temporaryFolder(t)
  const env = { HEXTRACKR_PASSWORD: PASSWORD }
  const first = await TestServer.start(t, { dataDir, env })
  const session = { headers: await first.signIn(PASSWORD) }
  assert.equal(statSync(join(dataDir, 'access.db')).mode & 0o077, 0, 'nobody else reads it')
  await first.kill()
  const second = await TestServer.start(t, { dataDir, env })
  assert.equal((await second.request('GET', '/api/tables', session)).status, 200)
  await second.kill('SIGTERM')
  const third = await TestServer.start(t, { dataDir, env: { HEXTRACKR_PASSWORD: 'another' } })
  assert.equal((await third.request('GET', '/api/tables', session)).status, 401)
})

describe('passwords that are tried', () => {
  const TRUST = { HEXTRACKR_PASSWORD: PASSWORD, TRUSTED_PROXIES: 'loopback' }
  const attempt = (server: TestServer, password: string, from: string) => server.send<Problem>('POST', '/api/session', { password }, { 'x-forwarded-for': from })

  test('are limited for each address, and others may still sign in', async (t) => {
    const server = await TestServer.start(t, { env: TRUST })
    for (let index = 0; index < 10; index++) assert.equal((await attempt(server, 'guess', '203.0.113.7')).status, 401)
    const refused = await attempt(server, PASSWORD, '203.0.113.7')
    assert.deepEqual(codeOf(refused), [429, 'TOO_MANY_REQUESTS'])
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    assert.equal((await attempt(server, PASSWORD, '203.0.113.8')).status, 200)
  })

  test('are counted by network where the address is IPv6', async (t) => {
    const server = await TestServer.start(t, { env: TRUST })
    for (let index = 0; index < 10; index++) assert.equal((await attempt(server, 'guess', `2001:db8:1:2::${index}`)).status, 401)
    assert.equal((await attempt(server, 'guess', '2001:db8:1:2:ffff::1')).status, 429)
    assert.equal((await attempt(server, 'guess', '2001:db8:1:3::1')).status, 401)
  })

  test('are limited for all addresses together', async (t) => {
    const server = await TestServer.start(t, { env: TRUST })
    const statuses = await Promise.all(Array.from({ length: 51 }, (_, index) => attempt(server, 'guess', `198.51.100.${index}`).then(({ status }) => status)))
    assert.deepEqual([statuses.filter((status) => status === 401).length, statuses.filter((status) => status === 429).length], [50, 1])
  })

  test('are forgotten once the right one is given', async (t) => {
    const server = await TestServer.start(t, { env: TRUST })
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 6; index++) assert.equal((await attempt(server, 'guess', '203.0.113.7')).status, 401)
      assert.equal((await attempt(server, PASSWORD, '203.0.113.7')).status, 200)
    }
  })

  test('are not told apart by a header that no trusted proxy has sent', async (t) => {
    const server = await TestServer.start(t, { env: { HEXTRACKR_PASSWORD: PASSWORD } })
    for (let index = 0; index < 10; index++) assert.equal((await attempt(server, 'guess', `203.0.113.${index}`)).status, 401)
    assert.equal((await attempt(server, 'guess', '203.0.113.99')).status, 429)
  })
})

test('the cookie is for TLS only where a trusted proxy speaks TLS', async (t) => {
  const cookieOf = async (server: TestServer) =>
    (await server.send('POST', '/api/session', { password: PASSWORD }, { 'x-forwarded-proto': 'https' })).headers.getSetCookie()[0]!
  assert.match(await cookieOf(await TestServer.start(t, { env: { HEXTRACKR_PASSWORD: PASSWORD, TRUSTED_PROXIES: 'loopback' } })), /; Secure/)
  assert.doesNotMatch(await cookieOf(await TestServer.start(t, { env: { HEXTRACKR_PASSWORD: PASSWORD } })), /Secure/)
})

describe('a start', () => {
  const start = (env: Record<string, string>) => spawnSync(process.execPath, [join(import.meta.dirname, '../main.ts')], {
    env: { ...process.env, PORT: '0', HEXTRACKR_PASSWORD: '', ...env }, encoding: 'utf8',
  })

  test('is refused where others could reach a server without a password', (t) => {
    for (const HOST of ['0.0.0.0', '::', '192.0.2.1', 'box.lan']) {
      const dataDir = join(temporaryFolder(t), 'data')
      const { status, stderr } = start({ HOST, DATA_DIR: dataDir })
      assert.equal(status, 1)
      assert.match(stderr, /other machines can reach[^]*Set HEXTRACKR_PASSWORD[^]*ALLOW_NO_PASSWORD=true/)
      assert.equal(existsSync(dataDir), false, 'nothing was touched')
    }
  })

  test('is fine with a password, from a file too, or where somebody says so', async (t) => {
    for (const env of [{ HEXTRACKR_PASSWORD: PASSWORD }, { ALLOW_NO_PASSWORD: 'true' }]) {
      const server = await TestServer.start(t, { env: { HOST: '0.0.0.0', ...env } })
      await server.kill()
    }
    const file = join(temporaryFolder(t), 'password')
    writeFileSync(file, `${PASSWORD}\n`)
    const server = await TestServer.start(t, { env: { HEXTRACKR_PASSWORD_FILE: file } })
    assert.ok((await server.signIn(PASSWORD)).cookie)
  })

  test('names what is wrong with a password file', (t) => {
    const file = join(temporaryFolder(t), 'password')
    assert.match(start({ HEXTRACKR_PASSWORD_FILE: file }).stderr, /HEXTRACKR_PASSWORD_FILE[^]*can be read/)
    writeFileSync(file, '\n')
    assert.match(start({ HEXTRACKR_PASSWORD_FILE: file }).stderr, /HEXTRACKR_PASSWORD_FILE[^]*not empty/)
  })
})
