import Database from 'better-sqlite3'
import { Fault } from '../faults.ts'
import { dropStagingTables } from './catalogue.ts'
import { interruptUnfinishedImports } from './imports-store.ts'
import { distrust } from './inspect.ts'
import { INTERNAL_PREFIX } from './identifiers.ts'
import { migrate } from './migrations.ts'
import type { Db } from './open.ts'

/** What says, inside a restored database, that and when it was restored. */
export interface RestoreMark {
  sessionId: string
  /** Name of the backup. */
  backup: string
  restoredAt: number
}

/** Open a file that only this process knows. What happens to it in a crash does not matter. */
export function openScratch(path: string): Db {
  const db = new Database(path, { fileMustExist: true })
  distrust(db)
  db.pragma('synchronous = OFF')
  return db
}

/**
 * Make of a copy of any database one that can take the live one's place: with the app's own tables as this version
 * has them, without imports that were under way, and marked as what this restore brings.
 * @throws Fault DATABASE_TOO_NEW, DATABASE_DAMAGED
 */
export function prepareForRestore(db: Db, mark: RestoreMark): void {
  db.pragma('journal_mode = DELETE')
  db.pragma('foreign_keys = ON')
  migrate(db)
  checkOwnTables(db)
  db.transaction(() => {
    interruptUnfinishedImports(db, mark.restoredAt)
    dropStagingTables(db)
    db.prepare('INSERT INTO _hextrackr_restores (session_id, backup, restored_at) VALUES (?, ?, ?)').run(mark.sessionId, mark.backup, mark.restoredAt)
  }).immediate()
}

/** Whether what that restore brings is what this database holds. */
export const isRestored = (db: Db, sessionId: string): boolean =>
  db.prepare('SELECT 1 FROM _hextrackr_restores WHERE session_id = ?').get(sessionId) !== undefined

const OWN_COLUMNS = `SELECT t.name AS "table", c.name AS "column" FROM sqlite_schema t, pragma_table_info(t.name) c
  WHERE t.type = 'table' AND t.name LIKE '${INTERNAL_PREFIX.replaceAll('_', '\\_')}%' ESCAPE '\\'`

/** Tables that only bear our names would let the server fail later, when the old data are gone. */
function checkOwnTables(db: Db): void {
  const columns = (of: Db): Set<string> => new Set(of.prepare<[], { table: string, column: string }>(OWN_COLUMNS).all().map(({ table, column }) => `${table}.${column}`))
  const model = new Database(':memory:')
  try {
    migrate(model)
    const missing = [...columns(model).difference(columns(db))]
    if (missing.length > 0) throw new Fault('DATABASE_DAMAGED', `HexTrackr's own tables in it are not complete: ${missing.slice(0, 3).join(', ')} is missing.`)
  } finally {
    model.close()
  }
  const trigger = db.prepare<[], { name: string }>(
    `SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE '${INTERNAL_PREFIX.replaceAll('_', '\\_')}%' ESCAPE '\\'`,
  ).get()
  if (trigger) throw new Fault('DATABASE_DAMAGED', `The trigger "${trigger.name}" would change HexTrackr's own tables. Remove it first.`)
}
