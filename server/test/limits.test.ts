import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newSessionId, TestServer } from './support.ts'

describe('limits', () => {
  test('a file larger than accepted is refused, announced or not, and nothing of it stays', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_UPLOAD_BYTES: '10k' } })
    const announced = await server.upload('x'.repeat(3 * 2 ** 20))
    assert.deepEqual([announced.status, announced.body.code], [413, 'FILE_TOO_LARGE'])
    // Within what a form may add, so it shows only when the bytes arrive.
    const sessionId = newSessionId()
    const arriving = await server.upload('a\n'.repeat(10_000), { sessionId })
    assert.deepEqual([arriving.status, arriving.body.code], [413, 'FILE_TOO_LARGE'])
    assert.equal((await server.outcome(sessionId)).error?.code, 'FILE_TOO_LARGE')
    assert.deepEqual(server.stagedFiles(), [])
    assert.equal((await server.import('a\n1\n')).status, 'completed')
  })

  test('more imports than may wait are refused until there is room', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_RUNNING_IMPORTS: '1', MAX_WAITING_IMPORTS: '1' } })
    const long = `a\n${'1\n'.repeat(1_500_000)}`
    const first = await server.upload(long)
    const second = await server.upload('a\n1\n')
    const third = await server.upload('a\n1\n')
    assert.deepEqual([first.status, second.status, third.status, third.body.code], [202, 202, 429, 'TOO_MANY_IMPORTS'])
    await server.outcome(first.body.sessionId)
    await server.outcome(second.body.sessionId)
    assert.equal((await server.import('a\n1\n')).status, 'completed')
  })

  test('a row longer than accepted ends the import with its line', async (t) => {
    const server = await TestServer.start(t, { env: { MAX_ROW_LENGTH: '2k' } })
    const { error } = await server.import('x'.repeat(3000))
    assert.equal(error?.code, 'ROW_TOO_LARGE')
  })
})
