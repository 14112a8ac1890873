import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import Database from 'better-sqlite3'
import type { BackupInfo } from '../protocol.ts'
import { backUp, backupFiles, contentHash, fill, restore, startBackup, startRestore, type Begun } from './backup-support.ts'
import { preload } from './preload.ts'
import { OPTIMIST, smallDisk } from './small-disk.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer } from './support.ts'

/** Pieces of a file that has been copied by half, of those that each are a MiB. */
const HALF = 10

/** Kills the server without warning at the point that KILL_AT names, in a process of its own too: before or after something is done with a file. */
const KILLER = `
  const server = process.ppid === ${process.pid} ? process.pid : process.ppid
  const reached = (point) => {
    if (process.env.KILL_AT !== point) return
    process.kill(server, 'SIGKILL')
    // What it has other processes do ends with it, but no sooner than it.
    if (server !== process.pid) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
  }
  const fileAt = (path) => /\\.(copy|work|safety)\\.part$/.exec(path)?.[1] ?? (/hextrackr\\.db$/.test(path) ? 'live' : 'other')
  const { backup, pragma } = Database.prototype
  Database.prototype.backup = async function (path, options) {
    const progress = (transferred) => {
      const { totalPages, remainingPages } = transferred
      if (remainingPages < totalPages / 2) reached('half of ' + fileAt(path))
      const pages = options.progress(transferred)
      if (pages >= remainingPages) reached('last pages of ' + fileAt(path))
      return pages
    }
    const result = await backup.call(this, path, { ...options, progress })
    if (result.totalPages > 0) reached('all of ' + fileAt(path))
    return result
  }
  Database.prototype.pragma = function (sql, ...more) {
    // What is copied is checked where it comes from, in the transaction that pins it.
    if (/^integrity_check/.test(sql)) reached('check of ' + (this.inTransaction ? 'pinned ' : '') + fileAt(this.name))
    if (/^wal_checkpoint/.test(sql)) reached(sql)
    return pragma.call(this, sql, ...more)
  }
  const { open } = fs.promises
  fs.promises.open = async (path, flags, ...more) => {
    const file = await open(path, flags, ...more)
    if (flags !== 'wx') return file
    const { writeFile, close } = file
    let pieces = 0
    return Object.assign(file, {
      writeFile: (piece) => {
        if (++pieces === ${HALF}) reached('half of ' + fileAt(path))
        return writeFile.call(file, piece)
      },
      [Symbol.asyncDispose]: async () => {
        await close.call(file)
        reached('all of ' + fileAt(path))
      },
    })
  }
  const { rename } = fs.promises
  fs.promises.rename = async (from, to) => {
    reached('before naming ' + fileAt(from))
    await rename(from, to)
    reached('after naming ' + fileAt(from))
  }
`

