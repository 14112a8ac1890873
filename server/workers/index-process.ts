/**
 * Process that builds one index. SQLite does that in one statement, which keeps every other writer waiting, and which only
 * the end of its process ends; a write-ahead log forgets what was not committed.
 *
 *   server  ── task (IPC) ──>           this process ── starts ──> query-guard.ts, which ends it when the server is gone
 *           <── null or a fault (IPC) ─ when it is done
 *           ── SIGKILL ─────────────>   when somebody else has to write
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { openWriter } from '../db/open.ts'
import { buildIndex, prepareToBuild } from '../db/table-index.ts'
import { Fault, type FaultMessage } from '../faults.ts'
import type { GuardTask } from './query-process.ts'

export interface IndexTask {
  databasePath: string
  busyTimeoutMs: number
  table: string
  column: string
  guard: GuardTask
}

process.once('message', (task: IndexTask) => void answer(task))

async function answer(task: IndexTask): Promise<void> {
  const guard = new Worker(new URL('query-guard.ts', import.meta.url), { workerData: task.guard })
  // Until then it is all that keeps this process going.
  await once(guard, 'message')
  guard.unref()
  await new Promise((resolve) => process.send!(build(task), resolve))
  process.disconnect()
}

/** @returns a failure, since classes do not survive the border between processes */
function build({ databasePath, busyTimeoutMs, table, column }: IndexTask): FaultMessage | null {
  try {
    const db = openWriter(databasePath, busyTimeoutMs)
    try {
      // What is reported as done is on the disk, even if the power fails next.
      db.pragma('synchronous = FULL')
      prepareToBuild(db)
      db.transaction(() => buildIndex(db, table, column)).immediate()
      return null
    } finally {
      db.close()
    }
  } catch (error) {
    return Fault.from(error).toMessage()
  }
}
