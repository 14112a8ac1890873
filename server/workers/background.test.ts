import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

/** Niceness of every thread of this process (proc(5), field 19 of stat). */
const nicenesses = (): number[] => readdirSync('/proc/self/task').map((thread) => {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])
})

const skip = process.platform !== 'linux' && 'threads have priorities of their own on Linux only'

test('only the thread that works in the background goes after the others', { skip }, async () => {
  const before = Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ')[16])
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(new URL('./background.ts', import.meta.url).href)}).then(({ workInBackground }) => {
      workInBackground()
      parentPort.postMessage('done')
    })
    parentPort.once('message', () => undefined)`, { eval: true })
  try {
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
    assert.deepEqual(nicenesses().filter((niceness) => niceness !== before), [10])
  } finally {
    await worker.terminate()
  }
})
