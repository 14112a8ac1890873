/** What goes wrong around the server: disks, files, threads, clients and clocks. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { Health, Problem, ProgressSnapshot } from '../protocol.ts'
import { backUp, contentHash, startBackup, startRestore } from './backup-support.ts'
import { preload } from './preload.ts'
import { SlowUpload } from './slow-upload.ts'
import { makeReadOnly, OPTIMIST, smallDisk } from './small-disk.ts'
import { databaseFaults } from './soundness.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer } from './support.ts'

const ROOT = join(import.meta.dirname, '../..')

/** What a server says that does not start. */
function refusal(dataDir: string): string {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'server/main.ts')], { encoding: 'utf8', env: { ...process.env, DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' } })
  assert.equal(status, 1)
  return stderr
}

describe('a disk', () => {
  test('without room for a file that is sent ends its upload as DISK_FULL, and nothing of it is left', async (t) => {
    const dataDir = smallDisk(t, 12)
    if (dataDir === null) return
    const server = await TestServer.start(t, { dataDir, env: preload(temporaryFolder(t), OPTIMIST) })
    const sessionId = newSessionId()
    const { status, body } = await server.upload(`a\n${'some text\n'.repeat(2_000_000)}`, { sessionId })
    assert.deepEqual([status, body.code], [507, 'DISK_FULL'])
    assert.equal((await server.outcome(sessionId)).error?.code, 'DISK_FULL')
    assert.deepEqual(server.stagedFiles(), [])
    assert.equal((await server.import('a\n1\n')).status, 'completed')
    await server.kill()
  })

  test('that becomes read-only while the server runs ends what writes with the reason, and all goes on once it can be written', async (t) => {
    const dataDir = smallDisk(t, 20)
    if (dataDir === null) return
    const server = await TestServer.start(t, { dataDir })
    const { sessionId: first } = await server.import('a\n1\n', { filename: 'one.csv' })
    const makeWritable = makeReadOnly(dataDir)
    const sessionId = newSessionId()
    const { status, body } = await server.upload('a\n2\n', { sessionId, filename: 'two.csv' })
    assert.deepEqual([status, body.code], [500, 'SQLITE_READONLY'])
    assert.equal((await server.outcome(sessionId)).error?.code, 'SQLITE_READONLY')
    const undone = await server.request<Problem>('POST', `/api/imports/${first}/undo`)
    assert.match(undone.body.code, /^SQLITE_(READONLY|CANTOPEN)$/)
    assert.deepEqual((await server.get<Health>('/api/health')).body.problems?.map(({ code }) => code), ['DATABASE_READONLY', 'DISK_LOW'])
    assert.deepEqual((await server.rows('one')).rows, [[1]])
    makeWritable()
    assert.equal((await server.import('a\n3\n', { filename: 'three.csv' })).status, 'completed')
    await server.kill()
  })

  test('that becomes read-only under uploads that wait lets them be cancelled, and the server goes on', async (t) => {
    const dataDir = smallDisk(t, 20)
    if (dataDir === null) return
    const server = await TestServer.start(t, { dataDir, env: { MAX_RUNNING_IMPORTS: '1', BUSY_TIMEOUT_MS: '600000' } })
    const other = server.openDatabase()
    other.exec('BEGIN IMMEDIATE')
    await server.upload('a\n1\n')
    const { body: { sessionId } } = await server.upload('a\n2\n')
    const makeWritable = makeReadOnly(dataDir)
    assert.equal((await server.request('POST', `/api/imports/${sessionId}/cancel`)).status, 202)
    assert.equal((await server.outcome(sessionId)).error?.code, 'CANCELLED')
    makeWritable()
    other.exec('ROLLBACK')
    assert.equal((await server.get<Health>('/api/health')).status, 200)
    await server.kill()
  })

  test('that is read-only at the start is told in a sentence', (t) => {
    const dataDir = smallDisk(t, 2)
    if (dataDir === null) return
    const makeWritable = makeReadOnly(dataDir)
    try {
      assert.match(refusal(dataDir), /^HexTrackr cannot use its data folder .*:\nThe (data folder|database file) cannot be [^\n]*permissions\.\n$/)
    } finally {
      makeWritable()
    }
  })
})

describe('the database file', () => {
  test('that is deleted or replaced under the server is told, no other one is begun, and nothing is written to what took its place', async (t) => {
    const server = await TestServer.start(t)
    await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    await server.settled()
    const problems = async (): Promise<unknown> => (await server.get<Health>('/api/health')).body.problems?.map(({ code }) => code)
    const aside = join(server.dataDir, 'aside')
    renameSync(server.databasePath, aside)
    assert.deepEqual(await problems(), ['DATABASE_MISSING'])
    const missing = await server.upload('a\n2\n', { filename: 'two.csv' })
    assert.deepEqual([missing.status, missing.body.code], [500, 'SQLITE_CANTOPEN'])
    assert.equal((await server.request('DELETE', '/api/tables/one')).status, 500)
    assert.equal(existsSync(server.databasePath), false)

    const other = join(temporaryFolder(t), 'other.db')
    const db = new Database(other)
    db.exec('CREATE TABLE other (a)')
    db.close()
    copyFileSync(other, server.databasePath)
    assert.deepEqual(await problems(), ['DATABASE_REPLACED'])
    const replaced = await server.upload('a\n2\n', { filename: 'two.csv' })
    assert.deepEqual([replaced.status, replaced.body.code], [500, 'SQLITE_CANTOPEN'])
    for (const { status, body } of [await startBackup(server), await startRestore(server, name)]) assert.deepEqual([status, body.code], [500, 'SQLITE_CANTOPEN'])
    assert.deepEqual(readFileSync(server.databasePath), readFileSync(other))

    rmSync(server.databasePath)
    renameSync(aside, server.databasePath)
    assert.equal(await problems(), undefined)
    assert.equal((await server.import('a\n2\n', { filename: 'two.csv' })).status, 'completed')
  })

  test('that is damaged is told at the start with the newest verified backup, is not touched, and kept aside when that is brought back', async (t) => {
    const server = await TestServer.start(t)
    await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    const content = contentHash(server.databasePath)
    await server.kill('SIGTERM')
    const damaged = Buffer.from(readFileSync(server.databasePath).fill(0x5a, 0, 5000))
    writeFileSync(server.databasePath, damaged)
    assert.match(refusal(server.dataDir), new RegExp(`^HexTrackr cannot use its data folder .*:\nThe database is damaged[^\n]* ${name.replaceAll('.', '\\.')}[^\n]*npm run recover[^\n]*\n$`))
    assert.deepEqual(readFileSync(server.databasePath), damaged)

    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'server/recover.ts')], { encoding: 'utf8', env: { ...process.env, DATA_DIR: server.dataDir } })
    assert.equal(status, 0)
    assert.match(stdout, new RegExp(name.replaceAll('.', '\\.')))
    const kept = readdirSync(server.dataDir).filter((file) => /^hextrackr\.db\.damaged-/.test(file))
    assert.equal(kept.length, 1)
    assert.deepEqual(readFileSync(join(server.dataDir, kept[0]!)), damaged)
    const again = await TestServer.start(t, { dataDir: server.dataDir })
    assert.deepEqual(contentHash(again.databasePath), content)
    assert.equal((await again.import('a\n2\n', { filename: 'two.csv' })).status, 'completed')
  })

  test('that is damaged without any verified backup is told so, and nothing is put in its place', (t) => {
    const dataDir = temporaryFolder(t)
    writeFileSync(join(dataDir, 'hextrackr.db'), Buffer.alloc(8192, 0x5a))
    assert.match(refusal(dataDir), /The database is damaged[^\n]*no verified backup[^\n]*\n$/)
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'server/recover.ts')], { encoding: 'utf8', env: { ...process.env, DATA_DIR: dataDir } })
    assert.equal(status, 1)
    assert.match(stderr, /no verified backup/)
    assert.deepEqual(readFileSync(join(dataDir, 'hextrackr.db')), Buffer.alloc(8192, 0x5a))
  })
})

