/** Thread that changes tables: freeing or moving the pages of a large one takes long enough to be felt. */
import { workerData } from 'node:worker_threads'
import { dropStagingTables } from '../db/catalogue.ts'
import { deleteRejects } from '../db/imports-store.ts'
import { openWriter } from '../db/open.ts'
import { keepReferencesByName } from '../db/rules.ts'
import { dropTable, renameTable } from '../db/table-admin.ts'
import { dropIndex } from '../db/table-index.ts'
import { undoImport } from '../db/undo.ts'
import { Fault, type FaultMessage } from '../faults.ts'

export type WriteTask =
  | { kind: 'drop', table: string }
  | { kind: 'rename', table: string, to: string }
  | { kind: 'undo', importNumber: number }
  | { kind: 'drop-index', table: string, column: string }
  /** Take back what an import has left whose thread died. */
  | { kind: 'clear-up', importNumber: number }

const { databasePath, busyTimeoutMs } = workerData as { databasePath: string, busyTimeoutMs: number }

/** @returns a failure, since classes do not survive the thread border */
export default function write(task: WriteTask): FaultMessage | null {
  try {
    const db = openWriter(databasePath, busyTimeoutMs)
    try {
      // What is reported as done is on the disk, even if the power fails next.
      db.pragma('synchronous = FULL')
      if (task.kind !== 'rename') keepReferencesByName(db)
      db.transaction(() => {
        switch (task.kind) {
          case 'drop': return dropTable(db, task.table)
          case 'rename': return renameTable(db, task.table, task.to)
          case 'undo': return undoImport(db, task.importNumber)
          case 'drop-index': return dropIndex(db, task.table, task.column)
          case 'clear-up':
            dropStagingTables(db, task.importNumber)
            return deleteRejects(db, task.importNumber)
        }
      }).immediate()
      return null
    } finally {
      db.close()
    }
  } catch (error) {
    return Fault.from(error).toMessage()
  }
}
