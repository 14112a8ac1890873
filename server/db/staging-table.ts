import type { ColumnInfo, ColumnType } from '../protocol.ts'
import { stagingTable } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import { ImageFile } from './image-file.ts'
import { numberAsText } from './number-text.ts'
import type { Db } from './open.ts'
import { stagedRanges } from './row-ranges.ts'
import type { TableImage } from './table-image.ts'

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
  readonly #declared: readonly ColumnInfo[]
  readonly #images: ImageFile
  #name: string

  /**
   * @param declared its columns, of the types that the first rows have
   * @param imagePath of a file that this table alone uses
   */
  constructor(db: Db, importNumber: number, declared: readonly ColumnInfo[], imagePath: string) {
    this.#db = db
    this.#importNumber = importNumber
    this.#declared = declared
    this.#name = stagingTable(importNumber)
    this.#images = new ImageFile(db, imagePath, this.#name, columnList(declared))
  }

  /** The table the rows lie in now. */
  get name(): string {
    return this.#name
  }

  /** Make the table. Belongs in a transaction. */
  create(): void {
    this.#create(this.#name, this.#declared)
  }

  /** Take the rows of an image to be inserted next. Does not belong in a transaction. */
  take(image: TableImage): void {
    this.#images.write(image)
  }

  /** Add the rows that were taken. Belongs in a transaction. */
  insert(): void {
    this.#images.copy()
  }

  /** No more rows will come. Does not belong in a transaction. */
  close(): void {
    this.#images.close()
  }

  /**
   * Whether the rows have to be copied for their columns to have these types.
   * @param hasMisfits of each column, whether it holds values as BLOBs that are not of the type it was declared with
   */
  needsRewrite(columns: readonly ColumnInfo[], hasMisfits: readonly boolean[]): boolean {
    return columns.some(({ type }, index) => type !== this.#declared[index]!.type || hasMisfits[index])
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
    const copy = this.#db.prepare<[bigint, bigint]>(
      `INSERT INTO ${quoteIdentifier(target)} SELECT ${selected} FROM ${from} WHERE _rowid_ BETWEEN ? AND ? ORDER BY _rowid_`,
    )
    for (const { first, last, share } of stagedRanges(this.#db, this.#name)) {
      await transaction(() => void copy.run(first, last))
      report(share)
    }
    this.#name = target
  }

  /** Give the rows their final name. Belongs in the transaction that records the import's success. */
  publish(table: string): void {
    this.#db.exec(`ALTER TABLE ${quoteIdentifier(this.#name)} RENAME TO ${quoteIdentifier(table)}`)
  }

  #create(name: string, columns: readonly ColumnInfo[]): void {
    this.#db.exec(`CREATE TABLE ${quoteIdentifier(name)} (${columnList(columns)})`)
  }
}

const columnList = (columns: readonly ColumnInfo[]): string => columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ')

/** SQL that turns a staged value into one of the column's final type. */
function conversion(declared: ColumnInfo, final: ColumnType): string {
  const column = quoteIdentifier(declared.name)
  if (declared.type === final) return column
  return final === 'TEXT' ? `ifnull(${numberAsText(declared)}, '')` : `nullif(${column}, '')`
}
