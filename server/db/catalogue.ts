import { Fault, quoted } from '../faults.ts'
import type { ColumnInfo, ColumnType, TableInfo } from '../protocol.ts'
import { INTERNAL_PREFIX, quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { sortKey } from './sort-key.ts'

/** Name of the table that holds an import's rows until they are complete. */
export const stagingTable = (importNumber: number, generation = 1): string => `${INTERNAL_PREFIX}staging_${importNumber}_${generation}`

const isInternal = (name: string): boolean => name.toLowerCase().startsWith(INTERNAL_PREFIX)

/** Names of the tables that belong to people, in alphabetical order. */
export function userTableNames(db: Db): string[] {
  return db.prepare<[], { name: string }>(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name COLLATE NOCASE`,
  ).all().map((row) => row.name).filter((name) => !isInternal(name))
}

/** The table's name as it is spelt in the database, whatever the case asked for. @throws Fault TABLE_NOT_FOUND */
export function resolveTable(db: Db, name: string): string {
  const row = isInternal(name) || /^sqlite_/i.test(name)
    ? undefined
    : db.prepare<[string], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE`).get(name)
  if (!row) throw new Fault('TABLE_NOT_FOUND', `There is no table called ${quoted(name)}.`)
  return row.name
}

/** Whether there is a table of that name that belongs to people. */
export function tableExists(db: Db, name: string): boolean {
  return userTableNames(db).some((table) => sameName(table, name))
}

/** @throws Fault TABLE_EXISTS where the name belongs to something that no table can take the place of */
export function checkReplaceable(db: Db, name: string): void {
  if (nameExists(db, name) && !tableExists(db, name)) throw new Fault('TABLE_EXISTS', `"${name}" is a view or an index of the database, which a table cannot replace. Choose another name.`)
}

/** Whether anything in the database, a view or an index included, has that name. */
export function nameExists(db: Db, name: string): boolean {
  return db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE').get(name) !== undefined
}

/** Whether a table came from an import, so that its rows' keys and its columns are ours to decide. */
export function isImported(db: Db, table: string): boolean {
  return db.prepare('SELECT 1 FROM _hextrackr_tables WHERE name = ? COLLATE NOCASE').get(table) !== undefined
}

interface CatalogueRow {
  row_count: number
  columns: string
  number: number | null
  session_id: string | null
  filename: string | null
  finished_at: number | null
}

/** Column types of a table that another program made, by SQLite's affinity rules (https://sqlite.org/datatype3.html). */
function affinityOf(declared: string): ColumnType {
  if (/INT/i.test(declared)) return 'INTEGER'
  if (/CHAR|CLOB|TEXT/i.test(declared)) return 'TEXT'
  return /REAL|FLOA|DOUB|NUM|DEC/i.test(declared) ? 'REAL' : 'TEXT'
}

/** A column of a table that another program made, of texts as people see it, that may hold numbers as well. */
export interface MixedColumn {
  name: string
  declared: string
  /** Whether what looks like a number is stored as one; else everything is stored as it is given. */
  isNumeric: boolean
}

/** Columns that are declared as nothing, as BLOB, or as anything that SQLite does not know, such as STRING or DATE. */
export function mixedColumns(db: Db, table: string): MixedColumn[] {
  return (db.pragma(`table_info(${quoteIdentifier(table)})`) as { name: string, type: string }[])
    .filter(({ type }) => affinityOf(type) === 'TEXT' && !/CHAR|CLOB|TEXT/i.test(type))
    .map(({ name, type }) => ({ name, declared: type, isNumeric: type !== '' && !/BLOB/i.test(type) }))
}

/** Columns of a table, with what the catalogue remembers of how they are shown. */
export function tableColumns(db: Db, table: string): ColumnInfo[] {
  const row = db.prepare<[string], { columns: string }>('SELECT columns FROM _hextrackr_tables WHERE name = ?').get(table)
  const remembered = new Map((row ? JSON.parse(row.columns) as ColumnInfo[] : []).map((column) => [column.name, column]))
  return (db.pragma(`table_info(${quoteIdentifier(table)})`) as { name: string, type: string }[])
    .map(({ name, type }) => remembered.get(name) ?? { name, type: affinityOf(type) })
}

export const countRows = (db: Db, table: string): number => db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${quoteIdentifier(table)}`).get()!.n

/**
 * How many rows a table of an import has by now. Imports leave it with the keys from 1 on, without a gap; where the
 * least or the greatest is another one, another program has added or removed rows. That it removed some in between is not noticed.
 * @param remembered how many there were
 */
export function countAnew(db: Db, table: string, remembered: number): number {
  const name = quoteIdentifier(table)
  const { least, greatest } = db.prepare<[], { least: bigint | null, greatest: bigint | null }>(
    `SELECT (SELECT min(_rowid_) FROM ${name}) AS least, (SELECT max(_rowid_) FROM ${name}) AS greatest`,
  ).safeIntegers().get()!
  return (greatest ?? 0n) === BigInt(remembered) && (least ?? 1n) === 1n ? remembered : countRows(db, table)
}

/**
 * By column, an index that gives a table's rows in that column's order and then in the table's. It may be ours or another
 * program's; those over several columns, over a part of the rows, or with another collation do not.
 */
export function columnIndexes(db: Db, table: string): Map<string, string> {
  const found = db.prepare<[string], { index_name: string, column_name: string }>(`
    SELECT l.name AS index_name, min(x.name) AS column_name
    FROM pragma_index_list(?) l JOIN pragma_index_xinfo(l.name) x
    WHERE NOT l.partial AND x.key
    GROUP BY l.name HAVING count(*) = 1 AND min(x.cid) >= 0 AND max(x.desc) = 0 AND min(x.coll) = 'BINARY'`).all(table)
  const indexes = new Map(found.map(({ index_name, column_name }) => [column_name, index_name]))
  const ordered = tableColumns(db, table).filter((column) => sortKey(column) !== quoteIdentifier(column.name))
  if (ordered.length === 0) return indexes
  const all = db.prepare<[string], { name: string, sql: string }>(`SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`).all(table)
  for (const column of ordered) {
    const index = all.find(({ sql }) => sql.endsWith(` (${sortKey(column)})`))
    if (index) indexes.set(column.name, index.name)
    else indexes.delete(column.name)
  }
  return indexes
}

/** Whether a table has row keys of its own, by which its rows are ordered and paged. */
export function hasRowid(db: Db, table: string): boolean {
  return db.prepare<[string], { wr: number }>(`SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?`).get(table)?.wr === 0
}

/**
 * One table with its columns and its number of rows, which is remembered for tables that came from imports
 * and counted for others.
 */
export function describeTable(db: Db, table: string): TableInfo {
  const row = db.prepare<[string], CatalogueRow>(
    `SELECT row_count, columns, number, session_id, filename, finished_at
     FROM _hextrackr_tables t LEFT JOIN _hextrackr_imports i ON i.number = t.import_number WHERE t.name = ?`,
  ).get(table)
  const rows = row?.row_count ?? countRows(db, table)
  const lastImport = row?.number != null && row.session_id !== null && row.filename !== null && row.finished_at !== null
    ? { sessionId: row.session_id, number: row.number, filename: row.filename, finishedAt: row.finished_at }
    : undefined
  const columns = tableColumns(db, table)
  const indexes = columnIndexes(db, table)
  const indexed = columns.filter(({ name }) => indexes.has(name)).map(({ name }) => name)
  return { name: table, rows, columns, ...(lastImport && { lastImport }), ...(indexed.length > 0 && { indexed }) }
}

/** All tables of people, as they are at one moment. */
export const listTables = (db: Db): TableInfo[] => db.transaction(() => userTableNames(db).map((name) => describeTable(db, name)))()

/** The table of that name, whatever the case asked for, as it is at one moment. @throws Fault TABLE_NOT_FOUND */
export const describeNamed = (db: Db, name: string): TableInfo => db.transaction(() => describeTable(db, resolveTable(db, name)))()

/** Remember a table that an import made. Belongs in the transaction that makes it visible. */
export function registerTable(db: Db, table: string, rowCount: number, columns: readonly ColumnInfo[], importNumber: number): void {
  db.prepare('INSERT OR REPLACE INTO _hextrackr_tables (name, row_count, columns, import_number) VALUES (?, ?, ?, ?)')
    .run(table, rowCount, JSON.stringify(columns), importNumber)
}

/** Remove the staging tables of one import, or of all. @returns how many there were */
export function dropStagingTables(db: Db, importNumber?: number): number {
  const prefix = `${INTERNAL_PREFIX}staging_${importNumber === undefined ? '' : `${importNumber}_`}`
  const names = db.prepare<[string], { name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? ESCAPE '\\'`)
    .all(`${prefix.replaceAll('_', '\\_')}%`)
  for (const { name } of names) db.exec(`DROP TABLE ${quoteIdentifier(name)}`)
  return names.length
}
