import { RecordWalker } from './record-walker.ts'
import type { Syntax } from './syntax.ts'

/**
 * How a record is to be read: by its quotes; as plain text, since a quote of it never closes; or not at all, since that
 * does not fit either; or not at all, since it is too long.
 */
export type Reading = 'quoted' | 'plain' | 'unclosed' | 'too-long'

/** A record of a text: where it lies and how it is to be read. */
export interface Surveyed {
  reading: Reading
  start: number
  /** Where its text ends, and where the next line begins. */
  contentEnd: number
  end: number
  /** Its fields. */
  count: number
  hasStrayQuotes: boolean
}

export interface Survey {
  records: Surveyed[]
  /** Up to where the text is dealt with; the rest waits for what follows. */
  end: number
  /** The commonest number of fields: that of the first record. */
  width: number | undefined
  /** Whether the last record goes on in what follows, all of which is to be left out up to the next line end. */
  isCutShort: boolean
}

export interface SurveyLimits {
  /** Whether the file ends with the text. */
  isLast: boolean
  /** Fields that a record should have; undefined until the first record is known. */
  width: number | undefined
  /** Longest record, in characters. */
  maxLength: number
  /** Records after which to stop. */
  maxRecords?: number
}

/**
 * Decide record by record how a text with odd quotes is to be read, so that a quote that is left open costs nothing but
 * its own row. The same whatever pieces the text arrives in.
 */
export function surveyRecords(text: string, syntax: Syntax, limits: SurveyLimits): Survey {
  return new Surveyor(text, syntax, limits).survey()
}

class Surveyor {
  readonly #text: string
  readonly #isLast: boolean
  readonly #maxLength: number
  readonly #maxRecords: number
  readonly #walker: RecordWalker
  #width: number | undefined

  constructor(text: string, syntax: Syntax, { isLast, width, maxLength, maxRecords = Infinity }: SurveyLimits) {
    this.#text = text
    this.#isLast = isLast
    this.#maxLength = maxLength
    this.#maxRecords = maxRecords
    this.#width = width
    this.#walker = new RecordWalker(text, syntax, isLast)
  }

  survey(): Survey {
    const records: Surveyed[] = []
    let at = 0
    let isCutShort = false
    while (at < this.#text.length && records.length < this.#maxRecords) {
      const blank = this.#walker.lineBreakAt(at)
      if (blank < 0) break
      if (blank > 0) {
        at += blank
        continue
      }
      const record = this.#read(at)
      if (!record) break
      records.push(record)
      at = record.end
      if (record.reading === 'too-long' && record.contentEnd === record.end && !this.#isLast) {
        isCutShort = true
        break
      }
    }
    return { records, end: at, width: this.#width, isCutShort }
  }

  /** @returns undefined where what follows the text decides */
  #read(at: number): Surveyed | undefined {
    const walker = this.#walker
    // A CR at the very end may be half of the line end of a record that is just short enough.
    const mayWait = !this.#isLast && this.#text.length - at <= this.#maxLength + 1
    walker.walk(at)
    const { isComplete, isMultiLine, contentEnd, end, count, hasStrayQuotes } = walker
    if (mayWait && !isComplete) return undefined
    const quoted: Surveyed = { reading: 'quoted', start: at, contentEnd, end, count, hasStrayQuotes }
    if (isComplete && contentEnd - at <= this.#maxLength) {
      if (!isMultiLine || (count === this.#width && !hasStrayQuotes)) return this.#accept(quoted, count)
      const asLine = this.#line(at)
      const verdict = this.#compare(count, end, asLine)
      if (verdict === undefined && mayWait) return undefined
      return verdict === 'plain' || verdict === 'unclosed' ? { ...asLine, reading: verdict } : this.#accept(quoted, count)
    }
    const asLine = this.#line(at)
    if (!asLine.isComplete) {
      // A CR at the very end may be half of a CRLF.
      const cut = this.#text.length - (this.#text.endsWith('\r') && !this.#isLast ? 1 : 0)
      return { ...quoted, reading: 'too-long', contentEnd: cut, end: cut }
    }
    if (asLine.contentEnd - at > this.#maxLength) return { ...asLine, reading: 'too-long' }
    if (this.#width !== undefined && this.#width !== asLine.count) return { ...asLine, reading: 'unclosed' }
    return this.#accept({ ...asLine, reading: 'plain' }, asLine.count)
  }

  #accept(record: Surveyed, count: number): Surveyed {
    this.#width ??= count
    return record
  }

  /** The line that begins at a position, read as plain text. */
  #line(at: number): Surveyed & { isComplete: boolean } {
    this.#walker.walk(at, true)
    const { count, contentEnd, end, isComplete } = this.#walker
    return { reading: 'plain', start: at, contentEnd, end, hasStrayQuotes: false, count, isComplete }
  }

  /**
   * Whether a record that spans several lines swallowed other rows: its number of fields is odd, or a quote of it closes
   * nothing, while its first line alone, or the line after that, has the number that all have.
   * @param count fields of the record as its quotes say
   * @param end where that record ends
   */
  #compare(count: number, end: number, line: { count: number, end: number }): Reading | undefined {
    if (this.#width === undefined) {
      const after = this.#countAt(end)
      const afterLine = this.#countAt(line.end)
      if (after === undefined || afterLine === undefined) return undefined
      return after > 0 && count !== after && line.count > 1 && line.count === afterLine ? 'plain' : 'quoted'
    }
    if (count !== this.#width && line.count === this.#width) return 'plain'
    if (this.#width === 1) return 'quoted'
    const afterLine = this.#countAt(line.end)
    if (afterLine === undefined) return undefined
    if (afterLine !== this.#width) return 'quoted'
    if (line.count === this.#width) return 'plain'
    // In a table of two columns any line with one delimiter looks like a row.
    return count !== this.#width || this.#width > 2 ? 'unclosed' : 'quoted'
  }

  /** Fields of the record that begins at a position, blank lines left out; 0 where there is none, undefined where it has not arrived. */
  #countAt(from: number): number | undefined {
    let at = from
    while (at < this.#text.length) {
      const blank = this.#walker.lineBreakAt(at)
      if (blank < 0) return undefined
      if (blank === 0) {
        this.#walker.walk(at)
        return this.#walker.isComplete ? this.#walker.count : this.#isLast ? 0 : undefined
      }
      at += blank
    }
    return this.#isLast ? 0 : undefined
  }
}
