/** Thread that hashes one file, while another one checks it. */
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import { workInBackground } from './background.ts'
import { MainThread } from './main-thread.ts'

workInBackground()

export interface HashPlan {
  path: string
}

const PIECE_BYTES = 2 ** 20

const main = new MainThread<number, string>(parentPort!)

function hash({ path }: HashPlan): string {
  const file = openSync(path, 'r')
  try {
    const digest = createHash('sha256')
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    const total = fstatSync(file).size
    for (let done = 0, length; (length = readSync(file, piece)) > 0;) {
      digest.update(piece.subarray(0, length))
      done += length
      main.send({ kind: 'progress', progress: done / Math.max(total, done) })
    }
    return digest.digest('hex')
  } finally {
    closeSync(file)
  }
}

try {
  main.send({ kind: 'completed', result: hash(workerData as HashPlan) })
} catch (error) {
  main.send({ kind: 'failed', fault: Fault.from(error).toMessage() })
}
main.close()
