import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { BackupInfo, BackupStatus, ImportRecord, Problem, ProgressSnapshot } from '../protocol.ts'
import { amount } from './amount.ts'
import { backUp, backupFiles, fill, restore, sendDatabase, startBackup, startRestore } from './backup-support.ts'
import { preload } from './preload.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer, type Scope } from './support.ts'

const ACCOUNTS = 1500
const TOTAL = ACCOUNTS * 1000

const COPIES = amount(8, 20)

/** A program of its own that moves money between accounts until it is stopped. @returns how to stop it, which tells how often it did */
async function startTransfers(t: Scope, databasePath: string): Promise<{ stop: () => Promise<number> }> {
  const path = join(temporaryFolder(t), 'transfers.mjs')
  writeFileSync(path, `
    import Database from ${JSON.stringify(import.meta.resolve('better-sqlite3'))}
    const db = new Database(${JSON.stringify(databasePath)}, { timeout: 60000 })
    const add = db.prepare('UPDATE accounts SET balance = balance + ? WHERE id = ?')
    const transfer = db.transaction((from, to) => { add.run(-5, from); add.run(5, to) })
    let done = 0
    process.on('message', () => { db.close(); process.send(done, () => process.exit()) })
    const next = () => { transfer.immediate(1 + done % ${ACCOUNTS}, 1 + (done * 7919) % ${ACCOUNTS}); if (++done === 1) process.send('ready'); setTimeout(next, 1) }
    next()
  `)
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    stop: async () => {
      const answered = once(child, 'message') as Promise<[number]>
      child.send('stop')
      return (await answered)[0]
    },
  }
}

