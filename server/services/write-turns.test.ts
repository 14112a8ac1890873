import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WriteTurns } from './write-turns.ts'

test('one has the turn at a time, the others follow in the order they asked', async () => {
  const turns = new WriteTurns()
  const order: string[] = []
  const work = async (name: string): Promise<void> => {
    const release = await turns.take()
    order.push(`${name} begins`)
    await Promise.resolve()
    order.push(`${name} ends`)
    release()
  }
  await Promise.all([work('a'), work('b'), work('c')])
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('a turn that is given back twice frees nobody else\'s', async () => {
  const turns = new WriteTurns()
  const first = await turns.take()
  first()
  await turns.take()
  first()
  let isGranted = false
  void turns.take().then(() => (isGranted = true))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(isGranted, false)
})

test('who waits for an idle moment lets everybody else go first, and is told once when somebody wants the turn', async () => {
  const turns = new WriteTurns()
  const order: string[] = []
  const busy = await turns.take()
  const idle = turns.takeWhenIdle(() => order.push('wanted'), 1).then((release) => {
    order.push('idle has it')
    return release
  })
  const next = turns.take().then((release) => {
    order.push('next has it')
    release()
  })
  busy()
  await next
  const release = await idle
  assert.deepEqual(order, ['next has it', 'idle has it'])
  const others = [turns.take(), turns.take()]
  assert.deepEqual(order.slice(2), ['wanted'])
  release()
  for (const other of others) (await other)()
  assert.deepEqual(order.slice(2), ['wanted'])
})
