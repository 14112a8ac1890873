import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImportRecord } from '../../../server/protocol.ts'
import { runningFollower } from './running-follower.ts'

const record = (sessionId: string, status: ImportRecord['status']) => ({ sessionId, status })
const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Jobs that only know who is watched. */
function setUp() {
  const watched: string[] = []
  const page = new AbortController()
  const answers: { fail: boolean, wait: Promise<unknown> } = { fail: false, wait: Promise.resolve() }
  const watch = async ({ id }: { id: string }) => {
    await answers.wait
    if (answers.fail) throw new Error('no answer')
    watched.push(id)
    return { job: undefined as never, release: () => void watched.splice(watched.indexOf(id), 1) }
  }
  return { watched, page, answers, follow: runningFollower({ watch }, page.signal) }
}

test('an import is watched while it runs, and no longer', async () => {
  const { watched, follow } = setUp()
  follow([record('a', 'processing'), record('b', 'processing'), record('c', 'completed')])
  await settle()
  assert.deepEqual(watched, ['a', 'b'])
  follow([record('a', 'completed'), record('b', 'processing')])
  await settle()
  assert.deepEqual(watched, ['b'])
})

test('what has ended, or whose page is left, before it was watched is not watched', async () => {
  for (const end of ['history', 'page'] as const) {
    const { watched, page, answers, follow } = setUp()
    const answer = Promise.withResolvers<undefined>()
    answers.wait = answer.promise
    follow([record('a', 'processing')])
    if (end === 'history') follow([record('a', 'completed')])
    else page.abort()
    answer.resolve(undefined)
    await settle()
    assert.deepEqual(watched, [], end)
  }
})

test('the page that is left watches nothing, and what could not be watched is tried again', async () => {
  const { watched, page, answers, follow } = setUp()
  answers.fail = true
  follow([record('a', 'processing')])
  await settle()
  answers.fail = false
  follow([record('a', 'processing')])
  await settle()
  assert.deepEqual(watched, ['a'])
  page.abort()
  assert.deepEqual(watched, [])
})