describe('a backup', () => {
  test('is of one moment: copies taken while an import and another program write', async (t) => {
    const server = await TestServer.start(t)
    const other = server.openDatabase()
    other.exec('CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, note BLOB)')
    other.exec(`WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id < ${ACCOUNTS}) INSERT INTO accounts SELECT id, 1000, zeroblob(2500) FROM n`)
    const transfers = await startTransfers(t, server.databasePath)
    const copying = new AbortController()
    const importing = (async () => {
      const csv = `a,b\n${'1,some text to read\n'.repeat(50_000)}`
      const records: ImportRecord[] = []
      while (!copying.signal.aborted) records.push(await server.import(csv))
      return records
    })()
    const balancesIn = (db: Database.Database): string => JSON.stringify(db.prepare('SELECT balance FROM accounts').pluck().all())
    const balances: string[] = []
    for (let copy = 0; copy < COPIES; copy++) {
      // The import may have had the lock ever since the last copy: each is to be of another moment.
      while (balancesIn(other) === balances.at(-1)) await new Promise((resolve) => setTimeout(resolve, 10))
      const { name, verified } = await backUp(server)
      assert.ok(verified)
      const db = new Database(join(server.dataDir, 'backups', name), { readonly: true })
      assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
      assert.equal(db.pragma('journal_mode', { simple: true }), 'delete')
      assert.equal(db.prepare('SELECT sum(balance) FROM accounts').pluck().get(), TOTAL)
      balances.push(balancesIn(db))
      db.close()
    }
    copying.abort()
    assert.ok((await importing).every(({ status }) => status === 'completed'))
    assert.ok(await transfers.stop() > COPIES)
    assert.equal(new Set(balances).size, COPIES)
    assert.deepEqual(backupFiles(server.dataDir).filter((name) => name.startsWith('.')), [])
  })

  test('tells its room of pages and ends with what is known of the copy', async (t) => {
    const server = await TestServer.start(t)
    fill(server.openDatabase(), 'big', 10_000, 'x')
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    const { body } = await startBackup(server, { sessionId })
    assert.equal(body.sessionId, sessionId)
    assert.match(body.name, /^hextrackr-\d{4}-\d\d-\d\d-\d{4}\.db$/)
    const end = await watcher.end(sessionId)
    assert.deepEqual([end.event, end.payload.progress, end.payload.metadata.operation], ['progress-complete', 100, 'backup'])
    const updates = watcher.seen.slice(0, -1).map(({ payload }) => payload)
    assert.ok(updates.some(({ metadata }) => Number(metadata.pagesTotal) > 2000))
    assert.deepEqual(updates.map(({ progress }) => progress), updates.map(({ progress }) => progress).toSorted((a, b) => a - b))
    const [info] = (await server.get<BackupInfo[]>('/api/backups')).body
    const { metadata } = end.payload
    assert.deepEqual(
      { name: info!.name, bytes: info!.bytes, sha256: info!.sha256, tables: info!.tables, rows: info!.rows, verified: info!.verified },
      { name: body.name, bytes: metadata.bytes, sha256: metadata.sha256, tables: 1, rows: 10_000, verified: true },
    )
    assert.equal(info!.kind, 'manual')
  })

  test('can be cancelled, and then leaves no file', async (t) => {
    const server = await TestServer.start(t)
    fill(server.openDatabase(), 'big', 60_000, 'x')
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await startBackup(server, { sessionId })
    await watcher.until(({ payload }) => Number(payload.metadata.pagesDone) > 0)
    assert.equal((await server.request('POST', `/api/operations/${sessionId}/cancel`)).status, 202)
    const end = await watcher.end(sessionId)
    assert.deepEqual([end.event, (end.payload.error as { code: string }).code], ['progress-error', 'CANCELLED'])
    assert.deepEqual(backupFiles(server.dataDir), [])
    assert.equal((await server.request<Problem>('POST', `/api/operations/${sessionId}/cancel`)).body.code, 'ALREADY_FINISHED')
    assert.equal((await server.request<Problem>('POST', `/api/operations/${newSessionId()}/cancel`)).body.code, 'SESSION_NOT_FOUND')
  })

  test('can be cancelled while it is checked, however long that takes', async (t) => {
    const server = await TestServer.start(t, {
      env: preload(temporaryFolder(t), `
        const { pragma } = Database.prototype
        Database.prototype.pragma = function (sql, ...more) {
          if (/^integrity_check/.test(sql)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
          return pragma.call(this, sql, ...more)
        }
      `),
    })
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await startBackup(server, { sessionId })
    await watcher.until(({ payload }) => payload.metadata.phase === 'check')
    assert.equal((await server.request('POST', `/api/operations/${sessionId}/cancel`)).status, 202)
    assert.equal(((await watcher.end(sessionId)).payload.error as { code: string }).code, 'CANCELLED')
    assert.deepEqual(backupFiles(server.dataDir), [])
  })

  test('is the only one at a time, under an id that nobody else has', async (t) => {
    const server = await TestServer.start(t)
    const imported = await server.import('a\n1\n')
    const answers = await Promise.all([startBackup(server), startBackup(server)])
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409])
    assert.equal(answers.find(({ status }) => status === 409)!.body.code, 'BACKUP_RUNNING')
    const begun = answers.find(({ status }) => status === 202)!.body.sessionId
    await server.outcome(begun)
    const codes = await Promise.all([begun, imported.sessionId, 'no uuid'].map(async (sessionId) => (await startBackup(server, { sessionId })).body.code))
    assert.deepEqual(codes, ['SESSION_EXISTS', 'SESSION_EXISTS', 'BAD_OPTIONS'])
    assert.equal((await server.upload('a\n1\n', { sessionId: begun })).body.code, 'SESSION_EXISTS')
  })

  test('is interrupted by SIGTERM, says so, and leaves no file', async (t) => {
    const server = await TestServer.start(t)
    fill(server.openDatabase(), 'big', 60_000, 'x')
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await startBackup(server, { sessionId })
    await watcher.until(({ payload }) => Number(payload.metadata.pagesDone) > 0)
    const exited = server.kill('SIGTERM')
    assert.equal(((await watcher.end(sessionId)).payload.error as { code: string }).code, 'INTERRUPTED')
    assert.equal(await exited, 0)
    assert.deepEqual(backupFiles(server.dataDir), [])
    const again = await TestServer.start(t, { dataDir: server.dataDir })
    assert.equal((await again.outcome(sessionId)).error?.code, 'INTERRUPTED')
  })
})

