import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { ImportRecord, ProgressSnapshot } from '../protocol.ts'
import { newSessionId, temporaryFolder, TestServer } from './support.ts'

const LONG = `a,b\n${'1,some text to read\n'.repeat(1_500_000)}`

const tablesIn = (db: Database.Database): string[] =>
  db.prepare<[], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`).all().map(({ name }) => name)

const APP_TABLES = ['_hextrackr_header_settings', '_hextrackr_imports', '_hextrackr_rejects', '_hextrackr_restores', '_hextrackr_tables', '_hextrackr_undo']

describe('a lock held by another program', () => {
  test('past the busy timeout ends the import as SQLITE_BUSY, with nothing half done', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '300' } })
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await server.upload(LONG, { sessionId, filename: 'busy.csv' })
    await watcher.until(({ payload }) => Number(payload.metadata.rowsDone) > 0)
    const other = server.openDatabase({ timeout: 5000 })
    other.exec('BEGIN IMMEDIATE')
    const end = await watcher.end(sessionId)
    assert.equal(end.event, 'progress-error')
    const error = end.payload.error as { code: string, detail: string }
    assert.equal(error.code, 'SQLITE_BUSY')
    assert.match(error.detail, /^Another program .*\.$/)

    // The database cannot record it while the lock is held, but the server knows.
    const live = await server.get<ProgressSnapshot>(`/api/progress/${sessionId}`)
    assert.deepEqual([live.body.status, live.body.error?.code], ['error', 'SQLITE_BUSY'])
    assert.equal((await server.record(sessionId)).error?.code, 'SQLITE_BUSY')
    assert.equal((await server.get('/api/health')).status, 200)

    other.exec('COMMIT')
    assert.equal((await server.import('a\n1\n', { filename: 'after.csv' })).status, 'completed')
    for (;;) {
      const status = other.prepare<[string], { status: string }>('SELECT status FROM _hextrackr_imports WHERE session_id = ?').get(sessionId)!.status
      if (status === 'error') break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal((await server.get('/api/tables/busy')).status, 404)
    await server.settled()
    while (tablesIn(other).some((name) => name.includes('staging'))) await new Promise((resolve) => setTimeout(resolve, 10))
  })

  test('from before the upload ends it as well, and is remembered once the lock is gone', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '200' } })
    const other = server.openDatabase()
    other.exec('BEGIN IMMEDIATE')
    const sessionId = newSessionId()
    await server.upload('a\n1\n', { sessionId })
    assert.equal((await server.outcome(sessionId)).error?.code, 'SQLITE_BUSY')
    other.exec('ROLLBACK')
    for (;;) {
      const history = (await server.get<ImportRecord[]>('/api/imports')).body
      if (history.length === 1) {
        assert.deepEqual([history[0]!.sessionId, history[0]!.status, history[0]!.error?.code], [sessionId, 'error', 'SQLITE_BUSY'])
        break
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })

  test('for less than the busy timeout only delays it', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '20000' } })
    const other = server.openDatabase()
    other.exec('BEGIN IMMEDIATE')
    const { body: { sessionId } } = await server.upload('a\n1\n')
    setTimeout(() => other.exec('COMMIT'), 500)
    assert.equal((await server.outcome(sessionId)).status, 'completed')
  })
})

describe('a database without room', () => {
  test('ends the import as SQLITE_FULL, with nothing half done', async (t) => {
    const folder = temporaryFolder(t)
    const first = await TestServer.start(t, { dataDir: folder })
    await first.import('a\n1\n', { filename: 'small.csv' })
    await first.kill('SIGTERM')
    const server = await TestServer.start(t, { dataDir: folder, env: { NODE_OPTIONS: `--import=${pageLimit(folder, 300)}` } })
    const record = await server.import(`v\n${`${'x'.repeat(1000)}\n`.repeat(5000)}`, { filename: 'full.csv' })
    assert.equal(record.error?.code, 'SQLITE_FULL')
    assert.equal((await server.import('a\n2\n', { filename: 'next.csv' })).status, 'completed')
    assert.deepEqual(tablesIn(server.openDatabase()), [...APP_TABLES, 'next', 'small'])
  })
})

/** A module that limits the pages of every database its process opens, as a full disk would. */
function pageLimit(folder: string, pages: number): string {
  const path = join(folder, 'limit.mjs')
  const driver = import.meta.resolve('better-sqlite3')
  writeFileSync(path, `
    import Database from ${JSON.stringify(driver)}
    const { exec, prepare } = Database.prototype
    const limited = new WeakSet()
    const limit = (db) => { if (!limited.has(db)) { limited.add(db); prepare.call(db, 'PRAGMA max_page_count = ${pages}').get() } }
    Database.prototype.exec = function (sql) { limit(this); return exec.call(this, sql) }
    Database.prototype.prepare = function (sql) { limit(this); return prepare.call(this, sql) }
  `)
  return path
}

describe('a server that stops', () => {
  test('by kill -9 in mid-import leaves a sound database, no half table, and the import INTERRUPTED', async (t) => {
    const server = await TestServer.start(t)
    await server.import('a\n1\n', { filename: 'before.csv' })
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await server.upload(LONG, { sessionId, filename: 'killed.csv' })
    await watcher.until(({ payload }) => Number(payload.metadata.rowsDone) > 100_000)
    await server.kill('SIGKILL')

    const again = await TestServer.start(t, { dataDir: server.dataDir })
    const db = again.openDatabase()
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    assert.deepEqual(tablesIn(db), [...APP_TABLES, 'before'])
    assert.deepEqual(again.stagedFiles(), [`${sessionId}.part`])
    const record = await again.record(sessionId)
    assert.deepEqual([record.status, record.error?.code, record.filename], ['error', 'INTERRUPTED', 'killed.csv'])
    assert.equal((await again.outcome(sessionId)).error?.code, 'INTERRUPTED')
    assert.equal((await again.import('a\n1\n', { filename: 'killed.csv' })).status, 'completed')
  })

  test('by SIGTERM ends what runs as INTERRUPTED, tells everybody and exits cleanly', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await server.upload(LONG, { sessionId, filename: 'stopped.csv' })
    await watcher.until(({ payload }) => Number(payload.metadata.rowsDone) > 0)
    const exited = server.kill('SIGTERM')
    const end = await watcher.end(sessionId)
    assert.equal((end.payload.error as { code: string }).code, 'INTERRUPTED')
    assert.equal(await exited, 0)
    const db = new Database(server.databasePath, { readonly: true })
    assert.deepEqual(tablesIn(db), APP_TABLES)
    const row = db.prepare('SELECT status, error FROM _hextrackr_imports').get() as { status: string, error: string }
    assert.deepEqual([row.status, (JSON.parse(row.error) as { code: string }).code], ['error', 'INTERRUPTED'])
    db.close()
  })

  test('says what is wrong with its settings and does not start', async (t) => {
    await assert.rejects(TestServer.start(t, { env: { PORT: 'http', MAX_UPLOAD_BYTES: 'lots' } }), /ended with 1/)
  })
})
