/** Thread that finds out what a restore would change. */
import { parentPort, workerData } from 'node:worker_threads'
import { checkIntegrity, explainForeign, knownImports, openUntouched, tableCounts } from '../db/inspect.ts'
import { openReader, type Db } from '../db/open.ts'
import { Fault } from '../faults.ts'
import type { RestorePreview } from '../protocol.ts'
import { MainThread } from './main-thread.ts'

export interface InspectPlan {
  databasePath: string
  backupPath: string
  /** Whether it has not been checked since it was last changed. */
  mustCheck: boolean
  busyTimeoutMs: number
}

export type RestoreChanges = Pick<RestorePreview, 'tables' | 'newestImport' | 'importsUndone'>

const main = new MainThread<never, RestoreChanges>(parentPort!)

const look = (db: Db) => ({ tables: new Map(tableCounts(db).map(({ name, rows }) => [name, rows])), imports: knownImports(db) })

function lookAtBackup({ backupPath, mustCheck, busyTimeoutMs }: InspectPlan): ReturnType<typeof look> {
  try {
    const db = openUntouched(backupPath, busyTimeoutMs)
    try {
      if (mustCheck) checkIntegrity(db)
      return look(db)
    } finally {
      db.close()
    }
  } catch (error) {
    throw explainForeign(error, backupPath)
  }
}

function compare(plan: InspectPlan): RestoreChanges {
  const after = lookAtBackup(plan)
  const live = openReader(plan.databasePath)
  try {
    const now = look(live)
    const names = [...new Set([...now.tables.keys(), ...after.tables.keys()])].sort((a, b) => a.localeCompare(b))
    const remaining = new Set(after.imports.sessionIds)
    return {
      tables: names.map((name) => ({ name, rowsNow: now.tables.get(name) ?? null, rowsAfter: after.tables.get(name) ?? null })),
      newestImport: { now: now.imports.newest, after: after.imports.newest },
      importsUndone: now.imports.sessionIds.filter((id) => !remaining.has(id)).length,
    }
  } finally {
    live.close()
  }
}

try {
  main.send({ kind: 'completed', result: compare(workerData as InspectPlan) })
} catch (error) {
  main.send({ kind: 'failed', fault: Fault.from(error).toMessage() })
}
main.close()
