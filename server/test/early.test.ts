/** Imports whose rows are brought in while their file still arrives. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { before, describe, test } from 'node:test'
import type { ProgressSnapshot } from '../protocol.ts'
import { SlowUpload } from './slow-upload.ts'
import { databaseFaults } from './soundness.ts'
import { suiteScope } from './suite.ts'
import { temporaryFolder, TestServer } from './support.ts'

const ROWS = 450_000
const rowsOf = (from: number, to: number): string => Array.from({ length: to - from }, (_, index) => `${from + index},"some, text",é\n`).join('')
const FILE = Buffer.from(`id,text,letter\n${rowsOf(0, ROWS)}`)
const HALF = FILE.length / 2

const progress = async (server: TestServer, { sessionId }: SlowUpload): Promise<ProgressSnapshot> => (await server.get<ProgressSnapshot>(`/api/progress/${sessionId}`)).body

/** Send half of a file, and see that rows of it are there. What follows comes slowly: the threads of an earlier import may have to leave first. */
async function rowsOfHalf(server: TestServer, upload: SlowUpload, wanted = 1): Promise<ProgressSnapshot> {
  upload.send(HALF)
  for (;;) {
    upload.trickle()
    const snapshot = await progress(server, upload)
    assert.equal(snapshot.status, 'processing', snapshot.message)
    if (snapshot.metadata.phase === 'import' && Number(snapshot.metadata.rowsDone) >= wanted) return snapshot
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Wait until a session has ended, and see that nothing of it is left. */
async function assertGone(server: TestServer, upload: SlowUpload, code: string): Promise<void> {
  assert.equal((await server.outcome(upload.sessionId)).error?.code, code)
  await server.settled()
  const db = server.openDatabase({ readonly: true })
  // The outcome is told before it is written down.
  while (databaseFaults(db).length > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual((await server.get<unknown[]>('/api/tables')).body, [])
}

describe('a file that still arrives', () => {
  const scope = suiteScope()
  let server: TestServer
  before(async () => {
    server = await TestServer.start(scope)
  })

  test('has its rows brought in meanwhile, seen by nobody before all of it is there', async () => {
    const watcher = await server.connect()
    const upload = await SlowUpload.begin(server, FILE, { filename: 'arriving.csv' })
    await watcher.join(upload.sessionId)
    const { metadata } = await rowsOfHalf(server, upload, ROWS / 4)
    assert.ok(Number(metadata.bytesReceived) < FILE.length && Number(metadata.bytesDone) <= Number(metadata.bytesReceived), JSON.stringify(metadata))
    assert.equal((await server.get('/api/tables/arriving')).status, 404)

    assert.match(await upload.finish(), /^HTTP\/1\.1 202 /)
    const { event, payload } = await watcher.end(upload.sessionId)
    assert.equal(event, 'progress-complete')
    const { rowsRead, rowsInserted, bytes, sha256 } = payload.metadata
    assert.deepEqual(
      { rowsRead, rowsInserted, bytes, sha256 },
      { rowsRead: ROWS, rowsInserted: ROWS, bytes: FILE.length, sha256: createHash('sha256').update(FILE).digest('hex') },
    )
    const exported = await server.export('arriving')
    assert.ok(exported.replaceAll('\r\n', '\n') === FILE.toString(), 'the export is not what was sent')

    const shown = watcher.seen.map(({ payload: { progress: percent } }) => percent)
    assert.deepEqual(shown, shown.toSorted((a, b) => a - b))
    const arriving = watcher.seen.filter(({ payload: { metadata: { bytesReceived } } }) => bytesReceived !== undefined)
    assert.ok(arriving.length > 0 && arriving.every(({ payload: { progress: percent, metadata: { bytesReceived } } }) => percent <= 15 + 72 * Number(bytesReceived) / FILE.length), 'the bar is ahead of what is there')
    await server.request('DELETE', '/api/tables/arriving')
  })

  test('that is cut off within a quoted text ends as lost, not as malformed, and leaves nothing', async () => {
    const upload = await SlowUpload.begin(server, FILE)
    const cut = FILE.indexOf('some', FILE.length * 0.9) + 2
    await rowsOfHalf(server, upload)
    upload.send(cut)
    upload.socket.destroy()
    await assertGone(server, upload, 'UPLOAD_LOST')
  })

  test('can be cancelled, which leaves nothing', async () => {
    const upload = await SlowUpload.begin(server, FILE)
    await rowsOfHalf(server, upload)
    assert.equal((await server.request('POST', `/api/imports/${upload.sessionId}/cancel`)).status, 202)
    await assertGone(server, upload, 'CANCELLED')
    assert.match(await upload.finish(), /^HTTP\/1\.1 409 [^]*"code":"CANCELLED"/)
    upload.socket.destroy()
  })

  test('is not waited for any longer where a row of it ends the import', async () => {
    const upload = await SlowUpload.begin(server, Buffer.concat([Buffer.from('id,text,letter\n1,2,3,4\n'), FILE]), { options: { onRowError: 'abort' } })
    upload.send(HALF)
    while ((await progress(server, upload)).status === 'processing') upload.trickle()
    await assertGone(server, upload, 'ROW_INVALID')
    assert.match(await upload.finish(), /^HTTP\/1\.1 4\d\d [^]*"code":"ROW_INVALID"/)
    upload.socket.destroy()
  })

  test('goes into its table after the imports that were there before it', async () => {
    const options = { table: 'shared', mode: 'append' }
    await server.import('id,text,letter\n-1,x,y\n', { options: { table: 'shared' } })
    const upload = await SlowUpload.begin(server, FILE, { options })
    await rowsOfHalf(server, upload)
    const { tableRows } = await server.import(`id,text,letter\n${rowsOf(0, 1000)}`, { options })
    assert.equal(tableRows, 1001)
    await upload.finish()
    await server.outcome(upload.sessionId)
    assert.equal((await server.record(upload.sessionId)).tableRows, 1001 + ROWS)
    assert.equal((await server.rows('shared', '?limit=0')).total, 1001 + ROWS)
    await server.request('DELETE', '/api/tables/shared')
  })

  test('takes no place of those that have arrived', async (t) => {
    const narrow = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1' } })
    const upload = await SlowUpload.begin(narrow, FILE)
    await rowsOfHalf(narrow, upload)
    assert.equal((await narrow.import('a\n1\n', { filename: 'other.csv' })).status, 'completed')
    await upload.finish()
    assert.equal((await narrow.outcome(upload.sessionId)).status, 'completed')
  })

  test('is read in the encoding that its first byte beyond ASCII tells', async () => {
    const ascii = `id,name\n${'1,Mueller and some more\n'.repeat(400_000)}`
    const upload = await SlowUpload.begin(server, Buffer.concat([Buffer.from(ascii), Buffer.from('2,M\xfcller fragt nach dem Gr\xfc\xdfen\n'.repeat(50), 'latin1')]), { filename: 'late.csv' })
    await rowsOfHalf(server, upload)
    await upload.finish()
    await server.outcome(upload.sessionId)
    const { dialect } = await server.record(upload.sessionId)
    assert.equal(dialect?.encoding, 'windows-1252')
    assert.equal((await server.rows('late', `?filter[name]=eq:${encodeURIComponent('Müller fragt nach dem Grüßen')}&limit=0`)).total, 50)
  })
})

describe('a server that goes while a file arrives', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`by ${signal} has nothing of it when it is back, and says so`, async (t) => {
      const dataDir = temporaryFolder(t)
      const server = await TestServer.start(t, { dataDir })
      const upload = await SlowUpload.begin(server, FILE)
      upload.socket.on('error', () => undefined)
      await rowsOfHalf(server, upload, ROWS / 8)
      await server.kill(signal)
      const next = await TestServer.start(t, { dataDir })
      await assertGone(next, upload, 'INTERRUPTED')
      assert.equal((await next.record(upload.sessionId)).stagedFile, undefined)
    })
  }
})