// Each has a folder and servers of its own.
describe('kill -9', { concurrency: 3 }, () => {
  const scope = suiteScope()
  let template: string
  let backup: string
  /** The same content under a name of which nothing is known. */
  const unknown = 'unknown.db'
  let oldContent: ReturnType<typeof contentHash>
  let newContent: ReturnType<typeof contentHash>
  before(async () => {
    const server = await TestServer.start(scope)
    const db = server.openDatabase()
    // More than SQLite's page cache, so that pages are written before the commit.
    fill(db, 'big', 19_000, 'new')
    backup = (await backUp(server)).name
    newContent = contentHash(server.databasePath)
    db.exec(`UPDATE big SET text = 'old' WHERE id % 7 = 0; CREATE TABLE more (x); INSERT INTO more VALUES (1)`)
    db.close()
    await server.kill('SIGTERM')
    oldContent = contentHash(server.databasePath)
    template = server.dataDir
    copyFileSync(join(template, 'backups', backup), join(template, 'backups', unknown))
  })

  /** Begin an operation in a server of its own that dies at that point. @returns what a server finds that starts after it */
  async function die(t: TestContext, point: string, begin: (server: TestServer, sessionId: string) => Promise<Begun>) {
    const folder = temporaryFolder(t)
    const dataDir = join(folder, 'data')
    cpSync(template, dataDir, { recursive: true })
    const server = await TestServer.start(t, { dataDir, env: { ...preload(folder, KILLER), KILL_AT: point } })
    const exited = once(server.process, 'exit')
    const sessionId = newSessionId()
    await begin(server, sessionId).catch(() => undefined)
    await exited
    assert.equal(server.process.signalCode, 'SIGKILL')
    const again = await TestServer.start(t, { dataDir })
    const { status, error, metadata } = await again.outcome(sessionId)
    const backups = (await again.get<BackupInfo[]>('/api/backups')).body
    assert.deepEqual(backupFiles(dataDir), backups.map(({ name }) => name).sort(), 'a file that is not whole was left')
    const content = contentHash(again.databasePath)
    await again.kill()
    return { status, code: error?.code, metadata, content, added: backups.filter(({ name }) => name !== backup && name !== unknown) }
  }

  /** Have a log that cannot be copied into the file, so that a copy is made page after page, and is checked by itself. */
  function keepLog(server: TestServer): void {
    const reader = server.openDatabase({ readonly: true })
    reader.exec('BEGIN; SELECT * FROM more')
    server.openDatabase().exec('INSERT INTO more VALUES (2); DELETE FROM more WHERE x = 2')
  }

  for (const point of ['half of copy', 'all of copy', 'check of pinned live', 'before naming copy']) {
    test(`during a backup, at "${point}", leaves nothing of it`, async (t) => {
      const { status, code, content, added } = await die(t, point, (server, sessionId) => startBackup(server, { sessionId }))
      assert.deepEqual([status, code, added, content], ['error', 'INTERRUPTED', [], oldContent])
    })
  }

  for (const [operation, point] of [['backup', 'check of copy'], ['restore', 'check of safety']] as const) {
    test(`during a ${operation} of what has a log, at "${point}", leaves nothing of it`, async (t) => {
      const { status, code, content, added } = await die(t, point, (server, sessionId) => {
        keepLog(server)
        return operation === 'backup' ? startBackup(server, { sessionId }) : startRestore(server, backup, { sessionId })
      })
      assert.deepEqual([status, code, added, content], ['error', 'INTERRUPTED', [], oldContent])
    })
  }

  test('of a server that has just given a backup its name leaves that backup whole, and completed', async (t) => {
    const { status, metadata, content, added } = await die(t, 'after naming copy', (server, sessionId) => startBackup(server, { sessionId }))
    assert.deepEqual([status, content, added.map(({ name, verified, kind }) => [name, verified, kind])], ['completed', oldContent, [[metadata.name, true, 'manual']]])
  })

  for (const point of ['half of work', 'all of work', 'check of pinned other', 'half of safety', 'check of pinned live', 'before naming safety', 'after naming safety', 'half of live', 'last pages of live']) {
    test(`during a restore, at "${point}", leaves exactly the old content`, async (t) => {
      const name = point === 'check of pinned other' ? unknown : backup
      const { status, code, content, added } = await die(t, point, (server, sessionId) => startRestore(server, name, { sessionId }))
      assert.deepEqual([status, code, content], ['error', 'INTERRUPTED', oldContent])
      // Pages may go into the live database before the safety copy has its name, but are not committed then.
      const mayBeKept = point === 'half of live'
      const isKept = point === 'after naming safety' || point === 'last pages of live' || (mayBeKept && added.length > 0)
      assert.deepEqual(added.map(({ kind, verified }) => [kind, verified]), isKept ? [['pre-restore', true]] : [])
    })
  }

  for (const point of ['all of live', 'check of live', 'wal_checkpoint(TRUNCATE)']) {
    test(`during a restore, at "${point}", leaves exactly the new content, and the restore completed`, async (t) => {
      const { status, metadata, content, added } = await die(t, point, (server, sessionId) => startRestore(server, backup, { sessionId }))
      assert.deepEqual([status, content], ['completed', newContent])
      assert.deepEqual(added.map(({ name, kind, verified }) => [name, kind, verified]), [[metadata.safetyCopy, 'pre-restore', true]])
    })
  }
})

