/** Thread of a copy process that runs one integrity check, which may take long and cannot be interrupted. */
import { parentPort, workerData } from 'node:worker_threads'
import { pinSettled } from '../db/copy-settled.ts'
import { checkIntegrity, explainForeign, openUntouched } from '../db/inspect.ts'
import { openLive, type Db } from '../db/open.ts'
import { Fault, type FaultMessage } from '../faults.ts'

export interface IntegrityPlan {
  path: string
  busyTimeoutMs: number
  /** Whether it is checked as it lies in the file alone, while somebody else has that pinned by `pinSettled`; the live database or another. */
  settled?: 'live' | 'file'
}

/** What a check found: that all is as it should be, what is not, or that there was nothing settled. Classes do not survive the border between threads. */
export type IntegrityVerdict = 'sound' | 'unsettled' | FaultMessage

async function check({ path, busyTimeoutMs, settled }: IntegrityPlan): Promise<IntegrityVerdict> {
  let db: Db | undefined
  try {
    db = settled === 'live' ? openLive(path) : openUntouched(path, busyTimeoutMs)
    if (settled && !await pinSettled(db)) return 'unsettled'
    // The check looks at every cell's size itself before it reads any row. To have that done once more for each page takes a fifth of its time.
    db.pragma('cell_size_check = OFF')
    checkIntegrity(db)
    return 'sound'
  } catch (error) {
    return Fault.from(explainForeign(error)).toMessage()
  } finally {
    db?.close()
  }
}

parentPort!.postMessage(await check(workerData as IntegrityPlan))
