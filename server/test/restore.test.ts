import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import type { BackupInfo, DataChange, Problem, RestorePreview, TableInfo } from '../protocol.ts'
import { backUp, backupFiles, contentHash, fill, restore, sendDatabase, startBackup, startRestore } from './backup-support.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer, type Scope } from './support.ts'

/** A database that another program has made, as a file's bytes. */
function foreign(t: Scope, make: (db: Database.Database) => void): Uint8Array<ArrayBuffer> {
  const path = join(temporaryFolder(t), 'foreign.db')
  const db = new Database(path)
  make(db)
  db.close()
  return new Uint8Array(readFileSync(path))
}

const partials = (server: TestServer): string[] => backupFiles(server.dataDir).filter((name) => name.startsWith('.'))

const tableNames = async (server: TestServer): Promise<string[]> => (await server.get<TableInfo[]>('/api/tables')).body.map(({ name }) => name)

/** A program of its own that opens a database, runs a statement and holds on to what that took until it is told to let go. */
async function holdOpen(t: Scope, path: string, sql: string): Promise<{ release: () => Promise<void> }> {
  const script = join(temporaryFolder(t), 'hold.mjs')
  writeFileSync(script, `
    import Database from ${JSON.stringify(import.meta.resolve('better-sqlite3'))}
    const db = new Database(${JSON.stringify(path)}, { timeout: 60000 })
    db.exec(${JSON.stringify(sql)})
    process.on('message', () => { if (db.inTransaction) db.exec('COMMIT'); db.close(); process.exit() })
    process.send('ready')
  `)
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'message')
  return {
    release: async () => {
      const exited = once(child, 'exit')
      child.send('release')
      await exited
    },
  }
}

