import { createRequire } from 'node:module'
import { Fault } from '../faults.ts'
import type { Dialect, RejectedRow } from '../protocol.ts'
import { BAD_BYTES } from './file-text.ts'
import { RecordWalker } from './record-walker.ts'
import { scanRecords } from './scanner.ts'
import { hasLineBreak, splitRecords } from './split-records.ts'
import { surveyRecords, type Surveyed } from './survey.ts'
import { countLines, delimitersOf, LineCounter } from './syntax.ts'

const require = createRequire(import.meta.url)

/** Characters kept of a row that is too long to be kept. */
const MAX_EXCERPT_LENGTH = 1000

/** A run of complete records, in the order of the file. */
export interface RecordBatch {
  /** Fields of each record, as text. Blank lines are no records. */
  records: string[][]
  /** Rows that cannot be read, each with its line and the reason. They are not among `records`. */
  rejects: RejectedRow[]
  /** Lines of records that have a quote which never closes, and that were read as plain text. They are among `records`. */
  plainLines: number[]
  /** Line of the file on which a record begins, counted from 1. Costs a scan, so it is asked only for records that matter. */
  lineOf: (index: number) => number
  /** Text of a record as it stands in the file, without its line end. */
  textOf: (index: number) => string
}

/** Whether a batch says nothing about any row. */
export const isEmpty = ({ records, rejects }: RecordBatch): boolean => records.length === 0 && rejects.length === 0

const EMPTY_BATCH: RecordBatch = { records: [], rejects: [], plainLines: [], lineOf: () => 0, textOf: () => '' }

/**
 * Turns text that arrives in pieces into records. Each piece is cut at the end of its last complete record; the rest
 * waits for the next piece.
 *
 * What follows RFC 4180 and has as many fields as the first record is split the fast way. Where anything is odd, each
 * record is looked at by itself, so that one bad quote never costs more than its own row; csv-parse takes them apart.
 */
export class RecordReader {
  readonly #dialect: Dialect
  readonly #maxRowLength: number
  #carry = ''
  #line = 1
  #linesToSkip: number
  #width: number | undefined
  #isFirst = true
  /** Whether what comes next belongs to a row that is too long, up to the next line end. */
  #isCutShort = false

  /**
   * @param dialect its `skipLines` are left out
   * @param maxRowLength longest record accepted, in characters
   */
  constructor(dialect: Dialect, maxRowLength: number) {
    this.#dialect = dialect
    this.#maxRowLength = maxRowLength
    this.#linesToSkip = dialect.skipLines
  }

  /** Line of the file on which the next piece begins. */
  get lineOfNextPiece(): number {
    return this.#line + countLines(this.#carry, this.#dialect.newline)
  }

  /** Fields of the first record; undefined until it is known. */
  get width(): number | undefined {
    return this.#width
  }