describe('the folder of backups', () => {
  const scope = suiteScope()
  let server: TestServer
  let made: BackupInfo
  before(async () => {
    server = await TestServer.start(scope)
    await server.import('a\n1\n2\n', { filename: 'one.csv' })
    made = await backUp(server)
  })
  const path = (name: string): string => join(server.dataDir, 'backups', name)
  const list = async (): Promise<BackupInfo[]> => (await server.get<BackupInfo[]>('/api/backups')).body

  test('is downloaded from whole, in ranges, and not at all where it is known already', async () => {
    const url = `${server.url}/api/backups/${made.name}`
    const whole = await fetch(url)
    assert.equal(whole.status, 200)
    assert.equal(whole.headers.get('content-type'), 'application/vnd.sqlite3')
    assert.equal(whole.headers.get('content-disposition'), `attachment; filename="${made.name}"`.replaceAll('"', ''))
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), readFileSync(path(made.name)))
    const etag = whole.headers.get('etag')!
    assert.equal(etag, `"${made.sha256}"`)
    const part = await fetch(url, { headers: { 'range': 'bytes=16-31', 'if-range': etag } })
    assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 16-31/${made.bytes}`])
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), readFileSync(path(made.name)).subarray(16, 32))
    assert.equal((await fetch(url, { headers: { range: `bytes=${made.bytes}-` } })).status, 416)
    assert.equal((await fetch(url, { headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' } })).status, 304)
  })

  test('is never left by a name', async () => {
    writeFileSync(join(server.dataDir, 'secret.db'), 'secret')
    for (const name of ['..%2Fsecret.db', '%2e%2e%2fsecret.db', '..%5Csecret.db', '%00', 'nothing.db', '%2Fetc%2Fpasswd', '..%2Foperations.db', made.name.toUpperCase()]) {
      for (const [method, suffix] of [['GET', ''], ['DELETE', ''], ['GET', '/preview'], ['POST', '/restore']] as const) {
        const { status, body } = await server.request<Problem>(method, `/api/backups/${name}${suffix}`)
        assert.deepEqual([status, body.code], [404, 'BACKUP_NOT_FOUND'], `${method} ${name}${suffix}`)
      }
    }
    assert.equal(readFileSync(join(server.dataDir, 'secret.db'), 'utf8'), 'secret')
    assert.equal((await server.get<Problem>('/api/backups/nothing.db')).body.code, 'BACKUP_NOT_FOUND')
  })

  test('is what lies in it: a file put there counts as not verified, one that was changed too, and one that was taken away is gone', async () => {
    copyFileSync(path(made.name), path('by hand.sqlite'))
    writeFileSync(path('notes.txt'), 'no database')
    const [byHand] = (await list()).filter(({ name }) => name === 'by hand.sqlite')
    assert.deepEqual([byHand?.kind, byHand?.verified, byHand?.rows, byHand?.bytes], ['uploaded', false, null, made.bytes])
    assert.equal((await list()).some(({ name }) => name === 'notes.txt'), false)
    const second = await backUp(server)
    assert.notEqual(second.name, made.name)
    const db = new Database(path(second.name))
    db.exec('CREATE TABLE added (x)')
    db.close()
    assert.deepEqual((await list()).filter(({ name }) => name === second.name).map(({ kind, verified }) => [kind, verified]), [['manual', false]])
    rmSync(path('by hand.sqlite'))
    assert.equal((await server.request('DELETE', `/api/backups/${second.name}`)).status, 204)
    assert.deepEqual((await list()).map(({ name }) => name), [made.name])
  })

  test('takes files in as they are, under their own names, once they have passed their check', async () => {
    const content = new Uint8Array(readFileSync(path(made.name)))
    const { status, body } = await sendDatabase(server, '/api/backups/upload', content, '../My backup, März.sqlite')
    assert.deepEqual([status, body.name], [202, 'My backup_ März.sqlite'])
    const outcome = await server.outcome(body.sessionId)
    assert.deepEqual([outcome.status, outcome.metadata.kind, outcome.metadata.rows], ['completed', 'uploaded', 2])
    assert.deepEqual(new Uint8Array(readFileSync(path(body.name))), content)
    const again = await sendDatabase(server, '/api/backups/upload', content, 'My backup, März.sqlite')
    assert.equal(again.body.name, 'My backup_ März-2.sqlite')
    await server.outcome(again.body.sessionId)
    const damaged = content.slice(0, 8192)
    const refused = await sendDatabase(server, '/api/backups/upload', damaged, 'damaged.db')
    assert.equal((await server.outcome(refused.body.sessionId)).error?.code, 'DATABASE_DAMAGED')
    const picture = await sendDatabase(server, '/api/backups/upload', new Uint8Array([0x89, 0x50, 0x4e, 0x47, ...new Uint8Array(200)]), 'picture.db')
    assert.deepEqual([picture.status, picture.body.code], [422, 'NOT_A_DATABASE'])
    assert.deepEqual(backupFiles(server.dataDir).filter((name) => name.startsWith('.') || /damaged|picture/.test(name)), [])
  })

  test('takes names as long as other systems have them, cut to what a disk here can hold', async () => {
    const content = new Uint8Array(readFileSync(path(made.name)))
    for (const [sent, kept] of [['数'.repeat(120), '数'.repeat(66)], [`a${'数'.repeat(120)}`, `a${'数'.repeat(66)}`], ['b'.repeat(240), 'b'.repeat(100)]] as const) {
      const { body } = await sendDatabase(server, '/api/backups/upload', content, `${sent}.sqlite3`)
      const { error, metadata } = await server.outcome(body.sessionId)
      assert.deepEqual([error, metadata.name], [undefined, `${kept}.sqlite3`])
      assert.equal((await server.request('DELETE', `/api/backups/${encodeURIComponent(body.name)}`)).status, 204)
    }
  })

  test('has its size told, and what is free', async () => {
    const { backupBytes, databaseBytes, freeBytes, retention, schedule } = (await server.get<BackupStatus>('/api/backup-status')).body
    assert.equal(backupBytes, (await list()).reduce((sum, { bytes }) => sum + bytes, 0))
    assert.ok(databaseBytes > 0 && freeBytes > 0)
    assert.equal(schedule, undefined)
    assert.deepEqual(retention.map(({ kind }) => kind), ['manual', 'scheduled', 'pre-restore', 'uploaded'])
  })
})

test('a file that is refused is taken away before that is said, however long the disk takes', async (t) => {
  const folder = temporaryFolder(t)
  const removed = join(folder, 'removed')
  const server = await TestServer.start(t, {
    env: preload(folder, `
      const { rm } = fs.promises
      fs.promises.rm = async (path, ...more) => {
        await new Promise((resolve) => setTimeout(resolve, 300))
        await rm(path, ...more)
        fs.appendFileSync(${JSON.stringify(removed)}, path + '\\n')
      }
    `),
  })
  // So large that it is still arriving when its beginning has told what it is.
  const picture = new Uint8Array([0x89, 0x50, 0x4e, 0x47, ...new Uint8Array(2_000_000)])
  const refusals = [
    ['NOT_A_DATABASE', () => sendDatabase(server, '/api/backups/upload', picture, 'picture.db')],
    ['NOT_A_DATABASE', () => sendDatabase(server, '/api/restore', picture, 'picture.db')],
    ['NOT_CSV', () => server.upload(picture, { filename: 'picture.csv' })],
  ] as const
  for (const [code, send] of refusals) {
    writeFileSync(removed, '')
    assert.equal((await send()).body.code, code)
    assert.match(readFileSync(removed, 'utf8'), /\.part\n/)
  }
  assert.deepEqual([backupFiles(server.dataDir), server.stagedFiles()], [[], []])
})

test('a backup that somebody else deletes while it is being opened is gone, and not damaged', async (t) => {
  const server = await TestServer.start(t, {
    env: preload(temporaryFolder(t), `
      const { openSync } = fs
      const { open } = fs.promises
      const remove = (path, when) => String(path).endsWith('/gone-' + when + '.db') && fs.rmSync(path)
      fs.promises.open = (path, ...more) => {
        remove(path, 'at-once')
        return open(path, ...more)
      }
      fs.openSync = (path, ...more) => {
        remove(path, 'later')
        const file = openSync(path, ...more)
        // SQLite opens it next.
        remove(path, 'last')
        return file
      }
    `),
  })
  await server.import('a\n1\n')
  const { name } = await backUp(server)
  for (const when of ['at-once', 'later', 'last']) {
    for (const [method, suffix] of [['GET', 'preview'], ['POST', 'restore']] as const) {
      copyFileSync(join(server.dataDir, 'backups', name), join(server.dataDir, `backups/gone-${when}.db`))
      const { status, body } = await server.request<Problem & { sessionId: string }>(method, `/api/backups/gone-${when}.db/${suffix}`)
      const code = status === 202 ? (await server.outcome(body.sessionId)).error?.code : body.code
      assert.equal(code, 'BACKUP_NOT_FOUND', `${suffix} ${when}: ${status}`)
    }
  }
})

test('outcomes of backups and restores are told for ever, whatever is restored', async (t) => {
  const server = await TestServer.start(t)
  await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backUp(server)
  const later = await startBackup(server)
  await server.outcome(later.body.sessionId)
  const restored = await restore(server, name)
  await server.kill('SIGKILL')
  const again = await TestServer.start(t, { dataDir: server.dataDir })
  const told = (await again.get<ProgressSnapshot>(`/api/progress/${later.body.sessionId}`)).body
  assert.deepEqual([told.status, told.metadata.name, told.metadata.tables], ['completed', later.body.name, 1])
  const watcher = await again.connect()
  await watcher.join(restored.sessionId)
  assert.deepEqual([watcher.seen[0]?.event, watcher.seen[0]?.payload.status, watcher.seen[0]?.payload.metadata.safetyCopy], ['progress-status', 'completed', restored.metadata.safetyCopy])
  const { verified, kind } = (await again.get<BackupInfo[]>('/api/backups')).body.find((backup) => backup.name === restored.metadata.safetyCopy)!
  assert.deepEqual([verified, kind], [true, 'pre-restore'])
})

test('backups are made on schedule, and only as many are kept as should be', async (t) => {
  const server = await TestServer.start(t, { env: { BACKUP_SCHEDULE: '* * * * * *', KEEP_SCHEDULED_BACKUPS: '1' } })
  const { schedule } = (await server.get<BackupStatus>('/api/backup-status')).body
  assert.equal(schedule?.cron, '* * * * * *')
  assert.ok(Number(schedule.nextAt) > Date.now() - 60_000)
  // By when they were made: the name of one that has gone is given anew in the same minute.
  const seen = new Set<number>()
  while (seen.size < 3) {
    for (const { createdAt, kind } of (await server.get<BackupInfo[]>('/api/backups')).body) {
      assert.equal(kind, 'scheduled')
      seen.add(createdAt)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // The one that has just been kept is there before those that are too many go.
  assert.ok((await server.get<BackupInfo[]>('/api/backups')).body.length <= 2)
})

test('a restore needs a backup that is one', async (t) => {
  const server = await TestServer.start(t)
  writeFileSync(join(server.dataDir, 'backups', 'empty.db'), '')
  const { status, body } = await startRestore(server, 'empty.db')
  assert.deepEqual([status, body.code], [422, 'NOT_A_DATABASE'])
  assert.equal((await server.get<Problem>('/api/backups/empty.db/preview')).body.code, 'NOT_A_DATABASE')
  assert.equal((await server.request('DELETE', '/api/tables/nothing')).status, 404)
})
