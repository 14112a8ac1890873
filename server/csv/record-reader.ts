import { parse } from 'csv-parse/sync'
import { Fault } from '../faults.ts'
import type { Dialect } from '../protocol.ts'
import { countLines, recordStarts, scanRecords } from './scanner.ts'
import { splitRecords } from './split-records.ts'

/** A run of complete records, in the order of the file. */
export interface RecordBatch {
  /** Fields of each record, as text. Blank lines are no records. */
  records: string[][]
  /** Line of the file on which a record begins, counted from 1. Costs a scan, so it is asked only for records that matter. */
  lineOf: (index: number) => number
  /** Text of a record as it stands in the file, without its line end. */
  textOf: (index: number) => string
}

/**
 * Turns text that arrives in pieces into records. Each piece is cut at the end of its last complete record; the rest
 * waits for the next piece. What follows RFC 4180 is split the fast way, csv-parse takes apart everything else. Quotes
 * that would lead it astray are escaped first, so that one bad quote never costs more than its own row.
 */
export class RecordReader {
  readonly #dialect: Dialect
  readonly #maxRowLength: number
  #carry = ''
  #line: number

  /**
   * @param maxRowLength longest record accepted, in characters
   * @param firstLine line of the file on which the text begins
   */
  constructor(dialect: Dialect, maxRowLength: number, firstLine = 1) {
    this.#dialect = dialect
    this.#maxRowLength = maxRowLength
    this.#line = firstLine
  }

  /** Line of the file on which the next piece begins. */
  get lineOfNextPiece(): number {
    return this.#line + countLines(this.#carry, this.#dialect.newline)
  }

  /** @throws Fault ROW_TOO_LARGE */
  push(piece: string): RecordBatch {
    this.#carry += piece
    const { end, strayQuotes } = scanRecords(this.#carry, this.#dialect, false)
    const batch = this.#take(end, strayQuotes)
    if (this.#carry.length > this.#maxRowLength) {
      throw new Fault('ROW_TOO_LARGE', `The row that starts on line ${this.#line} is longer than ${this.#maxRowLength.toLocaleString('en')} characters. Check that its quotes are closed and that the file has line breaks.`, { line: this.#line })
    }
    return batch
  }

  /** The records that are left when the file has ended. A quoted field that never closes is read as plain text. */
  end(): RecordBatch[] {
    const batches: RecordBatch[] = []
    while (this.#carry !== '') {
      const { end, strayQuotes, isOpen } = scanRecords(this.#carry, this.#dialect, true)
      batches.push(this.#take(end, strayQuotes))
      if (isOpen) batches.push(this.#takePlainLine())
    }
    return batches
  }

  #take(end: number, strayQuotes: readonly number[]): RecordBatch {
    const text = this.#carry.slice(0, end)
    this.#carry = this.#carry.slice(end)
    const { quote } = this.#dialect
    if (strayQuotes.length === 0) return this.#batch(text, quote, this.#split(text) ?? this.#parse(text, quote))
    return this.#batch(text, quote, this.#parse(escapeAt(text, strayQuotes, this.#dialect.escape), quote))
  }

  #takePlainLine(): RecordBatch {
    const lineEnd = (this.#dialect.newline === '\r' ? /\r\n?|\n/ : /\r?\n/).exec(this.#carry)
    const end = lineEnd ? lineEnd.index + lineEnd[0].length : this.#carry.length
    const text = this.#carry.slice(0, end)
    this.#carry = this.#carry.slice(end)
    return this.#batch(text, '', this.#parse(text, ''))
  }

  /** The fast way, for the dialects that nearly all files have. */
  #split(text: string): string[][] | null {
    const { delimiter, quote, escape, newline } = this.#dialect
    return delimiter.length === 1 && escape === quote && newline !== '\r' ? splitRecords(text, delimiter, quote) : null
  }

  #batch(text: string, quote: string, records: string[][]): RecordBatch {
    const firstLine = this.#line
    const { newline } = this.#dialect
    this.#line += countLines(text, newline)
    let starts: number[] | undefined
    const startOf = (index: number): number => (starts ??= recordStarts(text, { ...this.#dialect, quote }))[index]!
    return {
      records,
      lineOf: (index) => firstLine + countLines(text.slice(0, startOf(index)), newline),
      textOf: (index) => text.slice(startOf(index), starts?.[index + 1]).replace(/[\r\n]+$/, ''),
    }
  }

  #parse(text: string, quote: string): string[][] {
    const { delimiter, escape, newline } = this.#dialect
    return parse(text, {
      delimiter,
      quote: quote === '' ? false : quote,
      escape: quote === '' ? null : escape,
      record_delimiter: newline === '\r' ? ['\r\n', '\n', '\r'] : ['\r\n', '\n'],
      relax_quotes: true,
      relax_column_count: true,
      skip_empty_lines: true,
    })
  }
}

/** The text with an escape before each of the positions, so that the quotes there are text to any parser. */
function escapeAt(text: string, positions: readonly number[], escape: string): string {
  if (positions.length === 0) return text
  const parts: string[] = []
  let from = 0
  for (const position of positions) {
    parts.push(text.slice(from, position), escape)
    from = position
  }
  parts.push(text.slice(from))
  return parts.join('')
}
