/** Thread of a copy process that runs one integrity check, which may take long and cannot be interrupted. */
import { parentPort, workerData } from 'node:worker_threads'
import { checkIntegrity, explainForeign, openUntouched } from '../db/inspect.ts'
import { Fault, type FaultMessage } from '../faults.ts'

export interface IntegrityPlan {
  path: string
  busyTimeoutMs: number
}

/** @returns what is wrong, since classes do not survive the border between threads */
function check({ path, busyTimeoutMs }: IntegrityPlan): FaultMessage | null {
  try {
    const db = openUntouched(path, busyTimeoutMs)
    try {
      // The check looks at every cell's size itself before it reads any row. To have that done once more for each page takes a fifth of its time.
      db.pragma('cell_size_check = OFF')
      checkIntegrity(db)
      return null
    } finally {
      db.close()
    }
  } catch (error) {
    return Fault.from(explainForeign(error)).toMessage()
  }
}

parentPort!.postMessage(check(workerData as IntegrityPlan))
