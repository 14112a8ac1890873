import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fuzz, openDescriptors } from './fuzz.ts'
import { newSessionId, TestServer } from './support.ts'

/** Descriptors of the few threads that may not have been needed before. Something that each request left open would be hundreds. */
const KEPT = 48

test('2,000 hostile requests are each answered, none with a failure of the server, and nothing of them stays', async (t) => {
  const server = await TestServer.start(t)
  await server.import('a,b\n1,x\n2,y\n', { options: { table: 't' } })
  // Most of what is opened once and kept, threads with a connection each, is opened by then.
  await fuzz(server, { cases: 400, seed: 1 })
  await server.settled()
  const pid = server.process.pid!
  const before = existsSync('/proc/self/fd') ? openDescriptors(pid) : 0
  const report = await fuzz(server, { cases: 2_000, seed: 20_261_124 })
  assert.deepEqual(report.failures, [])
  await server.settled()
  assert.deepEqual((await server.rows('t')).rows, [[1, 'x'], [2, 'y']])
  assert.deepEqual(server.openDatabase({ readonly: true }).pragma('integrity_check'), [{ integrity_check: 'ok' }])
  if (before > 0) assert.ok(openDescriptors(pid) <= before + KEPT, `${openDescriptors(pid)} descriptors are open, ${before} were before`)
})

test('10,000 joins and leaves of unknown sessions leave nothing behind', async (t) => {
  const server = await TestServer.start(t)
  const { socket } = await server.connect()
  for (let round = 0; round < 100; round++) {
    const ids = Array.from({ length: 50 }, newSessionId)
    for (const event of ['join-progress', 'leave-progress'] as const) {
      const answers = await Promise.all(ids.map((id) => new Promise<{ ok: boolean }>((resolve) => socket.emit(event, id, resolve))))
      assert.ok(answers.every(({ ok }) => ok))
    }
  }
})