  /**
   * Let somebody else read on from the record that comes next, if all before it is dealt with.
   * @returns the text that waits, which is forgotten; undefined where reading has to go on here
   */
  pause(): string | undefined {
    if (this.#isFirst || this.#linesToSkip > 0 || this.#isCutShort || this.#carry.includes(BAD_BYTES)) return undefined
    const waiting = this.#carry
    this.#carry = ''
    return waiting
  }

  /** Take note of lines that somebody else has read. */
  passLines(count: number): void {
    this.#line += count
  }

  /**
   * The records that are complete with this piece.
   * @throws Fault ROW_TOO_LARGE where the first record is too long: nothing of such a file can be read
   */
  push(piece: string): RecordBatch {
    this.#carry += piece
    return this.#read(false)
  }

  /** The records that are left when the file has ended. */
  end(): RecordBatch[] {
    return this.#carry === '' ? [] : [this.#read(true)]
  }

  #read(isLast: boolean): RecordBatch {
    if (this.#linesToSkip > 0 || this.#isCutShort) {
      this.#skip(isLast)
      if (this.#linesToSkip > 0 || this.#isCutShort) return EMPTY_BATCH
    }
    const { delimiter, quote, escape, newline } = this.#dialect
    if (delimiter.length === 1 && newline !== '\r' && (quote === '' || escape === quote) && !this.#carry.includes(BAD_BYTES)) {
      const { end, strayQuotes, isOpen } = scanRecords(this.#carry, this.#dialect, isLast)
      const isEndless = this.#carry.length - end > this.#maxRowLength || end > this.#maxRowLength
      if (strayQuotes.length === 0 && !isEndless && !(isOpen && isLast)) {
        const text = this.#carry.slice(0, end)
        const records = splitRecords(text, delimiter, quote, this.#width)
        if (records && (this.#width !== undefined || this.#learnWidth(records))) return this.#regularBatch(text, records)
      }
    }
    return this.#readWithCare(isLast)
  }

  /** Take the first record for the measure of all. @returns whether none of them may have swallowed others */
  #learnWidth(records: readonly string[][]): boolean {
    const [first] = records
    if (!first) return true
    if (records.some((record) => (record === first || record.length !== first.length) && record.some(hasLineBreak))) return false
    this.#width = first.length
    return true
  }

  #regularBatch(text: string, records: string[][]): RecordBatch {
    this.#isFirst &&= records.length === 0
    const lines = this.#advance(text)
    let known: Span[] | undefined
    const spanOf = (index: number): Span => (known ??= recordSpans(text, this.#dialect))[index]!
    return {
      records,
      rejects: [],
      plainLines: [],
      lineOf: (index) => lines.lineAt(spanOf(index).start),
      textOf: (index) => text.slice(spanOf(index).start, spanOf(index).contentEnd),
    }
  }

  #readWithCare(isLast: boolean): RecordBatch {
    const survey = surveyRecords(this.#carry, this.#dialect, { isLast, width: this.#width, maxLength: this.#maxRowLength })
    if (this.#width === undefined && survey.records[0]?.reading === 'too-long') throw this.#rowTooLarge()
    this.#width = survey.width
    this.#isCutShort = survey.isCutShort
    const text = this.#carry.slice(0, survey.end)
    if (this.#isFirst && this.#dialect.header && survey.records[0] && holdsBadBytes(text, survey.records[0])) throw this.#unreadableHeader()
    this.#isFirst &&= survey.records.length === 0
    const lines = this.#advance(text)
    const hasBadBytes = text.includes(BAD_BYTES)
    const isToBeSplit = (record: Surveyed | undefined): boolean => record?.reading === 'quoted' && !(hasBadBytes && holdsBadBytes(text, record))
    const batch: RecordBatch = {
      records: [],
      rejects: [],
      plainLines: [],
      lineOf: (index) => lines.lineAt(kept[index]!.start),
      textOf: (index) => text.slice(kept[index]!.start, kept[index]!.contentEnd),
    }
    const kept: Surveyed[] = []
    for (let index = 0; index < survey.records.length;) {
      const record = survey.records[index]!
      if (isToBeSplit(record)) {
        let next = index + 1
        while (isToBeSplit(survey.records[next])) next++
        const run = survey.records.slice(index, next)
        for (const fields of this.#fieldsOfRun(text, run)) batch.records.push(fields)
        for (const one of run) kept.push(one)
        index = next
        continue
      }
      if (record.reading === 'plain' && !(hasBadBytes && holdsBadBytes(text, record))) {
        batch.records.push(walkFields(text, record, this.#dialect, true))
        batch.plainLines.push(lines.lineAt(record.start))
        kept.push(record)
      } else {
        batch.rejects.push({ line: lines.lineAt(record.start), ...this.#whyNot(text, record) })
      }
      index++
    }
    return batch
  }

  #whyNot(text: string, record: Surveyed): { reason: string, record: string } {
    const { reading, start, contentEnd } = record
    if (reading === 'too-long') {
      return {
        reason: `it is longer than ${this.#maxRowLength.toLocaleString('en')} characters`,
        record: `${readable(text.slice(start, start + Math.min(this.#maxRowLength, MAX_EXCERPT_LENGTH)))}…`,
      }
    }
    const reason = holdsBadBytes(text, record) ? 'it holds bytes that are not valid UTF-8' : 'its quote never closes'
    return { reason, record: readable(text.slice(start, contentEnd)) }
  }

  #unreadableHeader(): Fault {
    return new Fault('UNDECODABLE', `The names of the columns on line ${this.#line} hold bytes that are not valid UTF-8. Name the file's encoding in the options.`, { line: this.#line })
  }

  #rowTooLarge(): Fault {
    return new Fault('ROW_TOO_LARGE', `The row that starts on line ${this.#line} is longer than ${this.#maxRowLength.toLocaleString('en')} characters. Check that its quotes are closed and that the file has line breaks.`, { line: this.#line })
  }

  /** Take the text off what waits. @returns what tells its lines */
  #advance(text: string): LineCounter {
    const { newline } = this.#dialect
    const lines = new LineCounter(text, newline, this.#line)
    this.#carry = this.#carry.slice(text.length)
    this.#line += countLines(text, newline)
    return lines
  }

  /** Leave out the lines above the header, or the rest of a row that is too long. */
  #skip(isLast: boolean): void {
    const lineEnds = this.#dialect.newline === '\r' ? /\r\n?|\n/g : /\n/g
    let from = 0
    while (this.#linesToSkip > 0 || this.#isCutShort) {
      const match = lineEnds.exec(this.#carry)
      // A CR at the very end may be half of a CRLF.
      if (!match || (!isLast && match[0] === '\r' && lineEnds.lastIndex === this.#carry.length)) {
        // Of what is left out nothing is held but the CR.
        from = this.#carry.endsWith('\r') && !isLast ? this.#carry.length - 1 : this.#carry.length
        break
      }
      from = lineEnds.lastIndex
      if (this.#isCutShort) this.#isCutShort = false
      else this.#linesToSkip--
    }
    if (from > 0) this.#advance(this.#carry.slice(0, from))
  }

  /** Fields of records that lie one behind the other and are to be read by their quotes. */
  #fieldsOfRun(text: string, run: readonly Surveyed[]): string[][] {
    const { delimiter, quote, escape, newline } = this.#dialect
    const isSimple = delimiter.length === 1 && newline !== '\r' && (quote === '' || escape === quote)
    const part = text.slice(run[0]!.start, run.at(-1)!.end)
    const records = (isSimple ? splitRecords(part, delimiter, quote) : null) ?? this.#parse(text, run)
    if (records?.length === run.length) return records
    return run.map((record) => walkFields(text, record, this.#dialect, false))
  }

  /** @returns null where csv-parse does not take the text */
  #parse(text: string, run: readonly Surveyed[]): string[][] | null {
    const { delimiter, quote, escape, newline } = this.#dialect
    const isBackslash = quote !== '' && escape !== quote
    const marks = run.flatMap((record) => record.hasStrayQuotes || isBackslash ? literalMarks(text, record, this.#dialect) : [])
    // Loaded for the files that need it; most records are taken apart without.
    const { parse } = require('csv-parse/sync') as typeof import('csv-parse/sync')
    try {
      return parse(escapeAt(text, run[0]!.start, run.at(-1)!.end, marks, escape), {
        delimiter: [...delimitersOf(delimiter)],
        quote: quote === '' ? false : quote,
        escape: quote === '' ? null : escape,
        record_delimiter: newline === '\r' ? ['\r\n', '\n', '\r'] : ['\r\n', '\n'],
        relax_quotes: true,
        relax_column_count: true,
        skip_empty_lines: true,
      })
    } catch {
      return null
    }
  }
}

/** The fields of one record as its quotes say. */
function walkFields(text: string, { start, end }: Surveyed, dialect: Dialect, isPlain: boolean): string[] {
  const record = text.slice(start, end)
  const walker = new RecordWalker(record, dialect, true)
  walker.walk(0, isPlain)
  const { quote, escape } = dialect
  return walker.starts.slice(0, walker.count).map((from, index) => {
    const field = record.slice(from, walker.stops[index])
    if (!walker.isQuoted[index]) return field
    return escape === quote ? field.replaceAll(quote + quote, quote) : unescapeBackslashes(field, quote, escape)
  })
}

function unescapeBackslashes(field: string, quote: string, escape: string): string {
  let out = ''
  for (let at = 0; at < field.length; at++) {
    const next = field[at + 1]
    if (field[at] === escape && (next === quote || next === escape)) at++
    out += field[at]!
  }
  return out
}

/**
 * Characters inside the quoted fields of a record that csv-parse would take for more than they are: quotes that close
 * nothing, and escapes before a character that needs none.
 */
function literalMarks(text: string, { start, end }: Surveyed, dialect: Dialect): number[] {
  const { quote, escape } = dialect
  const walker = new RecordWalker(text.slice(start, end), dialect, true)
  walker.walk(0)
  const marks: number[] = []
  for (let field = 0; field < walker.count; field++) {
    if (!walker.isQuoted[field]) continue
    const stop = start + walker.stops[field]!
    for (let at = start + walker.starts[field]!; at < stop; at++) {
      const char = text[at]!
      if (char !== quote && char !== escape) continue
      const next = at + 1 < stop ? text[at + 1] : undefined
      if (char === escape && (next === quote || (next === escape && escape !== quote))) at++
      else marks.push(at)
    }
  }
  return marks
}

/** A part of the text with an escape before each of the positions. */
function escapeAt(text: string, start: number, end: number, positions: readonly number[], escape: string): string {
  if (positions.length === 0) return text.slice(start, end)
  const parts: string[] = []
  let from = start
  for (const position of positions) {
    parts.push(text.slice(from, position), escape)
    from = position
  }
  parts.push(text.slice(from, end))
  return parts.join('')
}

type Span = Pick<Surveyed, 'start' | 'contentEnd'>

const holdsBadBytes = (text: string, { start, contentEnd }: Span): boolean => text.slice(start, contentEnd).includes(BAD_BYTES)

/** Bad bytes as people know them: question marks in diamonds. */
const readable = (text: string): string => text.replaceAll(BAD_BYTES, '\ufffd')

/** Where each record of a text of complete records lies; blank lines are no records. */
function recordSpans(text: string, dialect: Dialect): Span[] {
  const spans: Span[] = []
  const walker = new RecordWalker(text, dialect, true)
  for (let at = 0; at < text.length;) {
    const blank = walker.lineBreakAt(at)
    if (blank > 0) {
      at += blank
      continue
    }
    walker.walk(at)
    spans.push({ start: at, contentEnd: walker.contentEnd })
    at = walker.end
  }
  return spans
}