describe('a full disk', () => {
  test('is found before a backup or a restore begins', async (t) => {
    const dataDir = smallDisk(t, 20)
    if (dataDir === null) return
    const server = await TestServer.start(t, { dataDir })
    const { name } = await backUp(server)
    fill(server.openDatabase(), 'big', 7000, 'x')
    for (const { status, body } of [await startBackup(server), await startRestore(server, name)]) assert.deepEqual([status, body.code], [507, 'DISK_FULL'])
    assert.deepEqual(backupFiles(dataDir), [name])
    await server.kill()
  })

  test('during a backup leaves no file, and the data as they were', async (t) => {
    const dataDir = smallDisk(t, 20)
    if (dataDir === null) return
    const server = await TestServer.start(t, { dataDir, env: preload(temporaryFolder(t), OPTIMIST) })
    const db = server.openDatabase()
    fill(db, 'big', 7000, 'x')
    db.pragma('wal_checkpoint(TRUNCATE)')
    writeFileSync(join(dataDir, 'filler'), Buffer.alloc(8 * 2 ** 20))
    const { body: { sessionId } } = await startBackup(server)
    const { error } = await server.outcome(sessionId)
    assert.equal(error?.code, 'DISK_FULL')
    assert.match(error.detail, /no room left on the disk/)
    assert.deepEqual(backupFiles(dataDir), [])
    assert.equal((await server.table('big')).rows, 7000)
    assert.equal(contentHash(server.databasePath).integrity, 'ok')
    await server.kill()
  })

  test('during a restore leaves the data as they were', async (t) => {
    const dataDir = smallDisk(t, 26)
    if (dataDir === null) return
    const folder = temporaryFolder(t)
    const server = await TestServer.start(t, { dataDir, env: preload(folder, OPTIMIST) })
    await server.import('a\n1\n', { filename: 'one.csv' })
    const before = contentHash(server.databasePath)
    const large = new Database(join(folder, 'large.db'))
    fill(large, 'big', 10_000, 'x')
    large.close()
    copyFileSync(join(folder, 'large.db'), join(dataDir, 'backups', 'large.db'))
    const { error, metadata } = await restore(server, 'large.db')
    assert.equal(error?.code, 'SQLITE_FULL')
    assert.equal(metadata.phase, 'restore')
    assert.deepEqual(contentHash(server.databasePath), before)
    assert.deepEqual(backupFiles(dataDir).sort(), ['large.db', metadata.safetyCopy].sort())
    assert.equal((await server.import('b\n1\n', { filename: 'two.csv' })).status, 'completed')
    await server.kill()
  })
})

test('a restore whose result does not pass its check is taken back, and says so', async (t) => {
  const folder = temporaryFolder(t)
  const server = await TestServer.start(t, {
    env: preload(folder, `
      const { pragma } = Database.prototype
      Database.prototype.pragma = function (sql, ...more) {
        return /^integrity_check/.test(sql) && /hextrackr\\.db$/.test(this.name) ? [{ integrity_check: 'wrong # of entries in index' }] : pragma.call(this, sql, ...more)
      }
    `),
  })
  await server.import('a\n1\n', { filename: 'one.csv' })
  const { name } = await backUp(server)
  await server.import('a\n2\n', { filename: 'two.csv' })
  const before = contentHash(server.databasePath)
  const { error, metadata } = await restore(server, name)
  assert.equal(error?.code, 'SQLITE_CORRUPT')
  assert.match(error.detail, /brought back as they were.*wrong # of entries/)
  assert.deepEqual(contentHash(server.databasePath), before)
  assert.deepEqual(backupFiles(server.dataDir), [metadata.safetyCopy, name].sort())
  assert.equal((await server.table('two')).rows, 1)
})