/** Makes an import's thread die in the middle of its rows: of a table of that name, in that way. */
const DOOM = `
  import { isMainThread, workerData } from 'node:worker_threads'
  if (!isMainThread && /^(exit|memory|throw)$/.test(workerData?.table)) {
    const { exec } = Database.prototype
    let commits = 0
    Database.prototype.exec = function (sql) {
      const result = exec.call(this, sql)
      if (sql === 'COMMIT' && ++commits === 2) {
        if (workerData.table === 'exit') process.exit(3)
        if (workerData.table === 'throw') queueMicrotask(() => { throw new Error('out of the blue') })
        if (workerData.table === 'memory') for (const all = [];;) all.push(new Array(1e5).fill({}))
      }
      return result
    }
  }
`

describe('a thread of an import', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope, { env: { ...preload(temporaryFolder(scope), DOOM), LOG_LEVEL: 'fatal' } })
  })

  for (const [table, code] of [['exit', 'INTERNAL'], ['throw', 'INTERNAL'], ['memory', 'SQLITE_NOMEM']] as const) {
    test(`that dies of ${table} ends its import, leaves nothing of it, and the server goes on`, async () => {
      const { status, error } = await server.import(`id,text\n${'1,some text\n'.repeat(100_000)}`, { options: { table } })
      assert.deepEqual([status, error?.code], ['error', code])
      await server.settled()
      const db = server.openDatabase({ readonly: true })
      while (databaseFaults(db).length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
      assert.equal((await server.get(`/api/tables/${table}`)).status, 404)
      assert.equal((await server.import('a\n1\n', { options: { table: `after_${table}` } })).status, 'completed')
    })
  }
})

