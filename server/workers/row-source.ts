import { isAscii, isUtf8 } from 'node:buffer'
import { shortened } from '../csv/column-names.ts'
import { ColumnTypes } from '../csv/column-types.ts'
import { detectDialect } from '../csv/dialect.ts'
import { detectEncoding } from '../csv/encoding.ts'
import { FileText } from '../csv/file-text.ts'
import { isEmpty, RecordReader, type RecordBatch } from '../csv/record-reader.ts'
import { isByteDialect, RegularRecords } from '../csv/regular-records.ts'
import { misfit, RowFitter, type FittedColumn, type FittedRows } from '../csv/row-fitter.ts'
import { IMAGE_PAGE_BYTES, TableImageWriter, type TableImage, type TextEncoding } from '../db/table-image.ts'
import { Fault } from '../faults.ts'
import type { ColumnInfo, Dialect, RejectedRow } from '../protocol.ts'
import { Arrival } from './arrival.ts'
import type { ImportOptions } from './messages.ts'

/** Bytes that encoding and dialect are judged by. */
const SAMPLE_BYTES = 256 * 2 ** 10

/** Bytes before a file's first one beyond ASCII that are looked at with it. */
const ASCII_BEFORE = 1024

/** Most bytes of the file that are read at once. */
export const MAX_PIECE_BYTES = 2 ** 20

/** How much is read with care where a record is irregular, bytes. */
const CAREFUL_PIECE_BYTES = 64 * 2 ** 10

const LF = 10

/** How much of the file is read at once, bytes. */
export interface PieceSizes {
  /** To know the file, and its first rows. */
  sample: number
  /** Where a record takes care. */
  careful: number
  /** At most. */
  max: number
}

const PIECE_SIZES: PieceSizes = { sample: SAMPLE_BYTES, careful: CAREFUL_PIECE_BYTES, max: MAX_PIECE_BYTES }

/** The file, and what decides how it is read. */
export interface RowSourcePlan {
  filePath: string
  /** Where the file still arrives: how much of it is there. See Arrival. */
  arrival?: SharedArrayBuffer
  /** Longest record, in characters. */
  maxRowLength: number
  options: ImportOptions
  /** Of the database that the rows are for. */
  textEncoding?: TextEncoding
}

/** What is known of a file when its first rows are. */
export interface OpenedFile {
  /** The columns to be written, of the types that the first rows have. */
  columns: ColumnInfo[]
}

/** Rows of a file, one behind the other. */
export interface RowBatch {
  image: TableImage
  rejects: RejectedRow[]
  /** Rows that had fewer fields than the header and got empty ones. */
  padded: number
  /** Where in the file the next one begins. */
  offset: number
}

/** What is known of a file when all its rows are. */
export interface FileSummary {
  dialect: Dialect
  /** The columns written, as all values allow them; undecided where none says anything about the type. */
  columns: (ColumnInfo & { isUndecided: boolean })[]
  /** Of each column, whether values that are not of the type it was declared with were written as BLOBs. */
  hasMisfits: boolean[]
  header: readonly string[]
  notices: readonly string[]
}

/**
 * Reads a file's rows and writes them as they will lie in the database. Records that follow RFC 4180 go there from the file's own
 * bytes, without a string being made of any; from the first one that does not, a piece of the file is read with care.
 */
export class RowSource {
  readonly #plan: RowSourcePlan
  readonly #file: FileText
  readonly #sizes: PieceSizes
  readonly #bytes: Uint8Array
  #dialect!: Dialect
  #reader!: RecordReader
  #fitter!: RowFitter
  #types!: ColumnTypes
  #writer!: TableImageWriter
  #declared: ColumnInfo[] = []
  /** Columns whose type was asked for, the values of which may not be of it. */
  #asked: readonly FittedColumn[] = []
  /** Undefined where the dialect takes care throughout. */
  #records: RegularRecords | undefined
  /** Rows that were read to know the file, and are to be written first. */
  #first: FittedRows | undefined
  /** Where the next record begins, while records are found in bytes. */
  #offset = 0
  #isCareful = true
  #hasEnded = false
  /** Whether the encoding is still to be told by the first byte that is beyond ASCII, which fits nearly all of them. */
  #isAsciiSoFar = false
  /** The texts of a row that was read with care, and where they lie. */
  #text = Buffer.alloc(2 ** 16)
  #starts = new Int32Array()
  #stops = new Int32Array()

