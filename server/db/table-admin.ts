import { Fault } from '../faults.ts'
import { nameExists, resolveTable } from './catalogue.ts'
import { quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { forgetUndoOf } from './undo.ts'

/** Remove a table and all that is remembered of it but the history. Belongs in a transaction. @throws Fault TABLE_NOT_FOUND */
export function dropTable(db: Db, name: string): void {
  const table = resolveTable(db, name)
  forgetUndoOf(db, table)
  db.prepare('DELETE FROM _hextrackr_tables WHERE name = ?').run(table)
  db.exec(`DROP TABLE ${quoteIdentifier(table)}`)
}

/**
 * Give a table another name, in the history too, so that its imports still lead to it. Belongs in a transaction.
 * @param to a name that has passed checkTableName
 * @throws Fault TABLE_NOT_FOUND, TABLE_EXISTS
 */
export function renameTable(db: Db, name: string, to: string): void {
  const table = resolveTable(db, name)
  if (!sameName(table, to) && nameExists(db, to)) throw new Fault('TABLE_EXISTS', `A table called "${to}" exists already.`)
  db.exec(`ALTER TABLE ${quoteIdentifier(table)} RENAME TO ${quoteIdentifier(to)}`)
  db.prepare('UPDATE _hextrackr_tables SET name = ? WHERE name = ?').run(to, table)
  db.prepare('UPDATE _hextrackr_undo SET table_name = ? WHERE table_name = ? COLLATE NOCASE').run(to, table)
  db.prepare('UPDATE _hextrackr_imports SET table_name = ? WHERE table_name = ? COLLATE NOCASE').run(to, table)
}
