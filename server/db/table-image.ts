import { exactDecimal, exactInteger, type ColumnTypes } from '../csv/column-types.ts'

/**
 * Size of a page, bytes: the largest there is, so that hardly any row needs more than one
 * (https://sqlite.org/fileformat2.html, as everything here).
 */
export const IMAGE_PAGE_BYTES = 65536

/** The page that a table of its own begins on, in a database that holds nothing else; the one before it holds the schema. */
const ROOT_PAGE = 2

const LEAF = 0x0d
const INTERIOR = 0x05
const LEAF_HEADER_BYTES = 8
const INTERIOR_HEADER_BYTES = 12
const POINTER_BYTES = 2
const PAGE_NUMBER_BYTES = 4
/** Most bytes of a row that its leaf holds, and how many it holds at least of one that goes on elsewhere. */
const MAX_LOCAL = IMAGE_PAGE_BYTES - 35
const MIN_LOCAL = Math.floor((IMAGE_PAGE_BYTES - 12) * 32 / 255) - 23
const OVERFLOW_BYTES = IMAGE_PAGE_BYTES - PAGE_NUMBER_BYTES

const NULL_TYPE = 0
const REAL_TYPE = 7
const ZERO_TYPE = 8
const ONE_TYPE = 9
const FIRST_BLOB_TYPE = 12
const FIRST_TEXT_TYPE = 13

/** Bytes of an integer by its serial type. */
const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8] as const

/** Texts up to this length are copied byte by byte: calling anything costs more. */
const MAX_BYTEWISE = 24

/** Rows as the pages of a database file, with page 2 first; page 1 is the file's own. */
export interface TableImage {
  pages: Uint8Array<ArrayBuffer>
  pageCount: number
  rows: number
}

/** How a database holds its texts (https://sqlite.org/pragma.html#pragma_encoding). */
export type TextEncoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be'

/** A column of the rows to be written. */
export interface ImageColumn {
  /** Place among the fields of a record, from 0. */
  place: number
  /** What its table declares. Values that are not of that type are written as BLOBs, which SQLite never converts. */
  type: 'TEXT' | 'INTEGER' | 'REAL'
}

/** Values of a column whose type was asked for that are written in another way as a number: how many, and the first of them. */
export interface Respelt {
  count: number
  text: string
  value: number
}

/**
 * Writes rows as SQLite itself would store them, into the pages of a table that one statement can then copy into another
 * table record by record (`INSERT INTO .. SELECT *`, https://sqlite.org/src/file/src/insert.c, "xfer optimization"): a
 * fraction of what binding every value costs, and in any thread.
 */
export class TableImageWriter {
  readonly #places: Int32Array
  readonly #isText: Uint8Array
  readonly #isReal: Uint8Array
  readonly #types: ColumnTypes
  readonly #encoding: TextEncoding
  /** Texts of the row that is being written, where the database does not hold them in UTF-8. */
  readonly #wide: Uint8Array[] = []
  /** Serial types and numbers of the row that is being written. */
  readonly #serials: Float64Array
  readonly #numbers: Float64Array
  /** By column, since the first image. */
  readonly respelt: (Respelt | undefined)[] = []
  readonly #double = new DataView(new ArrayBuffer(8))
  readonly #doubleBytes = new Uint8Array(this.#double.buffer)
  /** A row that needs more than one page, before it is cut. */
  #spill = new Uint8Array()
  #pages: Uint8Array<ArrayBuffer> = new Uint8Array()
  #pageCount = 0
  #rows = 0
  /** The leaves before the one that is being filled, each with the key of its last row. */
  #leaves: { page: number, lastKey: number }[] = []
  #leaf = 0
  #cells = 0
  #contentStart = 0
  #isDeep = false

