import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import type { KeptFile, Problem } from '../protocol.ts'
import { preload } from './preload.ts'
import { suiteScope } from './suite.ts'
import { newSessionId, temporaryFolder, TestServer, type Answer } from './support.ts'

const FILE = `id,text\n${Array.from({ length: 500 }, (_, id) => `${id},row ${id}\n`).join('')}`

const resume = (server: TestServer, id: string, body: object = {}): Promise<Answer<{ sessionId: string, table: string } & Problem>> =>
  server.send('POST', `/api/imports/${id}/resume`, body)

/** As much is free on the disk as nothing is kept. */
const NO_ROOM_BESIDE_KEPT = `
  const folder = process.env.DATA_DIR + '/uploads'
  const { statfs } = fs.promises
  fs.promises.statfs = async (path) => ({ ...await statfs(path), bsize: 1, bavail: fs.readdirSync(folder).length === 0 ? 10 ** 9 : 0 })
`

/** A disk on which no import's rows can be written as long as there is a certain file. */
const BAD_DISK = `
  const { exec } = Database.prototype
  Database.prototype.exec = function (sql) {
    if (/^CREATE TABLE "_hextrackr_staging/.test(sql) && fs.existsSync(process.env.DATA_DIR + '/bad-disk')) throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_WRITE')
    return exec.call(this, sql)
  }
`

