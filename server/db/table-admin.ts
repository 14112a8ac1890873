import { Fault } from '../faults.ts'
import { nameExists, resolveTable } from './catalogue.ts'
import { renameInSettings } from './header-settings.ts'
import { INTERNAL_PREFIX, quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { forgetUndoOf } from './undo.ts'

/** Remove a table and all that is remembered of it but the history. Belongs in a transaction. @throws Fault TABLE_NOT_FOUND */
export function dropTable(db: Db, name: string): void {
  const table = resolveTable(db, name)
  forgetUndoOf(db, table)
  db.prepare('DELETE FROM _hextrackr_tables WHERE name = ?').run(table)
  db.exec(`DROP TABLE ${quoteIdentifier(table)}`)
}

/** What a table is called while nothing but the case of its name changes: SQLite takes the two for one, which exists. */
const PASSING_NAME = `${INTERNAL_PREFIX}renamed`

/**
 * Give a table another name, in the history and the settings of its files too, so that they still lead to it. Belongs in a transaction.
 * @param to a name that has passed checkTableName
 * @throws Fault TABLE_NOT_FOUND, TABLE_EXISTS, TABLE_IN_USE
 */
export function renameTable(db: Db, name: string, to: string): void {
  const table = resolveTable(db, name)
  const isSame = sameName(table, to)
  if (!isSame && nameExists(db, to)) throw new Fault('TABLE_EXISTS', `A table called "${to}" exists already.`)
  if (isSame) {
    alterName(db, table, PASSING_NAME)
    alterName(db, PASSING_NAME, to)
  } else {
    alterName(db, table, to)
  }
  db.prepare('UPDATE _hextrackr_tables SET name = ? WHERE name = ?').run(to, table)
  db.prepare('UPDATE _hextrackr_undo SET table_name = ? WHERE table_name = ? COLLATE NOCASE').run(to, table)
  db.prepare('UPDATE _hextrackr_imports SET table_name = ? WHERE table_name = ? COLLATE NOCASE').run(to, table)
  renameInSettings(db, table, to)
}

/** @throws Fault TABLE_IN_USE where something in the database keeps SQLite from following the name through all of it */
function alterName(db: Db, table: string, to: string): void {
  try {
    db.exec(`ALTER TABLE ${quoteIdentifier(table)} RENAME TO ${quoteIdentifier(to)}`)
  } catch (error) {
    // A view of a table that is gone, for instance, be it of any other one.
    if (!(error instanceof Error && /^error in (view|trigger|index|table) /.test(error.message))) throw error
    throw new Fault('TABLE_IN_USE', `The table cannot be renamed before something else in the database is mended or removed. SQLite says: ${error.message}.`, { cause: error })
  }
}
