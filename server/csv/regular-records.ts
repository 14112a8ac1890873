import type { Dialect } from '../protocol.ts'

const LF = 10
const CR = 13

/** What walking over a record found. */
export type Walk =
  | 'record'
  /** The bytes end before it does. */
  | 'incomplete'
  /** It does not follow RFC 4180, or may be part of one that does not: it takes a closer look (record-reader.ts). */
  | 'irregular'
  | 'end'

/** Whether records of a dialect can be found in the bytes of UTF-8: all that divides them is one ASCII character. */
export const isByteDialect = ({ delimiter, quote, escape, newline }: Dialect): boolean =>
  delimiter.length === 1 && delimiter.charCodeAt(0) < 0x80 && newline !== '\r' && (quote === '' || (escape === quote && quote.charCodeAt(0) < 0x80))

/**
 * Walks over the records of UTF-8 text without making strings of it, and notes where their fields lie. Takes only what
 * the careful reading takes just so: each quoted field ends right before a delimiter or a line end, and a record
 * that spans lines has as many fields as all. Blank lines are no records.
 */
export class RegularRecords {
  readonly #delimiter: number
  readonly #quote: number
  readonly #usualCount: number
  readonly #maxCount: number
  readonly #maxLength: number
  #bytes: Uint8Array = new Uint8Array()
  #to = 0
  #isLast = false
  /** Fields of the record walked over last. */
  count = 0
  /** Where each of them begins and ends, the quotes around it left out. */
  readonly starts: Int32Array
  readonly stops: Int32Array
  /** Fields with doubled quotes in them, which are made single once the record is known to be complete. */
  readonly #doubled: Int32Array
  /** Where the next record begins. */
  at = 0
  /** Line ends before that, counted from where the bytes began. */
  lines = 0

  /**
   * @param usualCount fields of the file's first record
   * @param maxCount most fields of a record
   * @param maxLength longest record, in bytes
   */
  constructor({ delimiter, quote }: Dialect, usualCount: number, maxCount: number, maxLength: number) {
    this.#delimiter = delimiter.charCodeAt(0)
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0)
    this.#usualCount = usualCount
    this.#maxCount = maxCount
    this.#maxLength = maxLength
    this.starts = new Int32Array(maxCount)
    this.stops = new Int32Array(maxCount)
    this.#doubled = new Int32Array(maxCount)
  }

  /**
   * Go on with these bytes, whose doubled quotes it makes single where they lie.
   * @param isLast whether the file ends with them, so that its last record needs no line end
   */
  begin(bytes: Uint8Array, from: number, to: number, isLast: boolean): void {
    this.#bytes = bytes
    this.#to = to
    this.#isLast = isLast
    this.at = from
    this.lines = 0
  }

  next(): Walk {
    const bytes = this.#bytes
    const to = this.#to
    const delimiter = this.#delimiter
    const quote = this.#quote
    const maxCount = this.#maxCount
    let at = this.at
    let lines = this.lines
    while (at < to) {
      if (bytes[at] === LF) at++
      else if (bytes[at] === CR && at + 1 < to && bytes[at + 1] === LF) at += 2
      else break
      lines++
    }
    this.at = at
    this.lines = lines
    if (at === to) return 'end'

    const from = at
    let count = 0
    let doubled = 0
    for (;;) {
      if (count === maxCount) return 'irregular'
      if (bytes[at] === quote && at < to) {
        let close = at + 1
        let hasDoubled = false
        for (;;) {
          while (close < to && bytes[close] !== quote) {
            if (bytes[close] === LF) lines++
            close++
          }
          if (close + 1 >= to && !(this.#isLast && close < to)) return this.#unfinished(from)
          if (close + 1 === to || bytes[close + 1] !== quote) break
          hasDoubled = true
          close += 2
        }
        if (hasDoubled) this.#doubled[doubled++] = count
        this.starts[count] = at + 1
        this.stops[count++] = close
        at = close + 1
        if (at === to) break
        const code = bytes[at]
        if (code === delimiter) {
          at++
          continue
        }
        if (code === LF) {
          at++
          break
        }
        if (code !== CR) return 'irregular'
        if (at + 1 === to) return this.#isLast ? 'irregular' : this.#unfinished(from)
        if (bytes[at + 1] !== LF) return 'irregular'
        at += 2
        break
      }
      const start = at
      while (at < to && bytes[at] !== delimiter && bytes[at] !== LF) at++
      if (at === to) {
        if (!this.#isLast) return this.#unfinished(from)
        this.starts[count] = start
        this.stops[count++] = at
        break
      }
      this.starts[count] = start
      if (bytes[at] === delimiter) {
        this.stops[count++] = at++
        continue
      }
      this.stops[count++] = at > start && bytes[at - 1] === CR ? at - 1 : at
      at++
      break
    }
    // A record of several lines with another number of fields may have swallowed other records; one of one field may be a line of spaces.
    if (at - from > this.#maxLength || (count !== this.#usualCount && this.#spansLines(count)) || (count === 1 && maxCount > 1)) return 'irregular'
    for (let index = 0; index < doubled; index++) this.#makeSingle(this.#doubled[index]!)
    this.count = count
    this.at = at
    // Every record but the file's last ends with a line end of its own.
    this.lines = lines + (bytes[at - 1] === LF ? 1 : 0)
    return 'record'
  }

  #spansLines(count: number): boolean {
    for (let field = 0; field < count; field++) {
      for (let at = this.starts[field]!; at < this.stops[field]!; at++) if (this.#bytes[at] === LF || this.#bytes[at] === CR) return true
    }
    return false
  }

  #unfinished(from: number): Walk {
    return this.#isLast || this.#to - from > this.#maxLength ? 'irregular' : 'incomplete'
  }

  #makeSingle(field: number): void {
    const bytes = this.#bytes
    const quote = this.#quote
    const stop = this.stops[field]!
    let into = this.starts[field]!
    for (let from = into; from < stop; from++) {
      bytes[into++] = bytes[from]!
      if (bytes[from] === quote) from++
    }
    this.stops[field] = into
  }
}