describe('an import that the server interrupted after its upload', () => {
  const scope = suiteScope()
  let server: TestServer

  /** Keep whatever begins from going on, end the server in the middle of it, and start the next one. */
  async function interrupt(
    signal: NodeJS.Signals, begin: () => Promise<unknown>, { meanwhile, env = {} }: { meanwhile?: () => void, env?: Record<string, string> } = {},
  ): Promise<void> {
    const other = server.openDatabase()
    other.exec('BEGIN IMMEDIATE')
    await begin()
    // It waits a while for the lock to save the outcomes.
    const release = setTimeout(() => other.exec('ROLLBACK'), 200)
    await server.kill(signal)
    clearTimeout(release)
    if (other.inTransaction) other.exec('ROLLBACK')
    meanwhile?.()
    server = await TestServer.start(scope, { dataDir: server.dataDir, env: { BUSY_TIMEOUT_MS: '60000', ...env } })
  }

  const names = ['plain', 'upsert', 'taken', 'changed', 'cut', 'unwanted', 'later'] as const
  const ids = Object.fromEntries(names.map((name) => [name, newSessionId()])) as Record<typeof names[number], string>
  const options: Partial<Record<typeof names[number], object>> = { upsert: { table: 'there', mode: 'upsert', key: 'id' }, taken: { table: 'taken' } }
  const stagedFile = (name: typeof names[number]): string => join(server.dataDir, 'uploads', `${ids[name]}.part`)

  /** Wait until a staged file is removed: a successful import reports before it does that. */
  async function gone(id: string): Promise<void> {
    while (server.stagedFiles().includes(`${id}.part`)) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  before(async () => {
    server = await TestServer.start(scope, { env: { BUSY_TIMEOUT_MS: '60000' } })
    await server.import('id,text\n1,old\n900,old\n', { options: { table: 'there' } })
    await server.settled()
    await interrupt('SIGKILL', async () => {
      for (const name of names) assert.equal((await server.upload(FILE, { filename: `${name}.csv`, options: options[name], sessionId: ids[name] })).status, 202)
    }, {
      meanwhile: () => {
        writeFileSync(stagedFile('changed'), readFileSync(stagedFile('changed'), 'utf8').replace('row 7\n', 'row 8\n'))
        truncateSync(stagedFile('cut'), 1000)
      },
    })
  })

  test('is begun anew from the same file, without another upload', async () => {
    const record = await server.record(ids.plain)
    assert.deepEqual([record.status, record.error?.code, record.filename, record.table, record.stagedFile?.bytes], ['error', 'INTERRUPTED', 'plain.csv', 'plain', FILE.length])
    assert.ok(record.stagedFile!.until > Date.now())
    assert.deepEqual((await server.outcome(ids.plain)).metadata.stagedFile, record.stagedFile)

    const sessionId = newSessionId()
    const { status, headers, body } = await resume(server, ids.plain, { sessionId })
    assert.deepEqual([status, headers.get('location'), body], [202, `/api/imports/${sessionId}`, { sessionId, table: 'plain' }])
    assert.equal((await server.outcome(sessionId)).status, 'completed')
    const done = await server.record(sessionId)
    assert.deepEqual([done.rowsInserted, done.resumes, done.bytes], [500, ids.plain, FILE.length])
    assert.equal((await server.table('plain')).rows, 500)

    const old = await server.record(ids.plain)
    assert.deepEqual([old.resumedBy, old.stagedFile, old.error?.code], [sessionId, undefined, 'INTERRUPTED'])
    assert.equal((await resume(server, ids.plain)).body.code, 'NOT_RESUMABLE')
    await gone(ids.plain)
  })

  test('keeps its options: rows are updated by key in the table that was asked for', async () => {
    const { body: { sessionId } } = await resume(server, ids.upsert)
    assert.equal((await server.outcome(sessionId)).status, 'completed')
    const { rowsInserted, rowsUpdated, mode, table } = await server.record(sessionId)
    assert.deepEqual([rowsInserted, rowsUpdated, mode, table], [499, 1, 'upsert', 'there'])
  })

  test('is refused like any other where its table has come into being since, and stays resumable', async () => {
    await server.import('a\n1\n', { options: { table: 'taken' } })
    const refused = await resume(server, ids.taken)
    assert.deepEqual([refused.status, refused.body.code], [409, 'TABLE_EXISTS'])
    assert.equal((await resume(server, ids.taken, { sessionId: ids.taken })).body.code, 'SESSION_EXISTS')
    assert.ok((await server.record(ids.taken)).stagedFile)
  })

  test('ends as UPLOAD_LOST where the file is no longer what had arrived', async () => {
    const { body: { sessionId } } = await resume(server, ids.changed)
    assert.equal((await server.outcome(sessionId)).error?.code, 'UPLOAD_LOST')
    assert.equal((await server.get('/api/tables/changed')).status, 404)
  })

  test('is not offered where the file is cut off', async () => {
    const { error, stagedFile: kept } = await server.record(ids.cut)
    assert.deepEqual([error?.code, kept], ['INTERRUPTED', undefined])
    const { status, body } = await resume(server, ids.cut)
    assert.deepEqual([status, body.code], [409, 'NOT_RESUMABLE'])
  })

  test('can be given up, and its file goes', async () => {
    assert.match((await server.get<string>('/metrics')).body, new RegExp(`^hextrackr_kept_upload_bytes ${3 * FILE.length}$`, 'm'))
    assert.equal((await server.request('DELETE', `/api/imports/${ids.unwanted}/file`)).status, 204)
    assert.deepEqual([server.stagedFiles().includes(`${ids.unwanted}.part`), (await server.record(ids.unwanted)).stagedFile], [false, undefined])
    assert.equal((await server.request<Problem>('DELETE', `/api/imports/${ids.unwanted}/file`)).body.code, 'NOT_RESUMABLE')
    assert.equal((await server.request<Problem>('DELETE', `/api/imports/${newSessionId()}/file`)).body.code, 'SESSION_NOT_FOUND')
  })

  test('can be resumed once more where its resumption is interrupted, by a stop as well; kept files give way to an upload without room', async () => {
    const again = newSessionId()
    await interrupt('SIGTERM', () => resume(server, ids.later, { sessionId: again }), { env: { ...preload(temporaryFolder(scope), NO_ROOM_BESIDE_KEPT), MIN_FREE_BYTES: '0' } })
    const { error, resumes, stagedFile: kept } = await server.record(again)
    assert.deepEqual([error?.code, resumes, kept?.bytes], ['INTERRUPTED', ids.later, FILE.length])
    assert.equal((await server.record(ids.later)).stagedFile, undefined)
    const { body: { sessionId } } = await resume(server, again)
    assert.equal((await server.outcome(sessionId)).status, 'completed')
    assert.equal((await server.table('later')).rows, 500)
    await gone(ids.later)

    const tooLarge = await server.upload('a\n'.repeat(500_000))
    assert.deepEqual([tooLarge.status, tooLarge.body.code], [507, 'DISK_FULL'])
    assert.ok((await server.record(ids.taken)).stagedFile, 'a kept file went for an upload that its room is not enough for')
    assert.equal((await server.import('a\n1\n')).status, 'completed')
    assert.equal((await server.record(ids.taken)).stagedFile, undefined)
  })

  test('keeps its file where its resumption fails because of the server, and for no other reason', async () => {
    const first = newSessionId()
    await server.settled()
    // It has one key twice, which turns out last.
    const content = FILE.replace('499,row', '498,row')
    const bytes = content.length
    await interrupt('SIGKILL', () => server.upload(content, { sessionId: first, options: options.upsert }), {
      env: { BUSY_TIMEOUT_MS: '200', ...preload(temporaryFolder(scope), BAD_DISK) },
    })
    const badDisk = join(server.dataDir, 'bad-disk')
    const other = server.openDatabase()
    const failing = async (id: string, begin: () => void, end: () => void, code: string): Promise<string> => {
      const sessionId = newSessionId()
      const watcher = await server.connect()
      await watcher.join(sessionId)
      begin()
      await resume(server, id, { sessionId })
      const { payload: { error, metadata } } = await watcher.end(sessionId)
      const [before, after] = [await server.record(id), await server.record(sessionId)]
      end()
      assert.deepEqual([(error as Problem).code, before.stagedFile, after.error?.code, after.stagedFile?.bytes], [code, undefined, code, bytes])
      assert.equal((metadata['stagedFile'] as KeptFile | undefined)?.bytes, bytes, 'whoever follows it is told as well')
      return sessionId
    }
    const second = await failing(first, () => writeFileSync(badDisk, ''), () => rmSync(badDisk), 'SQLITE_IOERR')
    const third = await failing(second, () => other.exec('BEGIN IMMEDIATE'), () => other.exec('ROLLBACK'), 'SQLITE_BUSY')
    const isSaved = other.prepare('SELECT 1 FROM _hextrackr_imports WHERE session_id = ? AND error IS NOT NULL')
    while (isSaved.get(third) === undefined) await new Promise((resolve) => setTimeout(resolve, 10))
    await server.kill('SIGKILL')
    server = await TestServer.start(scope, { dataDir: server.dataDir, env: { BUSY_TIMEOUT_MS: '60000' } })
    assert.equal((await server.record(third)).stagedFile?.bytes, bytes, 'it outlives a restart')

    const fourth = newSessionId()
    await resume(server, third, { sessionId: fourth })
    assert.equal((await server.outcome(fourth)).error?.code, 'KEY_NOT_UNIQUE')
    await gone(first)
    assert.equal((await server.record(fourth)).stagedFile, undefined)
    assert.equal((await resume(server, fourth)).body.code, 'NOT_RESUMABLE')
  })

  test('is not kept longer than the setting says', async () => {
    const sessionId = newSessionId()
    await server.settled()
    await interrupt('SIGKILL', () => server.upload(FILE, { sessionId }), { env: { KEEP_INTERRUPTED_HOURS: '0' } })
    const { error, stagedFile: kept } = await server.record(sessionId)
    assert.deepEqual([error?.code, kept, server.stagedFiles()], ['INTERRUPTED', undefined, []])
  })
})