  constructor(plan: RowSourcePlan, sizes = PIECE_SIZES) {
    this.#plan = plan
    this.#sizes = sizes
    this.#bytes = new Uint8Array(sizes.max)
    const arrival = plan.arrival && new Arrival(plan.arrival)
    this.#file = new FileText(plan.filePath, Math.max(sizes.max, SAMPLE_BYTES), arrival && ((bytes) => arrival.waitFor(bytes)))
  }

  close(): void {
    this.#file.close()
  }

  /** Read the first rows. @throws Fault for what is wrong with the file as a whole, or with a row where that ends the import */
  open(): OpenedFile {
    const { options, maxRowLength } = this.#plan
    const dialect = this.#dialect = this.#detectDialect()
    const reader = this.#reader = new RecordReader(dialect, maxRowLength)
    let first: RecordBatch | undefined
    do first = this.#readWithCare(this.#sizes.sample)
    while (first && isEmpty(first) && !this.#hasEnded)
    if (!first || isEmpty(first)) throw new Fault('EMPTY_FILE', 'The file has no rows.')

    const fitter = this.#fitter = new RowFitter(first.records, dialect, options.columns)
    const types = this.#types = new ColumnTypes(fitter.columns.map(({ type }) => type))
    this.#asked = fitter.columns.filter(({ type }) => type !== undefined && type !== 'TEXT')
    this.#first = this.#fit(first, dialect.header ? 1 : 0)
    for (const row of this.#first.rows) {
      for (const [column, value] of row.entries()) {
        const bytes = Buffer.from(value)
        types.observe(column, bytes, 0, bytes.length)
      }
    }
    this.#declared = types.describe(fitter.columns.map(({ name }) => name))
    const written = fitter.columns.map(({ index }, column) => ({ place: index, type: this.#declared[column]!.type }))
    this.#writer = new TableImageWriter(written, types, this.#plan.textEncoding)

    const usualCount = reader.width ?? fitter.width
    const maxCount = Math.max(usualCount, fitter.width)
    this.#starts = new Int32Array(maxCount)
    this.#stops = new Int32Array(maxCount)
    if (this.#dialect.encoding === 'utf-8' && isByteDialect(dialect)) {
      this.#records = new RegularRecords(dialect, usualCount, maxCount, Math.min(maxRowLength, this.#sizes.max))
    }
    return { columns: this.#declared }
  }

  /**
   * The next rows.
   * @param bytes how much of the file to read for them
   * @param memory to write them into, of an image that is no longer needed
   * @returns null where there are none left
   */
  read(bytes: number, memory: Uint8Array<ArrayBuffer>): RowBatch | null {
    this.#writer.begin(memory)
    const first = this.#first
    if (first) {
      this.#first = undefined
      return this.#write(first)
    }
    while (!this.#hasEnded) {
      if (this.#isCareful) {
        const batch = this.#readWithCare(this.#records ? this.#sizes.careful : bytes)
        if (batch && !isEmpty(batch)) return this.#write(this.#fit(batch, 0))
      } else {
        const padded = this.#readBytes(bytes)
        if (this.#writer.rows > 0) return { image: this.#writer.end(), rejects: [], padded, offset: this.#offset }
      }
    }
    return null
  }

  /** What all rows together say. */
  summary(): FileSummary {
    const types = this.#types
    return {
      dialect: this.#dialect,
      columns: types.describe(this.#declared.map(({ name }) => name)).map((column, index) => ({ ...column, isUndecided: types.isUndecided(index) })),
      hasMisfits: this.#declared.map(({ type }, index) => type !== 'TEXT' && types.isSettled(index)),
      header: this.#fitter.header,
      notices: [...this.#fitter.notices, ...this.#respeltNotices()],
    }
  }

  /** What a person who asked for a column's type should know: values are kept as numbers, not as they were written. */
  #respeltNotices(): string[] {
    return this.#declared.flatMap(({ name, type }, column) => {
      const respelt = this.#writer.respelt[column]
      if (!respelt) return []
      const { count, text, value } = respelt
      const what = count === 1 ? '1 value is' : `${count.toLocaleString('en')} values are`
      return [`Column "${name}" is ${type} as was asked for: ${what} written in another way there, such as ${shortened(text)} as ${value}.`]
    })
  }

  #detectDialect(): Dialect {
    const { options } = this.#plan
    const head = this.#file.peek(SAMPLE_BYTES)
    const isWhole = this.#file.endsAt(head.length)
    const encoding = options.dialect.encoding ?? detectEncoding(head, isWhole)
    this.#isAsciiSoFar = options.dialect.encoding === undefined && encoding === 'utf-8' && isAscii(head)
    const sample = new TextDecoder(encoding).decode(head)
    if (sample.trim() === '' && isWhole) throw new Fault('EMPTY_FILE', 'The file holds nothing but blank space.')
    // Where somebody named the encoding, bytes that are not in it say that it is another one.
    this.#file.decodeAs(encoding, options.dialect.encoding === undefined)
    return detectDialect(sample, encoding, options.dialect)
  }

  /**
   * ASCII says nothing of what comes after it: the encoding is told by the first bytes that are something else.
   * @param bytes of the file
   * @param position where in the file they begin
   * @returns whether the file is to be read in another encoding from there on
   */
  #tellEncoding(bytes: Uint8Array, position: number): boolean {
    if (!this.#isAsciiSoFar || isAscii(bytes)) return false
    this.#isAsciiSoFar = false
    const from = Math.max(0, position + bytes.findIndex((byte) => byte > 127) - ASCII_BEFORE)
    const sample = this.#file.peek(SAMPLE_BYTES, from)
    const encoding = detectEncoding(sample, this.#file.endsAt(from + sample.length))
    // A file that began as ASCII does not go on as UTF-16.
    if (encoding === 'utf-8' || encoding.startsWith('utf-16')) return false
    this.#dialect = { ...this.#dialect, encoding }
    this.#records = undefined
    this.#file.decodeAs(encoding, true)
    this.#file.seek(position)
    return true
  }

  /**
   * Write the rows that are complete in the next bytes, up to the first one that takes care.
   * @returns how many of them lacked fields
   */
  #readBytes(wanted: number): number {
    const count = this.#file.readBytes(this.#bytes, wanted, this.#offset)
    if (this.#tellEncoding(this.#bytes.subarray(0, count), this.#offset)) {
      this.#isCareful = true
      return 0
    }
    const isLast = this.#file.endsAt(this.#offset + count)
    const to = isLast ? count : this.#bytes.subarray(0, count).lastIndexOf(LF) + 1
    if (count === 0) {
      this.#hasEnded = true
      return 0
    }
    if (to === 0 || !isUtf8(this.#bytes.subarray(0, to))) {
      // Bytes without a line end may only be too few.
      if (to > 0 || wanted >= this.#sizes.max) this.#takeCare()
      return to === 0 && wanted < this.#sizes.max ? this.#readBytes(this.#sizes.max) : 0
    }
    const records = this.#records!
    records.begin(this.#bytes, 0, to, isLast)
    let padded = 0
    let walk = records.next()
    let at = 0
    let lines = 0
    for (; walk === 'record' && this.#mayWrite(records); walk = records.next()) {
      if (records.count < this.#fitter.width) padded++
      this.#writer.add(this.#bytes, records.starts, records.stops, records.count)
      at = records.at
      lines = records.lines
    }
    if (walk === 'end') {
      at = records.at
      lines = records.lines
    }
    this.#offset += at
    this.#reader.passLines(lines)
    if (walk === 'incomplete' && at === 0) {
      if (wanted < this.#sizes.max) return this.#readBytes(this.#sizes.max)
      this.#takeCare()
    } else if (walk === 'record' || walk === 'irregular') {
      this.#takeCare()
    } else if (this.#file.endsAt(this.#offset)) {
      this.#hasEnded = true
    }
    return padded
  }

  /** Whether nothing of a record would be lost in the table, and all of it is what was asked for. */
  #mayWrite({ count, starts, stops }: RegularRecords): boolean {
    for (let place = this.#fitter.width; place < count; place++) if (starts[place] !== stops[place]) return false
    return this.#asked.every((column) => column.index >= count || misfit(column, this.#textAt(starts[column.index]!, stops[column.index]!)) === undefined)
  }

  #textAt(from: number, to: number): string {
    return Buffer.from(this.#bytes.buffer, from, to - from).toString()
  }

  #takeCare(): void {
    this.#isCareful = true
    this.#file.seek(this.#offset)
  }

  /** @returns the records of the next piece of the file; undefined where it has ended */
  #readWithCare(bytes: number): RecordBatch | undefined {
    const text = this.#readText(bytes)
    if (text === null) {
      this.#hasEnded = true
      return this.#reader.end()[0]
    }
    const batch = this.#reader.push(text)
    // Only after a record: one that is longer than a piece would be met again and again.
    if (this.#records && !isEmpty(batch)) this.#careLess()
    return batch
  }

  /** Find records in bytes again as soon as one begins where that is known. */
  #careLess(): void {
    const waiting = this.#reader.pause()
    if (waiting === undefined) return
    this.#offset = this.#file.offset - this.#file.cutBytes - Buffer.byteLength(waiting)
    this.#isCareful = false
  }

  #readText(bytes: number): string | null {
    if (this.#isAsciiSoFar) this.#tellEncoding(this.#file.peek(bytes, this.#file.offset), this.#file.offset)
    try {
      return this.#file.read(bytes)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const line = this.#reader.lineOfNextPiece + (error.line ?? 1) - 1
      throw new Fault(error.code, `${error.message} First bad byte at line ${line}. Save the file as UTF-8, or name its encoding in the options.`, { line, cause: error.cause })
    }
  }

  /** The rows of a batch that fit; the others with the reason. */
  #fit(batch: RecordBatch, from: number): FittedRows {
    const fitted = this.#fitter.fit(batch, from)
    const [first] = fitted.rejects
    if (first && this.#plan.options.onRowError === 'abort') {
      throw new Fault('ROW_INVALID', `Line ${first.line} does not fit: ${first.reason}.`, { line: first.line })
    }
    return fitted
  }

  #write({ rows, rejects, padded }: FittedRows): RowBatch {
    for (const row of rows) this.#writeTexts(row)
    return { image: this.#writer.end(), rejects, padded, offset: this.#isCareful ? this.#file.offset : this.#offset }
  }

  #writeTexts(row: readonly string[]): void {
    let at = 0
    for (const [column, { index }] of this.#fitter.columns.entries()) {
      const value = row[column]!
      const most = at + value.length * 3
      if (most > this.#text.length) this.#text = Buffer.concat([this.#text.subarray(0, at)], Math.max(most, this.#text.length * 2))
      this.#starts[index] = at
      at += this.#text.write(value, at)
      this.#stops[index] = at
    }
    this.#writer.add(this.#text, this.#starts, this.#stops, this.#starts.length)
  }
}

/** Memory for an image of about as many rows as a piece of the file holds. */
export const imageMemory = (): Uint8Array<ArrayBuffer> => new Uint8Array(MAX_PIECE_BYTES + 4 * IMAGE_PAGE_BYTES)