  /**
   * @param types goes on observing every value that is written
   * @param encoding of the database that the rows are for
   */
  constructor(columns: readonly ImageColumn[], types: ColumnTypes, encoding: TextEncoding = 'UTF-8') {
    this.#encoding = encoding
    this.#places = Int32Array.from(columns, ({ place }) => place)
    this.#isText = Uint8Array.from(columns, ({ type }) => Number(type === 'TEXT'))
    this.#isReal = Uint8Array.from(columns, ({ type }) => Number(type === 'REAL'))
    this.#types = types
    this.#serials = new Float64Array(columns.length)
    this.#numbers = new Float64Array(columns.length)
  }

  /** Rows written since the image was begun. */
  get rows(): number {
    return this.#rows
  }

  /** @param memory of an image that is no longer needed, to be written over */
  begin(memory: Uint8Array<ArrayBuffer>): void {
    this.#pages = memory
    this.#rows = 0
    this.#pageCount = 0
    this.#leaves = []
    this.#isDeep = false
    this.#beginLeaf()
  }

  /** The image of all rows since `begin`, which is done with. */
  end(): TableImage {
    this.#endLeaf()
    if (this.#isDeep) this.#writeRoot()
    const image = { pages: this.#pages, pageCount: this.#pageCount, rows: this.#rows }
    this.#pages = new Uint8Array()
    return image
  }

  /**
   * Add a row.
   * @param bytes hold its fields' texts, in UTF-8
   * @param count how many fields there are; those that are missing are empty
   */
  add(bytes: Uint8Array, starts: ArrayLike<number>, stops: ArrayLike<number>, count: number): void {
    const serials = this.#serials
    const columns = serials.length
    let headerBytes = 0
    let bodyBytes = 0
    for (let column = 0; column < columns; column++) {
      const place = this.#places[column]!
      const from = place < count ? starts[place]! : 0
      const to = place < count ? stops[place]! : 0
      const serial = this.#isText[column] === 1 ? this.#textType(column, bytes, from, to) : this.#numberType(column, bytes, from, to)
      serials[column] = serial
      headerBytes += varintBytes(serial)
      bodyBytes += contentBytes(serial)
    }
    let headerSize = headerBytes + 1
    if (headerSize > 127) headerSize = headerBytes + varintBytes(headerBytes + 2)
    const payload = headerSize + bodyBytes
    this.#rows++
    if (payload > MAX_LOCAL) return this.#addLarge(payload, headerSize, bytes, starts, stops, count)

    const at = this.#allocate(varintBytes(payload) + varintBytes(this.#rows) + payload)
    const pages = this.#pages
    let into = writeVarint(pages, at, payload)
    into = writeVarint(pages, into, this.#rows)
    this.#writeRecord(pages, into, headerSize, bytes, starts, stops, count)
  }

  #textType(column: number, bytes: Uint8Array, from: number, to: number): number {
    if (!this.#types.isSettled(column)) this.#types.observe(column, bytes, from, to)
    return FIRST_TEXT_TYPE + 2 * this.#contentLength(column, bytes, from, to)
  }

  /** Bytes that a text takes in the database. */
  #contentLength(column: number, bytes: Uint8Array, from: number, to: number): number {
    if (this.#encoding === 'UTF-8') return to - from
    const wide = Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString(), 'utf16le')
    this.#wide[column] = this.#encoding === 'UTF-16be' ? wide.swap16() : wide
    return wide.length
  }

  #numberType(column: number, bytes: Uint8Array, from: number, to: number): number {
    if (from === to) return NULL_TYPE
    const types = this.#types
    if (types.isSettled(column) || !types.observe(column, bytes, from, to)) {
      return FIRST_BLOB_TYPE + 2 * this.#contentLength(column, bytes, from, to)
    }
    const isReal = this.#isReal[column] === 1
    let value = types.isAskedFor(column)
      ? this.#askedNumber(column, latin1(bytes, from, to))
      : isReal ? exactDecimal(bytes, from, to, types.scale(column)) : exactInteger(bytes, from, to)
    this.#numbers[column] = value
    if (isReal) return REAL_TYPE
    if (value === 0) return ZERO_TYPE
    if (value === 1) return ONE_TYPE
    if (value < 0) value = -value - 1
    return value < 0x80 ? 1 : value < 0x8000 ? 2 : value < 0x800000 ? 3 : value < 0x80000000 ? 4 : value < 0x800000000000 ? 5 : 6
  }

  #askedNumber(column: number, text: string): number {
    const value = Number(text)
    if (String(value) !== text) {
      const known = this.respelt[column]
      if (known) known.count++
      else this.respelt[column] = { count: 1, text, value }
    }
    return value
  }

