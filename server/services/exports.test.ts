import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../faults.ts'
import { BEGINS_WITHIN_MS, Exports, MAX_REMEMBERED, REMEMBERED_MS } from './exports.ts'

const here = new AbortController().signal

test('a question is answered at the end, whether it came before the export, while it ran or afterwards', async () => {
  const exports = new Exports()
  const before = exports.end('one', here)
  const ended = exports.begin('one')
  const during = exports.end('one', here)
  ended()
  ended(new Error('too late to count'))
  assert.deepEqual(await Promise.all([before, during, exports.end('one', here)]), [{ state: 'done' }, { state: 'done' }, { state: 'done' }])
})

test('a failure that people may read is told, of any other only what it means', async () => {
  const exports = new Exports()
  exports.begin('one')(new Fault('BAD_QUERY', 'No such column.'))
  exports.begin('two')(new Error('EPIPE'))
  assert.deepEqual(await exports.end('one', here), { state: 'stopped', detail: 'No such column.' })
  assert.deepEqual(await exports.end('two', here), { state: 'stopped', detail: 'The connection ended before all rows were sent.' })
})

test('an export that does not begin in time is not found; one that did may take as long as it likes', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const exports = new Exports()
  const unknown = assert.rejects(exports.end('unknown', here), { code: 'EXPORT_NOT_FOUND' })
  const slow = exports.end('slow', here)
  t.mock.timers.tick(BEGINS_WITHIN_MS - 1)
  const ended = exports.begin('slow')
  t.mock.timers.tick(1)
  await unknown
  t.mock.timers.tick(100 * REMEMBERED_MS)
  ended()
  assert.deepEqual(await slow, { state: 'done' })
})

test('an end is forgotten after a while, and with very many the oldest at once, but never one that runs', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const exports = new Exports()
  const isForgotten = async (id: string): Promise<boolean> => {
    const question = exports.end(id, here).then(() => false, (error: unknown) => error instanceof Fault && error.code === 'EXPORT_NOT_FOUND')
    t.mock.timers.tick(BEGINS_WITHIN_MS)
    return question
  }
  const ended = exports.begin('runs')
  for (let number = 0; number <= MAX_REMEMBERED; number++) exports.begin(`${number}`)()
  assert.deepEqual([await isForgotten('0'), await isForgotten('1')], [true, false])
  t.mock.timers.tick(REMEMBERED_MS)
  assert.equal(await isForgotten('1'), true)
  ended()
  assert.equal(await isForgotten('runs'), false)
})

test('who goes away waits no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const exports = new Exports()
  const gone = new AbortController()
  const questions = ['unknown', 'runs'].map((id) => assert.rejects(exports.end(id, gone.signal), { code: 'CANCELLED' }))
  const ended = exports.begin('runs')
  gone.abort()
  await Promise.all(questions)
  await assert.rejects(exports.end('unknown', gone.signal), { code: 'CANCELLED' })
  ended()
  assert.deepEqual(await exports.end('runs', here), { state: 'done' })
})

test('an id that is used again is of the newer export', async () => {
  const exports = new Exports()
  const first = exports.begin('one')
  const second = exports.begin('one')
  first(new Error('broke off'))
  const question = exports.end('one', here)
  second()
  assert.deepEqual(await question, { state: 'done' })
})

test('nobody is left waiting when the server stops', async () => {
  const exports = new Exports()
  const questions = ['unknown', 'runs'].map((id) => assert.rejects(exports.end(id, here), { code: 'INTERRUPTED' }))
  exports.begin('runs')
  exports.close()
  await Promise.all(questions)
})
