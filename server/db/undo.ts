import { Fault } from '../faults.ts'
import type { ColumnInfo, ImportMode } from '../protocol.ts'
import { countAnew, isImported, nameExists } from './catalogue.ts'
import { INTERNAL_PREFIX, quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'
import { underRules } from './rules.ts'

/** Name of the table that holds what an import replaced. */
export const undoTable = (importNumber: number): string => `${INTERNAL_PREFIX}undo_${importNumber}`

/** How to take an import back. */
export interface UndoPlan {
  /**
   * `drop`: the import made the table. `swap`: the table as it was lies in the undo table.
   * `delete`: as many rows from `firstRowid` on as it added are the import's, and the undo table, if there is one, holds changed rows.
   */
  kind: 'drop' | 'swap' | 'delete'
  table: string
  firstRowid?: number
  /** Table of the rows that the import changed, as they were; `delete` only. */
  savedRows?: string
}

/** What the catalogue said of a table before an import, to be said again after the undo. */
interface TableBefore {
  rowCount: number
  columns: ColumnInfo[]
  importNumber: number | null
}

interface UndoRow {
  kind: UndoPlan['kind']
  table_name: string
  first_rowid: number | null
  saved_rows: string | null
  before: string | null
  bytes: number
}

interface CatalogueEntry { row_count: number, columns: string, import_number: number | null }

/** What has to be remembered of a table before an import changes it; undefined where it does not exist yet. */
export function rememberTable(db: Db, table: string): TableBefore | undefined {
  const entry = db.prepare<[string], CatalogueEntry>('SELECT row_count, columns, import_number FROM _hextrackr_tables WHERE name = ?').get(table)
  if (entry) return { rowCount: entry.row_count, columns: JSON.parse(entry.columns) as ColumnInfo[], importNumber: entry.import_number }
  return undefined
}

/** Pages of a table and its indexes times their size. Reads all of them (https://sqlite.org/dbstat.html). */
function tableBytes(db: Db, table: string): number {
  return db.prepare<[string], { bytes: number | null }>(
    `SELECT sum(s.pgsize) AS bytes FROM sqlite_schema t JOIN dbstat('main', 1) s ON s.name = t.name WHERE t.tbl_name = ? COLLATE NOCASE`,
  ).get(table)?.bytes ?? 0
}

/** Remember how to take an import back. Belongs in the import's last transaction. */
export function saveUndo(db: Db, importNumber: number, plan: UndoPlan, before: TableBefore | undefined): void {
  const held = plan.kind === 'swap' ? undoTable(importNumber) : plan.savedRows
  db.prepare('INSERT INTO _hextrackr_undo (import_number, kind, table_name, first_rowid, saved_rows, before, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)').run(
    importNumber, plan.kind, plan.table, plan.firstRowid ?? null, plan.savedRows ?? null, before ? JSON.stringify(before) : null,
    held === undefined ? 0 : tableBytes(db, held),
  )
}

/** Why an import cannot be taken back now; undefined where it can. */
export function undoObstacle(db: Db, importNumber: number): string | undefined {
  const plan = db.prepare<[number], Pick<UndoRow, 'kind' | 'table_name'>>('SELECT kind, table_name FROM _hextrackr_undo WHERE import_number = ?').get(importNumber)
  if (!plan) return whyNothingIsKept(db, importNumber)
  const current = db.prepare<[string], { import_number: number | null }>('SELECT import_number FROM _hextrackr_tables WHERE name = ?').get(plan.table_name)
  if (!current || !nameExists(db, plan.table_name)) return `The table "${plan.table_name}" is gone.`
  if (current.import_number !== importNumber) return `The table "${plan.table_name}" was changed by import #${current.import_number} since. Undo #${current.import_number} first.`
  if (plan.kind !== 'delete' && hasAddedRows(db, importNumber, plan.table_name)) {
    return `Rows that another program has added to the table "${plan.table_name}" since would go as well. Remove them first.`
  }
  return undefined
}

/** Whether a table that an import made, of its own rows or with those that were there before, has rows with keys beyond theirs. */
function hasAddedRows(db: Db, importNumber: number, table: string): boolean {
  const { mode, inserted } = db.prepare<[number], { mode: ImportMode, inserted: number }>(
    'SELECT mode, rows_inserted AS inserted FROM _hextrackr_imports WHERE number = ?',
  ).get(importNumber)!
  const end = (which: 'min' | 'max', name: string): string => `(SELECT ${which}(_rowid_) FROM ${quoteIdentifier(name)})`
  const wasThere = (which: 'min' | 'max'): string => mode === 'append' || mode === 'upsert' ? end(which, undoTable(importNumber)) : 'NULL'
  return db.prepare<[number]>(
    `SELECT ${end('min', table)} < ifnull(${wasThere('min')}, 1) OR ${end('max', table)} > ifnull(${wasThere('max')}, 0) + ?`,
  ).pluck().get(inserted) === 1
}

function whyNothingIsKept(db: Db, importNumber: number): string {
  const record = db.prepare<[number], { status: string, undone_at: number | null, table_name: string }>(
    'SELECT status, undone_at, table_name FROM _hextrackr_imports WHERE number = ?',
  ).get(importNumber)
  if (!record || record.status === 'processing') return 'It has not ended yet. It can be cancelled.'
  if (record.status === 'error') return 'It did not succeed, so it changed nothing.'
  if (record.undone_at !== null) return 'It was undone already.'
  if (!nameExists(db, record.table_name)) return `The table "${record.table_name}" is gone.`
  return isImported(db, record.table_name) ? 'What it replaced is no longer kept.' : `The table "${record.table_name}" was made by another program; imports into it are not undone.`
}

/**
 * Take an import back: the table is as it was before, in one transaction that the caller opens.
 * @throws Fault NOT_UNDOABLE, SQLITE_CONSTRAINT where another program gave the table a rule against it
 */
export function undoImport(db: Db, importNumber: number): void {
  const obstacle = undoObstacle(db, importNumber)
  if (obstacle !== undefined) throw new Fault('NOT_UNDOABLE', obstacle)
  const plan = db.prepare<[number], UndoRow>('SELECT * FROM _hextrackr_undo WHERE import_number = ?').get(importNumber)!
  const table = quoteIdentifier(plan.table_name)
  if (plan.kind === 'delete') {
    checkKeys(db, importNumber, plan)
    underRules(plan.table_name, 'the undo', () => {
      // Those behind them are not the import's.
      db.prepare(
        `DELETE FROM ${table} WHERE _rowid_ >= @first AND _rowid_ < @first + (SELECT rows_inserted FROM _hextrackr_imports WHERE number = @importNumber)`,
      ).run({ first: plan.first_rowid, importNumber })
      if (plan.saved_rows !== null) putBackRows(db, table, plan.saved_rows)
    })
  } else {
    db.exec(`DROP TABLE ${table}`)
    if (plan.kind === 'swap') db.exec(`ALTER TABLE ${quoteIdentifier(undoTable(importNumber))} RENAME TO ${table}`)
  }
  if (plan.before === null) {
    db.prepare('DELETE FROM _hextrackr_tables WHERE name = ?').run(plan.table_name)
  } else {
    const { rowCount, columns, importNumber: previous } = JSON.parse(plan.before) as TableBefore
    db.prepare('UPDATE _hextrackr_tables SET row_count = ?, columns = ?, import_number = ? WHERE name = ?')
      .run(countAnew(db, plan.table_name, rowCount), JSON.stringify(columns), previous, plan.table_name)
  }
  db.prepare('DELETE FROM _hextrackr_undo WHERE import_number = ?').run(importNumber)
  db.prepare('UPDATE _hextrackr_imports SET undone_at = ? WHERE number = ?').run(Date.now(), importNumber)
}

/**
 * Rows are told apart by their keys, which change where another program removes rows and then has SQLite rewrite the database
 * (https://sqlite.org/lang_vacuum.html).
 * @throws Fault NOT_UNDOABLE where the import's rows do not have theirs any more
 */
function checkKeys(db: Db, importNumber: number, { table_name: tableName, first_rowid: first }: UndoRow): void {
  const { inserted, there, last } = db.prepare<{ importNumber: number, first: number }, { inserted: number, there: number, last: number | null }>(
    `SELECT rows_inserted AS inserted, (SELECT max(_rowid_) FROM ${quoteIdentifier(tableName)}) AS last,
       (SELECT count(*) FROM ${quoteIdentifier(tableName)} WHERE _rowid_ >= @first AND _rowid_ < @first + rows_inserted) AS there
     FROM _hextrackr_imports WHERE number = @importNumber`,
  ).get({ importNumber, first: first! })!
  if (there === inserted && (last ?? 0) >= first! + inserted - 1) return
  throw new Fault('NOT_UNDOABLE', `Another program has removed rows of the table "${tableName}" since, so those of this import can no longer be told from others.`)
}

function putBackRows(db: Db, table: string, savedRows: string): void {
  const saved = quoteIdentifier(savedRows)
  const [rowid, ...columns] = (db.pragma(`table_info(${saved})`) as { name: string }[]).map(({ name }) => quoteIdentifier(name))
  const assignments = columns.map((column) => `${column} = ${saved}.${column}`).join(', ')
  db.exec(`UPDATE ${table} SET ${assignments} FROM ${saved} WHERE ${saved}.${rowid!} = ${table}._rowid_`)
  db.exec(`DROP TABLE ${saved}`)
}

/** The table that an undo plan keeps in the database, if it keeps one. */
const heldTable = (importNumber: number, { kind, saved_rows }: Pick<UndoRow, 'kind' | 'saved_rows'>): string | null =>
  kind === 'swap' ? undoTable(importNumber) : saved_rows

/**
 * Forget the oldest imports' undo data until what is kept fits the limit.
 * @returns the numbers of the imports that can no longer be undone
 */
export function pruneUndo(db: Db, maxBytes: number): number[] {
  const plans = db.prepare<[], UndoRow & { import_number: number }>('SELECT * FROM _hextrackr_undo WHERE bytes > 0 ORDER BY import_number DESC').all()
  const pruned: number[] = []
  let kept = 0
  for (const plan of plans) {
    kept += plan.bytes
    if (kept <= maxBytes) continue
    forgetUndo(db, plan.import_number, plan)
    pruned.push(plan.import_number)
  }
  return pruned
}

/** Forget the undo data of every import into a table, because the table goes. */
export function forgetUndoOf(db: Db, table: string): void {
  const plans = db.prepare<[string], UndoRow & { import_number: number }>('SELECT * FROM _hextrackr_undo WHERE table_name = ? COLLATE NOCASE').all(table)
  for (const plan of plans) forgetUndo(db, plan.import_number, plan)
}

function forgetUndo(db: Db, importNumber: number, plan: UndoRow): void {
  const held = heldTable(importNumber, plan)
  if (held !== null) db.exec(`DROP TABLE IF EXISTS ${quoteIdentifier(held)}`)
  db.prepare('DELETE FROM _hextrackr_undo WHERE import_number = ?').run(importNumber)
}
