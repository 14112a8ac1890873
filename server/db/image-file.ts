import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'
import { IMAGE_PAGE_BYTES, type TableImage, type TextEncoding } from './table-image.ts'

const SCHEMA = '_hextrackr_images'

/** Places in the header of a database (https://sqlite.org/fileformat2.html#the_database_header). */
const CHANGE_COUNTER = 24
const PAGE_COUNT = 28
const VERSION_VALID_FOR = 92

/** Pages of the file that SQLite keeps in memory: it reads each of them once. */
const CACHED_PAGES = 4

/**
 * A database beside the live one, through which images of tables get into a table of that. It is attached to the
 * connection; each image takes the place of the one before.
 */
export class ImageFile {
  readonly #db: Db
  readonly #path: string
  readonly #file: number
  readonly #header = Buffer.alloc(IMAGE_PAGE_BYTES)
  /** Just this form copies records as they are, instead of taking them apart and putting them together again. */
  readonly copySql: string
  #copy: Database.Statement | undefined
  #changes = 0

  /**
   * Does not belong in a transaction.
   * @param columns of the table, as it declares them
   */
  constructor(db: Db, path: string, table: string, columns: string) {
    this.#db = db
    this.#path = path
    const made = new Database(path)
    try {
      // SQLite attaches only what has the same encoding.
      made.pragma(`encoding = '${textEncoding(db)}'`)
      made.pragma(`page_size = ${IMAGE_PAGE_BYTES}`)
      made.pragma('journal_mode = OFF')
      made.exec(`CREATE TABLE ${quoteIdentifier(table)} (${columns})`)
    } finally {
      made.close()
    }
    this.#file = openSync(path, 'r+')
    readSync(this.#file, this.#header, 0, IMAGE_PAGE_BYTES, 0)
    db.prepare(`ATTACH ? AS ${SCHEMA}`).run(path)
    db.pragma(`${SCHEMA}.cache_size = ${CACHED_PAGES}`)
    // Nothing is ever written through the connection, though its transactions lock all that is attached.
    db.pragma(`${SCHEMA}.journal_mode = OFF`)
    this.copySql = `INSERT INTO main.${quoteIdentifier(table)} SELECT * FROM ${SCHEMA}.${quoteIdentifier(table)}`
  }

  /** Have the file hold an image. Does not belong in a transaction, which would go on with what it found when it began. */
  write({ pages, pageCount }: TableImage): void {
    writeWhole(this.#file, pages.subarray(0, pageCount * IMAGE_PAGE_BYTES), IMAGE_PAGE_BYTES)
    // What SQLite has read before is not read again unless this number is another one.
    this.#changes++
    this.#header.writeUInt32BE(this.#changes, CHANGE_COUNTER)
    this.#header.writeUInt32BE(this.#changes, VERSION_VALID_FOR)
    this.#header.writeUInt32BE(1 + pageCount, PAGE_COUNT)
    writeWhole(this.#file, this.#header, 0)
  }

  /** Add the image's rows to the table. */
  copy(): void {
    this.#copy ??= this.#db.prepare(this.copySql)
    this.#copy.run()
  }

  close(): void {
    this.#db.exec(`DETACH ${SCHEMA}`)
    closeSync(this.#file)
    rmSync(this.#path)
  }
}

export const textEncoding = (db: Db): TextEncoding => db.pragma('encoding', { simple: true }) as TextEncoding

function writeWhole(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, position + done)
}