  #writeRecord(
    target: Uint8Array, at: number, headerSize: number, bytes: Uint8Array, starts: ArrayLike<number>, stops: ArrayLike<number>, count: number,
  ): void {
    const serials = this.#serials
    const columns = serials.length
    let into = writeVarint(target, at, headerSize)
    for (let column = 0; column < columns; column++) into = writeVarint(target, into, serials[column]!)
    for (let column = 0; column < columns; column++) {
      const serial = serials[column]!
      if (serial >= FIRST_BLOB_TYPE) {
        const place = this.#places[column]!
        if (place >= count) continue
        if (this.#encoding !== 'UTF-8') {
          target.set(this.#wide[column]!, into)
          into += this.#wide[column]!.length
          continue
        }
        const from = starts[place]!
        const to = stops[place]!
        if (to - from > MAX_BYTEWISE) {
          target.set(bytes.subarray(from, to), into)
          into += to - from
        } else {
          for (let index = from; index < to; index++) target[into++] = bytes[index]!
        }
      } else if (serial === REAL_TYPE) {
        this.#double.setFloat64(0, this.#numbers[column]!)
        for (let index = 0; index < 8; index++) target[into++] = this.#doubleBytes[index]!
      } else if (serial < REAL_TYPE) {
        into = writeInteger(target, into, this.#numbers[column]!, INTEGER_BYTES[serial]!)
      }
    }
  }

  /** A row that does not fit into a page: what is too much goes to a chain of pages of its own. */
  #addLarge(payload: number, headerSize: number, bytes: Uint8Array, starts: ArrayLike<number>, stops: ArrayLike<number>, count: number): void {
    if (this.#spill.length < payload) this.#spill = new Uint8Array(payload)
    this.#writeRecord(this.#spill, 0, headerSize, bytes, starts, stops, count)
    const wanted = MIN_LOCAL + (payload - MIN_LOCAL) % OVERFLOW_BYTES
    const local = wanted <= MAX_LOCAL ? wanted : MIN_LOCAL
    const at = this.#allocate(varintBytes(payload) + varintBytes(this.#rows) + local + PAGE_NUMBER_BYTES)
    let into = writeVarint(this.#pages, at, payload)
    into = writeVarint(this.#pages, into, this.#rows)
    this.#pages.set(this.#spill.subarray(0, local), into)
    let link = into + local
    for (let done = local; done < payload; done += OVERFLOW_BYTES) {
      const page = this.#addPage()
      writeUint32(this.#pages, link, ROOT_PAGE + page)
      link = page * IMAGE_PAGE_BYTES
      this.#pages.set(this.#spill.subarray(done, Math.min(payload, done + OVERFLOW_BYTES)), link + PAGE_NUMBER_BYTES)
    }
    writeUint32(this.#pages, link, 0)
  }

  /** Room for a cell in the leaf. @returns where it begins */
  #allocate(cellBytes: number): number {
    if (this.#contentStart - cellBytes < LEAF_HEADER_BYTES + (this.#cells + 1) * POINTER_BYTES) {
      this.#endLeaf()
      // The row itself is counted already.
      this.#leaves.push({ page: this.#leaf, lastKey: this.#rows - 1 })
      if (!this.#isDeep) this.#deepen()
      this.#beginLeaf()
    }
    this.#contentStart -= cellBytes
    const page = this.#leaf * IMAGE_PAGE_BYTES
    writeUint16(this.#pages, page + LEAF_HEADER_BYTES + this.#cells * POINTER_BYTES, this.#contentStart)
    this.#cells++
    return page + this.#contentStart
  }

  #beginLeaf(): void {
    this.#leaf = this.#addPage()
    this.#cells = 0
    this.#contentStart = IMAGE_PAGE_BYTES
  }

  #endLeaf(): void {
    writePageHeader(this.#pages, this.#leaf * IMAGE_PAGE_BYTES, LEAF, this.#cells, this.#contentStart)
  }

  /** The first leaf lies where a table begins; as soon as there is a second one that place is needed for what points to both. */
  #deepen(): void {
    const page = this.#addPage()
    this.#pages.copyWithin(page * IMAGE_PAGE_BYTES, 0, IMAGE_PAGE_BYTES)
    this.#leaves[0]!.page = page
    this.#isDeep = true
  }

  #writeRoot(): void {
    const pages = this.#pages
    let contentStart = IMAGE_PAGE_BYTES
    this.#leaves.forEach(({ page, lastKey }, index) => {
      contentStart -= PAGE_NUMBER_BYTES + varintBytes(lastKey)
      writeUint32(pages, contentStart, ROOT_PAGE + page)
      writeVarint(pages, contentStart + PAGE_NUMBER_BYTES, lastKey)
      writeUint16(pages, INTERIOR_HEADER_BYTES + index * POINTER_BYTES, contentStart)
    })
    writePageHeader(pages, 0, INTERIOR, this.#leaves.length, contentStart)
    writeUint32(pages, LEAF_HEADER_BYTES, ROOT_PAGE + this.#leaf)
  }

  #addPage(): number {
    const page = this.#pageCount++
    if (this.#pageCount * IMAGE_PAGE_BYTES > this.#pages.length) {
      const grown = new Uint8Array(Math.max(this.#pageCount * IMAGE_PAGE_BYTES, this.#pages.length * 1.5))
      grown.set(this.#pages)
      this.#pages = grown
    }
    return page
  }
}

function writePageHeader(pages: Uint8Array, at: number, kind: number, cells: number, contentStart: number): void {
  pages[at] = kind
  writeUint16(pages, at + 1, 0)
  writeUint16(pages, at + 3, cells)
  // 65536 is written as 0.
  writeUint16(pages, at + 5, contentStart & 0xffff)
  pages[at + 7] = 0
}

function contentBytes(serial: number): number {
  if (serial >= FIRST_BLOB_TYPE) return (serial - FIRST_BLOB_TYPE) >>> 1
  return serial === REAL_TYPE ? 8 : serial < REAL_TYPE ? INTEGER_BYTES[serial]! : 0
}

/** Bytes of a variable-length integer up to 2^35 - 1. */
const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5

/** @returns where it ends */
function writeVarint(target: Uint8Array, at: number, value: number): number {
  if (value < 0x80) {
    target[at] = value
    return at + 1
  }
  const length = varintBytes(value)
  for (let index = length - 1, rest = value; index >= 0; index--) {
    target[at + index] = (rest % 0x80) | (index === length - 1 ? 0 : 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return at + length
}

/** Write an integer in two's complement, the highest byte first. @returns where it ends */
function writeInteger(target: Uint8Array, at: number, value: number, length: number): number {
  const high = Math.floor(value / 2 ** 32)
  const low = value | 0
  for (let index = 0; index < length; index++) {
    const shift = (length - 1 - index) * 8
    target[at + index] = shift >= 32 ? high >> (shift - 32) : low >> shift
  }
  return at + length
}

function writeUint16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >> 8
  target[at + 1] = value
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >> 24
  target[at + 1] = value >> 16
  target[at + 2] = value >> 8
  target[at + 3] = value
}

const latin1 = (bytes: Uint8Array, from: number, to: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
