import { Fault, quoted } from '../faults.ts'
import { MAX_COLUMNS, type ColumnInfo } from '../protocol.ts'
import { foldName } from '../unique-name.ts'
import { anyOf } from './any-of.ts'
import { countAnew, describeTable, isImported, mixedColumns, registerTable, tableExists } from './catalogue.ts'
import { quoteIdentifier, sameName } from './identifiers.ts'
import { mixedAsText, numberAsText } from './number-text.ts'
import type { Db } from './open.ts'
import { inRanges, keyRanges, lastRowid, stagedRanges } from './row-ranges.ts'
import { deferForeignKeys, underRules } from './rules.ts'
import { rememberTable, saveUndo, undoTable, type UndoPlan } from './undo.ts'

/** What breaks a rule of the table where one is broken. */
export const A_ROW = 'a row of the file'

/** Which rows go where. */
export interface MergeRequest {
  table: string
  /** The table in which the rows are staged. */
  staging: string
  importNumber: number
  /** Names of the columns that tell one row from another: rows with the same key are updated. Empty: all are added. */
  key: readonly string[]
  schema: MergedSchema
  /** Told the share of the work done, 0 to 1; may throw to give up. */
  report: (fraction: number) => void
}

export interface MergeCounts {
  inserted: number
  updated: number
  unchanged: number
}