test('an outcome that the database has no room for takes no place of other imports, and is saved once there is some', async (t) => {
  const folder = temporaryFolder(t)
  const full = join(folder, 'full')
  const server = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1', MAX_WAITING_IMPORTS: '1', LOG_LEVEL: 'fatal', ...preload(folder, `
    const { prepare } = Database.prototype
    Database.prototype.prepare = function (sql) {
      if (/SET status = 'error'/.test(sql) && fs.existsSync(${JSON.stringify(full)})) throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL')
      return prepare.call(this, sql)
    }
  `) } })
  writeFileSync(full, '')
  const options = { columns: { none: { skip: true } } }
  const failed = [await server.import('a\n1\n', { options }), await server.import('a\n1\n', { options })]
  assert.deepEqual(failed.map(({ error }) => error?.code), ['BAD_OPTIONS', 'BAD_OPTIONS'])
  assert.equal((await server.import('a\n1\n')).status, 'completed')
  const saved = server.openDatabase({ readonly: true }).prepare<[], string>(`SELECT count(*) FROM _hextrackr_imports WHERE error ->> 'code' = 'BAD_OPTIONS'`).pluck()
  assert.equal(saved.get(), 0)
  rmSync(full)
  while (Number(saved.get()) < 2) await new Promise((resolve) => setTimeout(resolve, 20))
})

test('a thread that the system does not let begin ends what needs it, and the server goes on', async (t) => {
  const folder = temporaryFolder(t)
  const limit = join(folder, 'limit')
  // As Node tells it where the system gives no thread, by a limit of processes say.
  const server = await TestServer.start(t, { env: { LOG_LEVEL: 'fatal', ...preload(folder, `
    import threads from 'node:worker_threads'
    const { Worker } = threads
    if (threads.isMainThread) threads.Worker = class extends Worker {
      constructor(...given) {
        if (fs.existsSync(${JSON.stringify(limit)})) throw Object.assign(new Error('Worker initialization failure: EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' })
        super(...given)
      }
    }
  `) } })
  const { table } = await server.import('a\n1\n')
  writeFileSync(limit, '')
  const download = await server.get<Problem>(`/api/tables/${table}/export`)
  assert.deepEqual([download.status, download.body.code], [500, 'INTERNAL'])
  const { error } = await server.import('a\n1\n')
  assert.deepEqual([error?.code, error?.detail], ['INTERNAL', 'The system let the server begin no further thread. Try again when less is running on it.'])
  rmSync(limit)
  assert.equal(await server.export(table), 'a\r\n1\r\n')
  assert.equal((await server.import('a\n1\n')).status, 'completed')
  await server.settled()
})

describe('a client', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
  })

  const ROWS = `a\n${'1\n'.repeat(50_000)}`

  for (const part of [0, 0.5, 0.99]) {
    test(`whose upload is cut off at ${part * 100} % of the file leaves nothing but the outcome`, async () => {
      const upload = await SlowUpload.begin(server, ROWS)
      upload.send(Math.floor(ROWS.length * part))
      upload.socket.destroy()
      const { sessionId } = upload
      assert.equal((await server.outcome(sessionId)).error?.code, 'UPLOAD_LOST')
      await server.settled()
      assert.equal((await server.record(sessionId)).error?.code, 'UPLOAD_LOST')
    })
  }

  test('that has gone before the answer changes nothing about its import', async () => {
    const upload = await SlowUpload.begin(server, ROWS)
    await upload.sendAll()
    upload.socket.destroy()
    const { sessionId } = upload
    assert.equal((await server.outcome(sessionId)).status, 'completed')
    assert.equal((await server.record(sessionId)).rowsInserted, 50_000)
  })
})

test('50 imports at once wait in the order in which they came, each knows its place, and all of them complete', async (t) => {
  const server = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1', BUSY_TIMEOUT_MS: '600000' } })
  // Whoever holds the lock keeps the first one from going on.
  const other = server.openDatabase()
  other.exec('BEGIN IMMEDIATE')
  const ids: string[] = []
  for (let count = 0; count < 50; count++) ids.push((await server.upload('a\n1\n')).body.sessionId)
  const places = await Promise.all(ids.map(async (id) => (await server.get<ProgressSnapshot>(`/api/progress/${id}`)).body.metadata.queuePosition))
  assert.deepEqual(places, [undefined, ...Array.from({ length: 49 }, (_, index) => index + 1)])
  const watcher = await server.connect()
  for (const id of ids) await watcher.join(id)
  other.exec('ROLLBACK')
  for (const id of ids) assert.equal((await watcher.end(id)).event, 'progress-complete')
  assert.deepEqual(watcher.seen.filter(({ event }) => event === 'progress-complete').map(({ payload }) => payload.sessionId), ids)
})

test('a clock that jumps years ahead and back neither ends a session nor an import, nor lets a backup or a kept file go', async (t) => {
  const clock = `
    const { now } = Date
    let offset = 0
    Date.now = () => now() + offset
    process.on('SIGUSR2', () => { offset = offset === 0 ? ${10 * 365 * 86_400_000} : 0 })
  `
  const server = await TestServer.start(t, { env: { ...preload(temporaryFolder(t), clock), BUSY_TIMEOUT_MS: '600000', KEEP_MANUAL_BACKUPS: '30d' } })
  const jump = async (isAhead: boolean): Promise<void> => {
    server.process.kill('SIGUSR2')
    const sees = async (): Promise<boolean> => {
      const { sessionId } = await server.import('a\n1\n')
      return (await server.record(sessionId)).startedAt > Date.now() + 86_400_000
    }
    while (await sees() !== isAhead) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const names = [(await backUp(server)).name, (await backUp(server)).name]
  const watcher = await server.connect()
  const sessionId = newSessionId()
  await watcher.join(sessionId)
  await jump(true)
  await server.upload(`a,b\n${'1,some text\n'.repeat(50_000)}`, { sessionId })
  await jump(false)
  const { payload, event } = await watcher.end(sessionId)
  assert.equal(event, 'progress-complete')
  assert.ok(Number(payload.duration) >= 0)
  const shown = watcher.seen.map(({ payload: { progress } }) => progress)
  assert.deepEqual(shown, shown.toSorted((a, b) => a - b))
  await jump(true)
  names.push((await backUp(server)).name)
  await jump(false)
  const left = readdirSync(join(server.dataDir, 'backups'))
  for (const name of names) assert.ok(left.includes(name), name)
})
