import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rereading } from './reread.ts'

/** A reading whose answers are given by hand, in whatever order. */
function byHand() {
  const answers: PromiseWithResolvers<string>[] = []
  const page = new AbortController()
  const shown: string[] = []
  const read = () => {
    const answer = Promise.withResolvers<string>()
    answers.push(answer)
    return answer.promise
  }
  const reread = rereading(page.signal, read, (answer) => shown.push(answer))
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { answers, page, shown, reread, settle }
}

test('an answer that comes after one to a later question is not shown', async () => {
  const { answers: [first, second], shown, settle } = asking(2)
  second!.resolve('new')
  await settle()
  first!.resolve('old')
  await settle()
  assert.deepEqual(shown, ['new'])
})

test('answers that come in the order of the questions are all shown', async () => {
  const { answers: [first, second], shown, settle } = asking(2)
  first!.resolve('old')
  await settle()
  second!.resolve('new')
  await settle()
  assert.deepEqual(shown, ['old', 'new'])
})

test('a question without an answer changes nothing, and neither does an answer after the page was left', async () => {
  const { answers: [first, second, third], page, shown, settle } = asking(3)
  first!.resolve('old')
  second!.reject(new Error('no answer'))
  await settle()
  page.abort()
  third!.resolve('new')
  await settle()
  assert.deepEqual(shown, ['old'])
})

function asking(times: number): ReturnType<typeof byHand> {
  const reading = byHand()
  for (let time = 0; time < times; time++) reading.reread()
  return reading
}
