/** Thread that removes tables: freeing the pages of a large one takes long enough to be felt. */
import { workerData } from 'piscina'
import { dropTable, resolveTable } from '../db/catalogue.ts'
import { openWriter } from '../db/open.ts'
import { Fault, type FaultMessage } from '../faults.ts'

export interface DropTask {
  table: string
  busyTimeoutMs: number
}

const { databasePath } = workerData as { databasePath: string }

/** @returns a failure, since classes do not survive the thread border */
export default function drop({ table, busyTimeoutMs }: DropTask): FaultMessage | null {
  const db = openWriter(databasePath, busyTimeoutMs)
  try {
    dropTable(db, resolveTable(db, table))
    return null
  } catch (error) {
    return Fault.from(error).toMessage()
  } finally {
    db.close()
  }
}
