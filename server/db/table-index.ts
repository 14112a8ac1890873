import { Fault, quoted } from '../faults.ts'
import type { ColumnInfo } from '../protocol.ts'
import { columnIndexes, hasRowid, resolveTable, tableColumns } from './catalogue.ts'
import { INTERNAL_PREFIX, quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { sortKey } from './sort-key.ts'

const PREFIX = `${INTERNAL_PREFIX}index_`

/** Page cache of the connection that builds, KiB: larger runs to merge. */
const BUILD_CACHE_KIB = 64 * 1024

/**
 * Build an index over one column, so that sorting and filtering by it are quick. Where there is one, nothing is done.
 * Belongs in a transaction. The index goes where its table goes: with it into what an undo keeps, and away with it.
 * @throws Fault TABLE_NOT_FOUND, BAD_QUERY
 */
export function buildIndex(db: Db, name: string, column: string): void {
  const table = resolveTable(db, name)
  const found = columnOf(db, table, column)
  if (!hasRowid(db, table)) throw new Fault('BAD_QUERY', `The table "${table}" was made by another program in a way that takes no index of HexTrackr.`)
  if (columnIndexes(db, table).has(found.name)) return
  db.exec(`CREATE INDEX ${quoteIdentifier(freeName(db))} ON ${quoteIdentifier(table)} (${sortKey(found)})`)
}

/** Remove the index over one column, if it is ours. Belongs in a transaction. @throws Fault TABLE_NOT_FOUND, BAD_QUERY */
export function dropIndex(db: Db, name: string, column: string): void {
  const table = resolveTable(db, name)
  const index = columnIndexes(db, table).get(columnOf(db, table, column).name)
  if (index?.startsWith(PREFIX)) db.exec(`DROP INDEX ${quoteIdentifier(index)}`)
}

/** Give a connection the means to sort a large table quickly. */
export function prepareToBuild(db: Db): void {
  db.pragma(`cache_size = -${BUILD_CACHE_KIB}`)
}

function columnOf(db: Db, table: string, wanted: string): ColumnInfo {
  const found = tableColumns(db, table).find(({ name }) => sameName(name, wanted))
  if (!found) throw new Fault('BAD_QUERY', `The table "${table}" has no column called ${quoted(wanted)}.`)
  return found
}

function freeName(db: Db): string {
  const taken = db.prepare<[string], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE ? ESCAPE '\\'`).all(`${PREFIX.replaceAll('_', '\\_')}%`)
  return `${PREFIX}${1 + Math.max(0, ...taken.map(({ name }) => Number(name.slice(PREFIX.length))))}`
}