describe('a restore', () => {
  test('brings back what the backup holds, tells every page, and can itself be undone', async (t) => {
    const server = await TestServer.start(t)
    const one = await server.import('a,b\n1,x\n2,y\n', { filename: 'one.csv' })
    const backup = await backUp(server)
    await server.import('a,b\n3,z\n', { options: { table: 'one', mode: 'append' } })
    await server.import('c\n1\n', { filename: 'two.csv' })
    const preview = (await server.get<RestorePreview>(`/api/backups/${backup.name}/preview`)).body
    assert.deepEqual(preview.tables, [{ name: 'one', rowsNow: 3, rowsAfter: 2 }, { name: 'two', rowsNow: 1, rowsAfter: null }])
    assert.deepEqual([preview.importsUndone, preview.newestImport.now?.number, preview.newestImport.after?.number, preview.backup.name], [2, 3, 1, backup.name])

    const before = contentHash(server.databasePath)
    const watcher = await server.connect()
    const changed = new Promise<DataChange>((resolve) => watcher.socket.on('data-changed', resolve))
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    assert.equal((await startRestore(server, backup.name, { sessionId })).status, 202)
    const end = await watcher.end(sessionId)
    assert.equal(end.event, 'progress-complete')
    assert.equal((await changed).reason, 'restore')
    const { safetyCopy, tables, rows, operation } = end.payload.metadata
    assert.deepEqual([operation, tables, rows], ['restore', 1, 2])
    const phases = [...new Set(watcher.seen.map(({ payload }) => payload.metadata.phase))]
    assert.deepEqual(phases, ['check', 'safety', 'restore', 'verify'].filter((phase) => phases.includes(phase)))
    assert.deepEqual(await tableNames(server), ['one'])
    assert.equal(await server.export('one'), 'a,b\r\n1,x\r\n2,y\r\n')
    assert.equal((await server.record(one.sessionId)).status, 'completed')
    assert.deepEqual(contentHash(server.databasePath), contentHash(join(server.dataDir, 'backups', backup.name)))
    assert.deepEqual(partials(server), [])

    // What the restored database can do with its imports, it does.
    assert.equal((await server.request('POST', `/api/imports/${one.sessionId}/undo`)).status, 200)
    assert.equal((await server.import('d\n1\n', { filename: 'three.csv' })).status, 'completed')

    assert.equal((await restore(server, String(safetyCopy))).status, 'completed')
    assert.deepEqual(contentHash(server.databasePath), before)
    assert.deepEqual(await tableNames(server), ['one', 'two'])
  })

  test('is refused while files are imported, by their names', async (t) => {
    const server = await TestServer.start(t)
    const { name } = await backUp(server)
    const { body: { sessionId } } = await server.upload(`a,b\n${'1,some text\n'.repeat(1_000_000)}`, { filename: 'long one.csv' })
    const { status, body } = await startRestore(server, name)
    assert.deepEqual([status, body.code], [409, 'IMPORTS_RUNNING'])
    assert.match(body.detail, /"long one\.csv"/)
    await server.request('POST', `/api/imports/${sessionId}/cancel`)
    assert.equal((await server.outcome(sessionId)).error?.code, 'CANCELLED')
  })

  test('keeps all other changes out, lets reads in, and loses nothing that another program writes before it', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '600000' } })
    const imported = await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    const other = await holdOpen(t, server.databasePath, `BEGIN IMMEDIATE; CREATE TABLE late (x); INSERT INTO late VALUES (42)`)
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await startRestore(server, name, { sessionId })
    await watcher.until(({ payload }) => payload.metadata.phase === 'check')
    const attempts = [
      server.upload('a\n1\n'),
      server.request<Problem>('DELETE', '/api/tables/one'),
      server.request<Problem>('PATCH', '/api/tables/one', { body: '{"name":"other"}', headers: { 'content-type': 'application/json' } }),
      server.request<Problem>('POST', `/api/imports/${imported.sessionId}/undo`),
      server.request<Problem>('DELETE', `/api/backups/${name}`),
      startBackup(server), startRestore(server, name),
    ]
    for (const { status, body } of await Promise.all(attempts)) assert.deepEqual([status, body.code], [409, 'RESTORE_RUNNING'])
    assert.equal((await server.rows('one')).total, 1)
    assert.equal((await server.get('/api/health')).status, 200)
    await other.release()
    const end = await watcher.end(sessionId)
    assert.equal(end.event, 'progress-complete')
    assert.deepEqual(await tableNames(server), ['one'])
    assert.equal((await restore(server, String(end.payload.metadata.safetyCopy))).status, 'completed')
    assert.deepEqual((await server.rows('late')).rows, [[42]])
  })

  test('can be cancelled until it is brought in, and then has changed nothing', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '600000' } })
    await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    await server.import('a\n2\n', { filename: 'two.csv' })
    const before = contentHash(server.databasePath)
    await holdOpen(t, server.databasePath, 'BEGIN IMMEDIATE')
    const { body: { sessionId } } = await startRestore(server, name)
    assert.equal((await server.request('POST', `/api/operations/${sessionId}/cancel`)).status, 202)
    assert.equal((await server.outcome(sessionId)).error?.code, 'CANCELLED')
    assert.deepEqual(contentHash(server.databasePath), before)
    assert.deepEqual(backupFiles(server.dataDir), [name])
  })

  test('waits for another program\'s lock only as long as the busy timeout', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '200' } })
    const { name } = await backUp(server)
    const before = contentHash(server.databasePath)
    const other = await holdOpen(t, server.databasePath, 'BEGIN IMMEDIATE')
    const { body: { sessionId } } = await startRestore(server, name)
    assert.equal((await server.outcome(sessionId)).error?.code, 'SQLITE_BUSY')
    await other.release()
    assert.deepEqual(contentHash(server.databasePath), before)
    assert.deepEqual(backupFiles(server.dataDir), [name])
    assert.equal((await restore(server, name)).status, 'completed')
  })
})

