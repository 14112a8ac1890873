import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FailureInfo, Problem } from '../protocol.ts'
import { SlowUpload } from './slow-upload.ts'
import { newSessionId, TestServer, type Watcher } from './support.ts'

const LONG = `a,b\n${'1,some text to read\n'.repeat(1_000_000)}`

const cancel = (server: TestServer, sessionId: string): ReturnType<typeof server.request<Problem>> => server.request('POST', `/api/imports/${sessionId}/cancel`)

async function assertCancelled(server: TestServer, watcher: Watcher, sessionId: string): Promise<void> {
  const end = await watcher.end(sessionId)
  assert.deepEqual([end.event, (end.payload.error as FailureInfo).code], ['progress-error', 'CANCELLED'])
  assert.equal((await server.record(sessionId)).error?.code, 'CANCELLED')
  await server.settled()
  const left = server.openDatabase().prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%staging%' OR name LIKE '%undo\\__%' ESCAPE '\\'`).all()
  assert.deepEqual(left, [])
}

describe('cancelling', () => {
  test('ends an upload and removes what has arrived of it', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    const upload = await SlowUpload.begin(server, 'a,b\n'.repeat(20_000), { sessionId })
    upload.send(8)
    assert.equal((await cancel(server, sessionId)).status, 202)
    await assertCancelled(server, watcher, sessionId)
    assert.match(await upload.finish(), /^HTTP\/1\.1 409 [^]*"code":"CANCELLED"/)
    upload.socket.destroy()
    assert.equal((await server.import('a\n1\n', { filename: 'slow.csv' })).table, 'slow')
  })

  test('ends an import that waits its turn', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1' } })
    const watcher = await server.connect()
    const [running, waiting] = [newSessionId(), newSessionId()]
    await watcher.join(running)
    await watcher.join(waiting)
    await server.upload(LONG, { sessionId: running })
    await server.upload('a\n1\n', { sessionId: waiting })
    assert.equal((await cancel(server, waiting)).status, 202)
    assert.equal((await cancel(server, running)).status, 202)
    await assertCancelled(server, watcher, waiting)
    await assertCancelled(server, watcher, running)
  })

  test('while merging leaves the table as it was', async (t) => {
    const server = await TestServer.start(t)
    const rows = (from: number, to: number, value: string): string => `id,v\n${Array.from({ length: to - from }, (_, index) => `${from + index},${value}\n`).join('')}`
    await server.import(rows(0, 400_000, 'old'), { options: { table: 'big' } })
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await watcher.join(sessionId)
    await server.upload(rows(200_000, 600_000, 'new'), { sessionId, options: { table: 'big', mode: 'upsert', key: ['id'] } })
    await watcher.until(({ payload }) => payload.metadata.phase === 'merge')
    assert.equal((await cancel(server, sessionId)).status, 202)
    await assertCancelled(server, watcher, sessionId)
    assert.deepEqual([(await server.table('big')).rows, (await server.rows('big', '?filter[v]=eq:old&limit=0')).total], [400_000, 400_000])
  })

  test('is refused once the import has ended, and for ids that nobody has', async (t) => {
    const server = await TestServer.start(t)
    const { sessionId } = await server.import('a\n1\n')
    assert.deepEqual([(await cancel(server, sessionId)).body.code, (await cancel(server, newSessionId())).body.code], ['ALREADY_FINISHED', 'SESSION_NOT_FOUND'])
    assert.equal((await server.record(sessionId)).status, 'completed')
  })
})

describe('a table that an import is about to write to', () => {
  test('can be neither deleted, renamed nor changed by an undo meanwhile', async (t) => {
    const server = await TestServer.start(t)
    const first = await server.import('a,b\n0,x\n', { options: { table: 'busy' } })
    const { body: { sessionId } } = await server.upload(LONG, { options: { table: 'busy', mode: 'append' } })
    const attempts = [
      server.request<Problem>('DELETE', '/api/tables/busy'),
      server.request<Problem>('PATCH', '/api/tables/busy', { body: '{"name":"other"}', headers: { 'content-type': 'application/json' } }),
      server.request<Problem>('POST', `/api/imports/${first.sessionId}/undo`),
    ]
    for (const { status, body } of await Promise.all(attempts)) assert.deepEqual([status, body.code], [409, 'TABLE_IN_USE'])
    assert.equal((await server.outcome(sessionId)).status, 'completed')
    assert.equal((await server.table('busy')).rows, 1_000_001)
  })
})
