import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import type { Health, NewApiToken } from '../protocol.ts'
import { preload } from './preload.ts'
import { newSessionId, temporaryFolder, TestServer } from './support.ts'

describe('the health', () => {
  test('is ok where all is well', async (t) => {
    const server = await TestServer.start(t, { env: { MIN_FREE_BYTES: '0' } })
    const { status, body } = await server.get<Health>('/api/health')
    assert.deepEqual([status, body.status, body.problems], [200, 'ok', undefined])
    assert.match(body.sqlite!, /^3\./)
  })

  test('says what is degraded, and to strangers only that it is', async (t) => {
    const server = await TestServer.start(t, { env: { MIN_FREE_BYTES: '1000T', HEXTRACKR_PASSWORD: 'x' } })
    assert.deepEqual((await server.get<Health>('/api/health')).body, { status: 'degraded' })
    server.headers = await server.signIn('x')
    const { status, body } = await server.get<Health>('/api/health')
    assert.deepEqual([status, body.status, body.problems?.map(({ code }) => code)], [200, 'degraded', ['DISK_LOW']])
    renameSync(server.databasePath, `${server.databasePath}.away`)
    assert.deepEqual((await server.get<Health>('/api/health')).body.problems?.map(({ code }) => code), ['DATABASE_MISSING', 'DISK_LOW'])
    renameSync(`${server.databasePath}.away`, server.databasePath)
  })
})

test('metrics count imports, rows, bytes and sockets, and are behind the password unless a token is sent', async (t) => {
  const server = await TestServer.start(t, { env: { HEXTRACKR_PASSWORD: 'x' } })
  assert.equal((await server.get('/metrics')).status, 401)
  server.headers = await server.signIn('x')
  await server.import('a,b\n1,2\n3,4,5\n')
  await server.import('\n')
  await server.connect()
  const { body: { token } } = await server.send<NewApiToken>('POST', '/api/tokens', { name: 'prometheus', scope: 'read' })
  server.headers = { authorization: `Bearer ${token}` }
  const { status, headers, body } = await server.get<string>('/metrics')
  assert.equal(status, 200)
  assert.match(headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
  for (const line of [
    'hextrackr_imports_total{outcome="completed"} 1', 'hextrackr_imports_total{outcome="failed"} 1', 'hextrackr_import_rows_total{result="inserted"} 1',
    'hextrackr_import_rows_total{result="rejected"} 1', 'hextrackr_import_bytes_total 14', 'hextrackr_import_duration_seconds_count 1', 'hextrackr_sockets 1',
    'hextrackr_imports_running 0', 'hextrackr_imports_waiting 0',
  ]) assert.ok(body.includes(`${line}\n`), line)
  for (const name of ['hextrackr_database_bytes', 'hextrackr_disk_free_bytes', 'nodejs_eventloop_lag_p99_seconds', 'process_open_fds']) {
    assert.ok(Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]) > 0, name)
  }
})

/** A server whose log is read. */
async function startLogged(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts')], { env: { ...process.env, PORT: '0', LOG_LEVEL: 'trace', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data') as [string]
  const url = /http:\S+/.exec(line)![0]
  return { child, url, log: () => log }
}

test('each request has an id and a line in the log, and the log holds no secret and no content', async (t) => {
  const { child, url, log } = await startLogged({ DATA_DIR: temporaryFolder(t), HEXTRACKR_PASSWORD: 'the-password' })
  const json = { 'content-type': 'application/json' }
  const signIn = await fetch(`${url}/api/session`, { method: 'POST', body: '{"password":"the-password"}', headers: json })
  const cookie = signIn.headers.getSetCookie()[0]!.split(';')[0]!
  const { token } = await (await fetch(`${url}/api/tokens`, { method: 'POST', body: '{"name":"x"}', headers: { ...json, cookie } })).json() as NewApiToken
  const form = new FormData()
  form.append('file', new Blob(['name\nsecret-cell\n']), 'people.csv')
  const id = 'proxy-7.a'
  const upload = await fetch(`${url}/api/imports`, { method: 'POST', body: form, headers: { 'authorization': `Bearer ${token}`, 'x-request-id': id } })
  assert.equal(upload.headers.get('x-request-id'), id)
  const { headers } = await fetch(`${url}/api/tables/people/rows?q=secret-cell`, { headers: { cookie, 'x-request-id': 'not an id' } })
  assert.match(headers.get('x-request-id')!, /^[0-9a-f-]{36}$/)
  child.kill('SIGTERM')
  await once(child, 'exit')
  const lines = log().trim().split('\n').map((line) => JSON.parse(line) as { requestId?: string, path?: string, status?: number })
  assert.deepEqual(lines.find(({ requestId }) => requestId === id)?.status, 202)
  assert.ok(lines.some(({ path }) => path === '/api/tables/people/rows'))
  for (const secret of ['the-password', token, cookie.split('=')[1]!, 'secret-cell']) assert.ok(!log().includes(secret), secret)
})

test('a stop ends what runs within its deadline, whatever clients still hold open', async (t) => {
  const { child, url } = await startLogged({ DATA_DIR: temporaryFolder(t) })
  const form = new FormData()
  form.append('sessionId', newSessionId())
  form.append('file', new Blob([`a,b\n${'1,2\n'.repeat(500_000)}`]), 'long.csv')
  assert.equal((await fetch(`${url}/api/imports`, { method: 'POST', body: form })).status, 202)
  const hanging = new AbortController()
  const upload = fetch(`${url}/api/imports`, {
    method: 'POST', signal: hanging.signal, duplex: 'half', headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('--b\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\na\n')),
    }),
  }).then(({ status }) => status, () => 0)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit') as [number | null]
  assert.equal(code, 0)
  assert.notEqual(await upload, 202)
})

test('what a stop leaves unanswered is no error of the server', async (t) => {
  const [dataDir, folder] = [temporaryFolder(t), temporaryFolder(t)]
  const stuck = join(folder, 'stuck')
  writeFileSync(stuck, '')
  const db = new Database(join(dataDir, 'hextrackr.db'))
  db.exec('CREATE TABLE endless (a)')
  db.close()
  const { child, url, log } = await startLogged({ DATA_DIR: dataDir, ...preload(folder, `
    import { isMainThread } from 'node:worker_threads'
    const { prepare } = Database.prototype
    Database.prototype.prepare = function (sql) {
      if (!isMainThread && sql.includes('"endless"')) {
        fs.appendFileSync(${JSON.stringify(stuck)}, '.')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      }
      return prepare.call(this, sql)
    }
  `) })
  const asked = ['rows', 'export', 'columns/a/summary'].map((what) => fetch(`${url}/api/tables/endless/${what}`).then((answer) => answer.text()).catch(() => 'gone'))
  while (readFileSync(stuck).length < asked.length) await sleep(20)
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit') as [number | null]
  assert.equal(code, 0)
  await Promise.all(asked)
  const lines = log().trim().split('\n').map((line) => JSON.parse(line) as { level: number })
  assert.deepEqual(lines.filter(({ level }) => level >= 50), [])
})
