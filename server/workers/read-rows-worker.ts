/**
 * Thread that reads the rows of one file for its import's thread, which writes them meanwhile:
 *
 *   import  ── plan (workerData) ──>  reader
 *           <── opened ──
 *           ── room ──>               once for each batch that may be under way
 *           <── rows ──               one for each room
 *           <── ended | failed ──     once, then the thread ends
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../faults.ts'
import { workInBackground } from './background.ts'
import type { FromReader, ToReader } from './row-stream.ts'
import { RowSource, type RowSourcePlan } from './row-source.ts'

workInBackground()

const port = parentPort!
const rooms: ToReader[] = []
let wake = (): void => undefined
port.on('message', (room: ToReader) => {
  rooms.push(room)
  wake()
})

async function nextRoom(): Promise<ToReader> {
  while (rooms.length === 0) await new Promise<void>((resolve) => (wake = resolve))
  return rooms.shift()!
}

const send = (message: FromReader, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer)

async function read(source: RowSource): Promise<void> {
  send({ kind: 'opened', file: source.open() })
  for (;;) {
    const { bytes, memory } = await nextRoom()
    const batch = source.read(bytes, memory)
    if (!batch) break
    send({ kind: 'rows', batch }, [batch.image.pages.buffer])
  }
  send({ kind: 'ended', summary: source.summary() })
}

try {
  const source = new RowSource(workerData as RowSourcePlan)
  try {
    await read(source)
  } finally {
    source.close()
  }
} catch (error) {
  send({ kind: 'failed', fault: Fault.from(error).toMessage() })
}
port.close()
