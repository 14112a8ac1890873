import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newSessionId, TestServer } from './support.ts'
import { PATIENT, WriteLock } from './write-lock.ts'

describe('the events of an import', () => {
  test('carry every promised field, never fall, and end with the terminal one', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    const sessionId = newSessionId()
    assert.deepEqual(await watcher.join(sessionId), { ok: true })
    const csv = `a,b\n${'12,some text to read\n'.repeat(400_000)}`
    await server.upload(csv, { sessionId, filename: 'events.csv' })
    await watcher.end(sessionId)
    await sleep(400)

    const { seen } = watcher
    const last = seen.at(-1)!
    assert.equal(last.event, 'progress-complete')
    assert.deepEqual(Object.keys(last.payload).sort(), ['duration', 'message', 'metadata', 'progress', 'sessionId', 'status', 'timestamp'])
    assert.equal(last.payload.progress, 100)
    assert.equal(last.payload.status, 'completed')
    assert.equal(last.payload.metadata.rowsInserted, 400_000)
    const updates = seen.slice(0, -1)
    assert.ok(updates.length >= 3, `only ${updates.length} updates`)
    let highest = 0
    for (const { event, payload } of updates) {
      assert.equal(event, 'progress-update')
      assert.deepEqual(Object.keys(payload).sort(), ['message', 'metadata', 'progress', 'sessionId', 'status', 'timestamp'])
      assert.equal(payload.sessionId, sessionId)
      assert.equal(payload.status, 'processing')
      assert.equal(payload.metadata.operation, 'csv-import')
      assert.equal(payload.metadata.filename, 'events.csv')
      assert.equal(payload.metadata.table, 'events')
      assert.equal(payload.metadata.mode, 'create')
      assert.ok(payload.progress >= highest && payload.progress < 100, `${payload.progress} after ${highest}`)
      highest = payload.progress
    }
    const phases = [...new Set(updates.map(({ payload }) => payload.metadata.phase))]
    assert.deepEqual(phases, ['upload', 'analyse', 'import', 'finish'].filter((phase) => phases.includes(phase)))
    assert.ok(phases.includes('import'))
  })

  test('tell no time left of rows that were read while they are merged', async (t) => {
    const server = await TestServer.start(t, { env: PATIENT })
    const watcher = await server.connect()
    const sessionId = newSessionId()
    await server.import('a,b\n12,x\n', { filename: 'there.csv' })
    await watcher.join(sessionId)
    const lock = new WriteLock(t, server, 50_000)
    await server.upload(`a,b\n${'12,some text to read\n'.repeat(1_000_000)}`, { sessionId, options: { table: 'there', mode: 'append' } })
    await lock.held
    // Time left is told only of what has taken a second.
    await sleep(1000)
    await lock.release()
    await watcher.end(sessionId)
    const etas = (phase: string): unknown[] => watcher.seen.filter(({ event, payload }) => event === 'progress-update' && payload.metadata.phase === phase).map(({ payload }) => payload.metadata.etaSeconds)
    assert.ok(etas('import').some((eta) => typeof eta === 'number'))
    assert.ok(etas('merge').length > 0)
    assert.deepEqual([...etas('merge'), ...etas('finish')].filter((eta) => eta !== undefined), [])
  })

  test('go to those who follow it first, and then all others are told that something has changed', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    const heard: string[] = []
    let wake = (): void => undefined
    watcher.socket.on('data-changed', ({ reason, table }) => {
      heard.push(table === undefined ? reason : `${reason} ${table}`)
      wake()
    })
    const next = async (count: number): Promise<string[]> => {
      while (heard.length < count) await new Promise<void>((resolve) => wake = resolve)
      return heard.splice(0)
    }
    watcher.socket.on('progress-complete', () => heard.push('complete'))
    watcher.socket.on('progress-error', () => heard.push('error'))

    const [done, failed] = [newSessionId(), newSessionId()]
    await watcher.join(done)
    await watcher.join(failed)
    await server.upload('a\n1\n', { sessionId: done, filename: 'one.csv' })
    assert.deepEqual(await next(3), ['history', 'complete', 'import one'])
    await server.upload('', { sessionId: failed, filename: 'empty.csv' })
    assert.deepEqual((await next(3)).sort(), ['error', 'history', 'history'])

    const { body: { name } } = await server.request<{ name: string }>('POST', '/api/backups')
    assert.deepEqual(await next(1), ['history'])
    assert.equal((await server.request('DELETE', `/api/backups/${name}`)).status, 204)
    assert.deepEqual(await next(1), ['history'])
  })

  test('reach only the room of their session', async (t) => {
    const server = await TestServer.start(t)
    const watcher = await server.connect()
    await watcher.join(newSessionId())
    await server.import('a\n1\n')
    assert.deepEqual(watcher.seen, [])
  })

  test('tell one who joins late what became of it, for ever', async (t) => {
    const server = await TestServer.start(t)
    const record = await server.import('a,b\n1,2\n')
    const failed = await server.import('\n\n')
    await server.kill('SIGTERM')
    const again = await TestServer.start(t, { dataDir: server.dataDir })
    const watcher = await again.connect()
    await watcher.join(record.sessionId)
    await watcher.join(failed.sessionId)
    const [done, error] = watcher.seen
    assert.equal(done?.event, 'progress-status')
    assert.deepEqual([done.payload.status, done.payload.progress, done.payload.metadata.rowsRead], ['completed', 100, 1])
    assert.equal(error?.event, 'progress-status')
    assert.deepEqual([error.payload.status, (error.payload.error as { code: string }).code], ['error', 'EMPTY_FILE'])
  })
})