describe('a backup that another program has open', () => {
  test('and locked is refused as busy; with a log of its own it is restored with what is in that', async (t) => {
    const server = await TestServer.start(t, { env: { BUSY_TIMEOUT_MS: '200' } })
    await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    const path = join(server.dataDir, 'backups', name)
    const locked = await holdOpen(t, path, 'BEGIN EXCLUSIVE')
    const { body: { sessionId } } = await startRestore(server, name)
    const outcome = await server.outcome(sessionId)
    assert.equal(outcome.error?.code, 'SQLITE_BUSY')
    assert.match(outcome.error.detail, /lock on the backup/)
    await locked.release()

    const logged = await holdOpen(t, path, 'PRAGMA journal_mode = WAL; CREATE TABLE logged (x); INSERT INTO logged VALUES (7)')
    assert.equal((await restore(server, name)).status, 'completed')
    assert.deepEqual((await server.rows('logged')).rows, [[7]])
    await logged.release()
  })
})

describe('a file that is restored', () => {
  const scope = suiteScope()
  let server: TestServer
  let original: ReturnType<typeof contentHash>
  let good: Uint8Array<ArrayBuffer>
  before(async () => {
    server = await TestServer.start(scope)
    fill(server.openDatabase(), 'big', 500, 'old')
    await server.import('a\n1\n', { filename: 'one.csv' })
    const { name } = await backUp(server)
    good = new Uint8Array(readFileSync(join(server.dataDir, 'backups', name)))
    original = contentHash(server.databasePath)
  })

  interface Tried { code: string | undefined, detail: string | undefined, tables: string[] }

  /** Restore it, and then what was there before. @returns what became of it, and what was there then */
  async function tryFile(content: Uint8Array<ArrayBuffer>): Promise<Tried> {
    const kept = backupFiles(server.dataDir)
    const { status, body } = await sendDatabase(server, '/api/restore', content)
    if (status !== 202) {
      assert.deepEqual(contentHash(server.databasePath), original)
      assert.deepEqual(backupFiles(server.dataDir), kept)
      return { code: body.code, detail: body.detail, tables: [] }
    }
    const { error, metadata } = await server.outcome(body.sessionId)
    const tables = await tableNames(server)
    if (error) {
      assert.deepEqual(contentHash(server.databasePath), original)
      assert.deepEqual(backupFiles(server.dataDir), kept)
    } else {
      assert.equal(contentHash(server.databasePath).integrity, 'ok')
      assert.equal((await server.import('n\n1\n', { filename: 'next.csv' })).status, 'completed')
      assert.equal((await restore(server, String(metadata.safetyCopy))).status, 'completed')
      assert.deepEqual(contentHash(server.databasePath), original)
    }
    assert.deepEqual(partials(server), [])
    return { code: error?.code, detail: error?.detail, tables }
  }

  test('and is a good backup is taken', async () => {
    assert.deepEqual((await tryFile(good)).tables, ['big', 'one'])
  })

  test('and is empty, a picture or encrypted is no database', async () => {
    const picture = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Uint8Array(5000)])
    for (const content of [new Uint8Array(), picture, good.slice(0, 10), new Uint8Array(8192).fill(0xa7)]) assert.equal((await tryFile(content)).code, 'NOT_A_DATABASE')
    const headOnly = new Uint8Array(4096)
    headOnly.set(good.slice(0, 16))
    assert.equal((await tryFile(headOnly)).code, 'NOT_A_DATABASE')
  })

  test('and is cut off, or has a byte that was flipped, is damaged', async () => {
    assert.equal((await tryFile(good.slice(0, good.length - 8192))).code, 'DATABASE_DAMAGED')
    assert.equal((await tryFile(good.slice(0, 4096 + 100))).code, 'DATABASE_DAMAGED')
    // The kind of a b-tree page, at the beginning of one in the middle of the file.
    const flipped = good.slice()
    const at = 4096 * Math.floor(good.length / 4096 / 2)
    flipped[at] = flipped[at]! ^ 0x40
    const { code, detail } = await tryFile(flipped)
    assert.equal(code, 'DATABASE_DAMAGED')
    assert.match(detail!, /^The database is damaged.*\.$/)
  })

  test('and has no tables leaves none', async (t) => {
    const { code, tables } = await tryFile(foreign(t, (db) => db.exec('CREATE TABLE x (y); DROP TABLE x')))
    assert.deepEqual([code, tables], [undefined, []])
  })

  test('and comes from another program is taken with all it has: page size, UTF-16, versions, views, triggers, keys', async (t) => {
    const content = foreign(t, (db) => {
      db.pragma('page_size = 1024')
      db.pragma(`encoding = 'UTF-16le'`)
      db.pragma('user_version = 99')
      db.pragma('application_id = 1234')
      db.exec(`
        CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE);
        CREATE TABLE "odd ""name""" (k TEXT PRIMARY KEY, v, parent REFERENCES parents (id)) WITHOUT ROWID;
        CREATE TABLE log (what TEXT);
        CREATE TRIGGER watch AFTER INSERT ON parents BEGIN INSERT INTO log VALUES (new.name); END;
        CREATE VIEW names AS SELECT name FROM parents;
        INSERT INTO parents VALUES (1, 'Zoë'), (2, 'Čeněk');
        PRAGMA foreign_keys = OFF;
        INSERT INTO "odd ""name""" VALUES ('a', 1.5, 1), ('b', x'00ff', 77);
      `)
    })
    const { body: { sessionId } } = await sendDatabase(server, '/api/restore', content)
    const { status, metadata } = await server.outcome(sessionId)
    assert.equal(status, 'completed')
    assert.match((metadata.notices as string[])[0]!, /^Foreign keys are broken in "odd "name""/)
    assert.deepEqual(await tableNames(server), ['log', 'odd "name"', 'parents'])
    assert.deepEqual((await server.rows('parents')).rows, [[1, 'Zoë'], [2, 'Čeněk']])
    assert.deepEqual((await server.rows('log')).rows, [['Zoë'], ['Čeněk']])
    assert.equal((await server.rows('odd "name"')).total, 2)
    const other = server.openDatabase()
    other.exec(`INSERT INTO parents VALUES (3, 'new')`)
    assert.deepEqual(other.prepare('SELECT name FROM names').pluck().all(), ['Zoë', 'Čeněk', 'new'])
    assert.equal((await server.import('ä\nü\n', { filename: 'next.csv' })).status, 'completed')
    assert.deepEqual((await server.rows('next')).rows, [['ü']])
    assert.equal((await backUp(server)).tables, 4)
    other.close()
    assert.equal((await restore(server, String(metadata.safetyCopy))).status, 'completed')
    assert.deepEqual(contentHash(server.databasePath), original)
  })

  test('and was written by a newer version, or only pretends to be ours, is refused in a sentence', async (t) => {
    const newer = join(temporaryFolder(t), 'newer.db')
    writeFileSync(newer, good)
    const db = new Database(newer)
    db.pragma('user_version = 99')
    db.close()
    const { code, detail } = await tryFile(new Uint8Array(readFileSync(newer)))
    assert.equal(code, 'DATABASE_TOO_NEW')
    assert.match(detail!, /newer version of HexTrackr/)
    const pretender = foreign(t, (fake) => {
      fake.exec('CREATE TABLE _hextrackr_imports (x)')
      fake.pragma('user_version = 2')
    })
    assert.equal((await tryFile(pretender)).code, 'DATABASE_DAMAGED')
  })

  test('and is in the way of nobody: the user\'s own backup is not touched by its restore', async (t) => {
    const content = foreign(t, (db) => {
      db.pragma('journal_mode = WAL')
      db.exec('CREATE TABLE mine (x); INSERT INTO mine VALUES (1)')
    })
    const { body } = await sendDatabase(server, '/api/backups/upload', content, 'mine.db')
    await server.outcome(body.sessionId)
    await server.get(`/api/backups/${body.name}/preview`)
    const { metadata } = await restore(server, body.name)
    assert.deepEqual(await tableNames(server), ['mine'])
    assert.deepEqual(new Uint8Array(readFileSync(join(server.dataDir, 'backups', body.name))), content)
    assert.deepEqual(backupFiles(server.dataDir).filter((name) => name.startsWith('mine')), ['mine.db'])
    assert.equal((await server.get<BackupInfo[]>('/api/backups')).body.find(({ name }) => name === 'mine.db')?.verified, true)
    assert.equal((await restore(server, String(metadata.safetyCopy))).status, 'completed')
  })
})