/** What an existing table and a file's columns become together. */
export interface MergedSchema {
  /** All columns of the table after the import. */
  columns: ColumnInfo[]
  /** The types that the staged columns must have, in their order. */
  stagedTypes: ColumnInfo[]
  /** Whether the table itself has to be rewritten: a column is new or becomes TEXT. */
  needsRebuild: boolean
  /** Whether the table came from an import, so that its rows' keys and its columns are ours to decide. */
  isOurs: boolean
  notices: string[]
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ')

/**
 * Match a file's columns to a table's by name. Where a column's values do not fit the table's type, the column becomes
 * TEXT: no value is changed on either side, and the receipt says so.
 * @param staged the file's columns; `isUndecided` where no value says anything about the type
 * @param key columns that must be on both sides
 * @throws Fault TABLE_NOT_FOUND, COLUMN_MISMATCH, TOO_MANY_COLUMNS
 */
export function mergeSchema(
  db: Db, table: string, staged: readonly (ColumnInfo & { isUndecided: boolean })[], addColumns: boolean, key: readonly string[],
): MergedSchema {
  if (!tableExists(db, table)) throw new Fault('TABLE_NOT_FOUND', `The table "${table}" went away during this import.`)
  const existing = describeTable(db, table).columns
  const isOurs = isImported(db, table)
  const there = byName(existing)
  const inFile = byName(staged)
  const unknown = staged.filter(({ name }) => !there.has(foldName(name)))
  if (unknown.length === staged.length) throw new Fault('COLUMN_MISMATCH', `The file and the table "${table}" have no column in common.`)
  if (unknown.length > 0 && !addColumns) {
    throw new Fault('COLUMN_MISMATCH', `The table "${table}" has no column ${list(unknown.map(({ name }) => name))}. Leave it out, rename it, or allow new columns.`)
  }
  const notices: string[] = []
  const columns: ColumnInfo[] = existing.map((column) => {
    const match = inFile.get(foldName(column.name))
    if (!match || match.isUndecided) return column
    if (match.type === column.type && match.scale === column.scale) return match.content === column.content ? column : withoutContent(column)
    if (column.type !== 'TEXT') notices.push(`Column "${column.name}" is text now: the file holds values that are not ${describeType(column)}.`)
    return { name: column.name, type: 'TEXT' }
  })
  const missing = existing.filter(({ name }) => !inFile.has(foldName(name)))
  if (missing.length > 0) notices.push(`The file has no column ${list(missing.map(({ name }) => name))}; ${isOurs ? 'it is empty' : 'the table says what it is'} in new rows and stays as it is in others.`)
  for (const { isUndecided: _, ...column } of unknown) {
    columns.push(column)
    notices.push(`Column "${column.name}" is new.`)
  }
  if (columns.length > MAX_COLUMNS) {
    throw new Fault('TOO_MANY_COLUMNS', `With the file's new columns the table "${table}" would have ${columns.length.toLocaleString('en')}. A table can have at most ${MAX_COLUMNS.toLocaleString('en')}.`)
  }
  for (const wanted of key) {
    if (!there.has(foldName(wanted)) || !inFile.has(foldName(wanted))) {
      throw new Fault('COLUMN_MISMATCH', `The key column ${quoted(wanted)} must be in both the file and the table "${table}".`)
    }
  }
  const needsRebuild = unknown.length > 0 || columns.some(({ type }, index) => type !== existing[index]?.type)
  if (needsRebuild && !isOurs) throw foreignMismatch(table, existing, columns)
  const merged = byName(columns)
  return {
    columns,
    stagedTypes: staged.map(({ name }) => merged.get(foldName(name))!),
    needsRebuild,
    isOurs,
    notices,
  }
}

/** Columns by what SQLite knows their names by. */
const byName = <Column extends { name: string }>(columns: readonly Column[]): ReadonlyMap<string, Column> =>
  new Map(columns.map((column) => [foldName(column.name), column]))

const withoutContent = ({ content: _, ...column }: ColumnInfo): ColumnInfo => column

const describeType = ({ type, scale }: ColumnInfo): string =>
  type === 'INTEGER' ? 'integers' : scale === undefined ? 'numbers as they are written there' : `numbers with ${scale} digits after the point`

/** What of another program's table would have to change, with the way to import the file all the same. */
function foreignMismatch(table: string, existing: readonly ColumnInfo[], columns: readonly ColumnInfo[]): Fault {
  const added = columns.slice(existing.length)
  const what = added.length > 0
    ? `it has no column ${list(added.map(({ name }) => name))}, which can only be left out`
    : existing.filter(({ type }, index) => type !== columns[index]!.type).map(({ name, type }) =>
        `"${name}" is ${type} there, as which not every value of the file would be kept as it is written; choose that type for it to import them as numbers`).join('; ')
  return new Fault('COLUMN_MISMATCH', `The table "${table}" was made by another program, and its columns stay as they are: ${what}.`)
}

/** An SQL value for a column that a row has nothing for. */
const emptyValue = (column: ColumnInfo): string => column.type === 'TEXT' ? '\'\'' : 'NULL'

const names = (columns: readonly ColumnInfo[]): string => columns.map(({ name }) => quoteIdentifier(name)).join(', ')

/**
 * Bring staged rows into an existing table, and keep what undoing it needs. Belongs in the transaction that records
 * the import's success; the staged columns already have the types of `schema.stagedTypes`, and `checkKept` let them through.
 * @throws Fault KEY_NOT_UNIQUE, SQLITE_CONSTRAINT, and whatever `report` throws
 */
export function mergeStaged(db: Db, request: MergeRequest): MergeCounts & { tableRows: number } {
  const { table, importNumber, schema } = request
  const { rows: remembered } = describeTable(db, table)
  const rows = schema.isOurs ? countAnew(db, table, remembered) : remembered
  // Another program's table may have keys and rules of its own, by which an undo would go wrong.
  if (!schema.isOurs) {
    deferForeignKeys(db)
    const counts = mergeRows(db, request, rows)
    return { ...counts, tableRows: rows + counts.inserted }
  }
  const before = rememberTable(db, table)
  const plan: UndoPlan = schema.needsRebuild ? { kind: 'swap', table } : { kind: 'delete', table, firstRowid: lastRowid(db, table) + 1 }
  if (schema.needsRebuild) rebuild(db, request, rows)
  const counts = mergeRows(db, request, rows)
  if (plan.kind === 'delete' && counts.updated > 0) plan.savedRows = undoTable(importNumber)
  const tableRows = rows + counts.inserted
  registerTable(db, table, tableRows, schema.columns, importNumber)
  saveUndo(db, importNumber, plan, before)
  return { ...counts, tableRows }
}

function mergeRows(db: Db, request: MergeRequest, rows: number): MergeCounts {
  return underRules(request.table, A_ROW, () => request.key.length > 0
    ? upsert(db, request, rows)
    : { inserted: insertStaged(db, request, '', (fraction) => fraction), updated: 0, unchanged: 0 })
}

/**
 * SQLite turns texts that look like numbers into numbers where a column is declared as anything that it does not know, such as
 * STRING or DATE: 007 would become 7. Being compared with a number of such a column, a text that it takes for one is not above all.
 * Reads all staged rows; does not belong in a transaction that others wait for.
 * @throws Fault COLUMN_MISMATCH where it would change a value, and whatever `report` throws
 */
export function checkKept(db: Db, { table, staging, schema: { stagedTypes }, report }: Pick<MergeRequest, 'table' | 'staging' | 'schema' | 'report'>): void {
  const columns = mixedColumns(db, table).filter(({ name, isNumeric }) => isNumeric && stagedTypes.some((staged) => staged.type === 'TEXT' && sameName(staged.name, name)))
  if (columns.length === 0) return
  const changed = columns.map(({ name }) => {
    const text = quoteIdentifier(name)
    return { text, isChanged: `(NOT ${text} > CAST(9e999 AS NUMERIC) AND CAST(CAST(${text} AS NUMERIC) AS TEXT) <> ${text})` }
  })
  const find = db.prepare<[bigint, bigint], (string | null)[]>(
    `SELECT ${changed.map(({ text, isChanged }) => `iif(${isChanged}, ${text}, NULL)`).join(', ')} FROM ${quoteIdentifier(staging)}
     WHERE _rowid_ BETWEEN ? AND ? AND ${anyOf(changed.map(({ isChanged }) => isChanged))} LIMIT 1`,
  ).raw(true)
  inRanges(stagedRanges(db, staging), (first, last) => {
    const texts = find.get(first, last)
    const index = texts?.findIndex((text) => text !== null) ?? -1
    if (index < 0) return
    const { name, declared } = columns[index]!
    throw new Fault('COLUMN_MISMATCH', `The column "${name}" of the table "${table}" is declared as ${declared}, in which SQLite would not keep ${quoted(texts![index])} as it is.`)
  }, report)
}

/** Give the table its new columns; the old one keeps its rows under the name of the undo table. */
function rebuild(db: Db, { table, importNumber, schema: { columns }, report }: MergeRequest, rows: number): void {
  const before = describeTable(db, table).columns
  const old = quoteIdentifier(undoTable(importNumber))
  const t = quoteIdentifier(table)
  db.exec(`ALTER TABLE ${t} RENAME TO ${old}`)
  db.exec(`CREATE TABLE ${t} (${columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ')})`)
  const values = columns.map((column, index) => {
    const was = before[index]
    if (!was) return emptyValue(column)
    return was.type === column.type ? quoteIdentifier(was.name) : `ifnull(${numberAsText(was)}, '')`
  })
  // A statement gives at most as many values as a table has columns, and the row's key is one of them: the last column comes after.
  const most = MAX_COLUMNS - 1
  const copy = db.prepare<[bigint, bigint]>(
    `INSERT INTO ${t} (_rowid_, ${names(columns.slice(0, most))}) SELECT _rowid_, ${values.slice(0, most).join(', ')} FROM ${old} WHERE _rowid_ BETWEEN ? AND ?`,
  )
  const fill = columns.slice(most).map(({ name }, index) => db.prepare<[bigint, bigint]>(
    `UPDATE ${t} SET ${quoteIdentifier(name)} = (SELECT ${values[most + index]!} FROM ${old} WHERE _rowid_ = ${t}._rowid_) WHERE _rowid_ BETWEEN ? AND ?`,
  ))
  inRanges(keyRanges(db, undoTable(importNumber), rows), (first, last) => {
    for (const statement of [copy, ...fill]) statement.run(first, last)
  }, () => report(0))
}

/** Insert the staged rows that the condition lets through, in the order of the file. @returns how many */
function insertStaged(
  db: Db, { table, staging, schema: { columns: all, stagedTypes, isOurs }, report }: MergeRequest, condition: string, share: (fraction: number) => number,
): number {
  const inFile = byName(stagedTypes)
  // What a table of another program has in a column that the file does not have, that table says.
  const columns = isOurs ? all : all.filter(({ name }) => inFile.has(foldName(name)))
  const values = columns.map((column) => {
    const staged = inFile.get(foldName(column.name))
    return staged ? `s.${quoteIdentifier(staged.name)}` : emptyValue(column)
  })
  const insert = db.prepare<[bigint, bigint]>(
    `INSERT INTO ${quoteIdentifier(table)} (${names(columns)}) SELECT ${values.join(', ')} FROM ${quoteIdentifier(staging)} s
     WHERE s._rowid_ BETWEEN ? AND ? ${condition} ORDER BY s._rowid_`,
  )
  let inserted = 0
  inRanges(stagedRanges(db, staging), (first, last) => (inserted += insert.run(first, last).changes), (fraction) => report(share(fraction)))
  return inserted
}

const columnsOf = (alias: string, columns: readonly string[]): string => columns.map((name) => `${alias}.${quoteIdentifier(name)}`).join(', ')

/** Pairs of rows of the file and of the table with the same key. */
const MATCHES = '_hextrackr_matches'

/** What a statement that updates a table calls the new values: no table of people has that name. */
const CHANGES = '_hextrackr_changes'

function upsert(db: Db, request: MergeRequest, rows: number): MergeCounts {
  const { table, staging, key, importNumber, schema, report } = request
  const keyColumns = key.map((wanted) => schema.columns.find(({ name }) => sameName(name, wanted))!.name)
  const s = quoteIdentifier(staging)
  const t = quoteIdentifier(table)
  const keyList = keyColumns.map(quoteIdentifier).join(', ')
  db.exec(`CREATE INDEX ${quoteIdentifier(`${staging}_key`)} ON ${s} (${keyList})`)
  if (db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${s} GROUP BY ${keyList} HAVING n > 1 LIMIT 1`).get()) {
    throw new Fault('KEY_NOT_UNIQUE', `The file has several rows with the same ${list(key)}. Choose columns that tell each row from all others.`)
  }
  report(0.1)

  const others = schema.stagedTypes.map(({ name }) => name).filter((name) => !keyColumns.some((column) => sameName(column, name)))
  const mixed = byName(mixedColumns(db, table))
  // What declared types make of a comparison would keep SQLite from using the index over the staged rows, too.
  const asStaged = (alias: string, name: string): string => {
    const operand = `${alias}.${quoteIdentifier(name)}`
    const column = mixed.get(foldName(name))
    return column ? mixedAsText(operand, column) : operand
  }
  const differs = anyOf(['0', ...others.map((name) => `s.${quoteIdentifier(name)} IS NOT ${asStaged('t', name)}`)])
  const sameKey = keyColumns.map((name) => `s.${quoteIdentifier(name)} IS ${asStaged('t', name)}`).join(' AND ')
  db.exec(`DROP TABLE IF EXISTS temp.${MATCHES}; CREATE TEMP TABLE ${MATCHES} (staged INTEGER PRIMARY KEY, existing INTEGER, changed INTEGER)`)
  const match = db.prepare<[bigint, bigint]>(
    `INSERT INTO ${MATCHES} SELECT s._rowid_, t._rowid_, ${differs} FROM ${t} t CROSS JOIN ${s} s ON ${sameKey} WHERE t._rowid_ BETWEEN ? AND ?`,
  )
  try {
    inRanges(keyRanges(db, table, rows), (first, last) => void match.run(first, last), (fraction) => report(0.1 + 0.4 * fraction))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY')) throw error
    throw new Fault('KEY_NOT_UNIQUE', `The table "${table}" has several rows with the same ${list(key)}, so rows cannot be matched by it.`)
  }
  const { matched, updated } = db.prepare<[], { matched: number, updated: number }>(
    `SELECT count(*) AS matched, total(changed) AS updated FROM ${MATCHES}`,
  ).get()!
  if (updated > 0) {
    if (!schema.needsRebuild && schema.isOurs) {
      // No column of ours has that name (csv/column-names.ts).
      db.exec(`CREATE TABLE ${quoteIdentifier(undoTable(importNumber))} AS
        SELECT t._rowid_ AS _rowid_, ${columnsOf('t', others)} FROM ${t} t WHERE t._rowid_ IN (SELECT existing FROM ${MATCHES} WHERE changed)`)
    }
    const assignments = others.map((name) => {
      const column = quoteIdentifier(name)
      // A number that the file has as a text stays the number.
      return `${column} = ${mixed.has(foldName(name)) ? `iif(${CHANGES}.${column} IS ${asStaged(t, name)}, ${t}.${column}, ${CHANGES}.${column})` : `${CHANGES}.${column}`}`
    }).join(', ')
    // One source, of the columns that are needed: of a join SQLite would take all there are, which can be more than it allows.
    const update = db.prepare<[bigint, bigint]>(
      `UPDATE ${t} SET ${assignments}
       FROM (SELECT m.existing AS _rowid_, ${columnsOf('s', others)} FROM ${MATCHES} m JOIN ${s} s ON s._rowid_ = m.staged
         WHERE m.changed AND m.staged BETWEEN ? AND ?) ${CHANGES}
       WHERE ${CHANGES}._rowid_ = ${t}._rowid_`,
    )
    inRanges(stagedRanges(db, staging), (first, last) => void update.run(first, last), (fraction) => report(0.5 + 0.2 * fraction))
  }
  const inserted = insertStaged(db, request, `AND s._rowid_ NOT IN (SELECT staged FROM ${MATCHES})`, (fraction) => 0.7 + 0.3 * fraction)
  db.exec(`DROP TABLE temp.${MATCHES}`)
  return { inserted, updated, unchanged: matched - updated }
}
