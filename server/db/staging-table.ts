import type { ColumnTypes } from '../csv/column-types.ts'
import type { ColumnInfo, ColumnType } from '../protocol.ts'
import { stagingTable } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import { numberAsText } from './number-text.ts'
import type { Db } from './open.ts'

/** Values per INSERT statement: more rows in one are faster up to about here, then binding costs the same (bench/). */
const TARGET_VALUES_PER_STATEMENT = 100

/** Rows that are copied in one transaction when a column's type turned out different, so that other writers get their turn. */
const ROWS_PER_COPY = 50_000

/**
 * The rows of one import on their way into a table. They lie in a table of their own, which takes the final name when
 * all of them are there, so nobody ever sees half an import.
 *
 * Its columns are declared by the types of the first rows. A later value that does not fit is kept as a BLOB, which
 * SQLite never converts, and the column is rewritten as TEXT at the end: no value passes through a number unless it
 * comes back from it unchanged.
 */
export class StagingTable {
  readonly #db: Db
  readonly #importNumber: number
  readonly #names: readonly string[]
  readonly #types: ColumnTypes
  readonly #declared: readonly ColumnInfo[]
  readonly #rowsPerStatement: number
  #insertOne
  #insertMany
  #name: string

  /**
   * @param types what the first rows' values say; it goes on observing every value that is inserted
   */
  constructor(db: Db, importNumber: number, names: readonly string[], types: ColumnTypes) {
    this.#db = db
    this.#importNumber = importNumber
    this.#names = names
    this.#types = types
    this.#declared = types.describe(names)
    this.#name = stagingTable(importNumber)
    this.#create(this.#name, this.#declared)
    this.#rowsPerStatement = Math.max(1, Math.floor(TARGET_VALUES_PER_STATEMENT / names.length))
    this.#insertOne = db.prepare(this.#insertSql(1))
    this.#insertMany = db.prepare(this.#insertSql(this.#rowsPerStatement))
  }

  /** The columns as all values inserted so far allow them; undecided where none says anything about the type. */
  get columns(): (ColumnInfo & { isUndecided: boolean })[] {
    return this.#types.describe(this.#names).map((column, index) => ({ ...column, isUndecided: this.#types.isUndecided(index) }))
  }

  /** The table the rows lie in now. */
  get name(): string {
    return this.#name
  }

  /** Add rows, each with one text per column. Belongs in a transaction. */
  insert(rows: readonly (readonly string[])[]): void {
    const step = this.#rowsPerStatement
    let at = 0
    let values: (string | Buffer | null)[] = []
    for (; at + step <= rows.length; at += step) {
      for (let row = at; row < at + step; row++) this.#bind(rows[row]!, values)
      this.#insertMany.run(values)
      values = []
    }
    for (; at < rows.length; at++) {
      this.#bind(rows[at]!, values)
      this.#insertOne.run(values)
      values = []
    }
  }

  #bind(row: readonly string[], values: (string | Buffer | null)[]): void {
    const types = this.#types
    for (let column = 0; column < this.#declared.length; column++) {
      const value = row[column]!
      const fits = types.isSettled(column) || types.observe(column, value)
      if (this.#declared[column]!.type === 'TEXT') values.push(value)
      else if (value === '') values.push(null)
      else values.push(fits && !types.isSettled(column) ? value : Buffer.from(value))
    }
  }

  /** Whether the rows have to be copied for their columns to have these types. */
  needsRewrite(columns: readonly ColumnInfo[]): boolean {
    return columns.some(({ type }, index) => type !== this.#declared[index]!.type || this.#misdeclares(index))
  }

  /** Whether a column holds values that do not fit its declaration, as BLOBs. */
  #misdeclares(column: number): boolean {
    return this.#declared[column]!.type !== 'TEXT' && this.#types.isSettled(column)
  }

  /**
   * Copy the rows into a table with these columns.
   * @param columns as many as there are; each is TEXT, or a type that all values of the column have
   * @param transaction runs one step in a transaction of its own
   * @param report is told the share of the rows copied, 0 to 1
   */
  async rewrite(columns: readonly ColumnInfo[], transaction: (work: () => void) => Promise<void>, report: (fraction: number) => void): Promise<void> {
    const from = quoteIdentifier(this.#name)
    const target = stagingTable(this.#importNumber, 2)
    await transaction(() => this.#create(target, columns))
    const selected = columns.map((column, index) => conversion(this.#declared[index]!, column.type)).join(', ')
    const copy = this.#db.prepare<[number, number]>(
      `INSERT INTO ${quoteIdentifier(target)} SELECT ${selected} FROM ${from} WHERE _rowid_ > ? AND _rowid_ <= ? ORDER BY _rowid_`,
    )
    const last = this.#db.prepare<[], { last: number | null }>(`SELECT max(_rowid_) AS last FROM ${from}`).get()!.last ?? 0
    for (let done = 0; done < last; done += ROWS_PER_COPY) {
      await transaction(() => void copy.run(done, done + ROWS_PER_COPY))
      report(Math.min(1, (done + ROWS_PER_COPY) / last))
    }
    this.#name = target
  }

  /** Give the rows their final name. Belongs in the transaction that records the import's success. */
  publish(table: string): void {
    this.#db.exec(`ALTER TABLE ${quoteIdentifier(this.#name)} RENAME TO ${quoteIdentifier(table)}`)
  }

  #create(name: string, columns: readonly ColumnInfo[]): void {
    const list = columns.map((column) => `${quoteIdentifier(column.name)} ${column.type}`).join(', ')
    this.#db.exec(`CREATE TABLE ${quoteIdentifier(name)} (${list})`)
  }

  #insertSql(rows: number): string {
    const row = `(${Array.from(this.#names, () => '?').join(', ')})`
    return `INSERT INTO ${quoteIdentifier(this.#name)} VALUES ${Array.from({ length: rows }, () => row).join(', ')}`
  }
}

/** SQL that turns a staged value into one of the column's final type. */
function conversion(declared: ColumnInfo, final: ColumnType): string {
  const column = quoteIdentifier(declared.name)
  if (declared.type === final) return column
  return final === 'TEXT' ? `ifnull(${numberAsText(declared)}, '')` : `nullif(${column}, '')`
}
