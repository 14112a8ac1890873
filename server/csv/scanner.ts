import type { Syntax } from './syntax.ts'

/** Where complete records lie in a text that starts at a record's beginning. */
export interface Scan {
  /** End of the last complete record, after its line end; 0 where there is none. */
  end: number
  /**
   * Positions before `end` of quotes that stand inside a quoted field without closing it: a quote closes a field only
   * right before a delimiter, a line end or the end of the file. Any other quote is text.
   */
  strayQuotes: number[]
  /** Whether a quoted field that begins at or after `end` is still open where the text ends. */
  isOpen: boolean
}

const LF = 10
const CR = 13

/**
 * Find the complete records of a text without taking them apart.
 *
 * In a file of LF or CRLF lines a lone CR is text; in one of CR lines every kind of line break ends a record.
 * Each character is looked at a bounded number of times, however long a record is.
 * @param isLast whether the file ends with this text, so that its last record needs no line end
 */
export function scanRecords(text: string, { delimiter, quote, escape, newline }: Syntax, isLast: boolean): Scan {
  const isCrFile = newline === '\r'
  const strayQuotes: number[] = []
  let nextLf = -1
  let nextCr = isCrFile ? -1 : Infinity
  let recordStart = 0
  let at = 0

  for (;;) {
    const open = quote === '' ? -1 : text.indexOf(quote, at)
    if (open === -1) return scanTo(isLast ? text.length : recordStartBefore(text.length), false)
    if (isFieldStart(open)) {
      recordStart = recordStartBefore(open)
      const close = closingQuote(open)
      if (close === -1) return scanTo(recordStart, true)
      at = close + 1
    } else {
      recordStart = recordStartBefore(open)
      at = open + 1
    }
  }

  function scanTo(end: number, isOpen: boolean): Scan {
    return { end, strayQuotes: strayQuotes.filter((position) => position < end), isOpen }
  }

  /** Start of the record that the position belongs to, knowing that no quoted field lies between `at` and it. */
  function recordStartBefore(position: number): number {
    if (nextLf < at) nextLf = indexOrInfinity('\n', at)
    if (nextCr < at) nextCr = indexOrInfinity('\r', at)
    let last = nextLf < position ? text.lastIndexOf('\n', position - 1) : -1
    if (nextCr < position) {
      const cr = text.lastIndexOf('\r', position - 1)
      // A CR at the very end may be half of a CRLF whose LF has not arrived.
      const isHalf = !isLast && cr === text.length - 1
      const whole = !isHalf ? cr : cr > at ? text.lastIndexOf('\r', cr - 1) : -1
      if (whole >= at) last = Math.max(last, whole)
    }
    return Math.max(last + 1, recordStart)
  }

  function indexOrInfinity(char: string, from: number): number {
    const index = text.indexOf(char, from)
    return index === -1 ? Infinity : index
  }

  function isLineEnd(position: number): boolean {
    const code = text.charCodeAt(position)
    return code === LF || (code === CR && (isCrFile || text.charCodeAt(position + 1) === LF))
  }

  function isFieldStart(position: number): boolean {
    if (position === 0) return true
    const before = text.charCodeAt(position - 1)
    return before === LF || (isCrFile && before === CR) || text.startsWith(delimiter, position - delimiter.length)
  }

  /** Position of the quote that closes the field opened at `from`; -1 where it is not in the text. */
  function closingQuote(from: number): number {
    for (let next = from + 1; ;) {
      const found = text.indexOf(quote, next)
      if (found === -1) return -1
      const after = found + 1
      if (escape === quote && text.startsWith(quote, after)) {
        next = after + 1
      } else if (escape !== quote && isEscaped(found, from)) {
        next = after
      } else if (after === text.length) {
        return isLast ? found : -1
      } else if (isLineEnd(after) || text.startsWith(delimiter, after)) {
        return found
      } else if (!isLast && text.length - after < Math.max(delimiter.length, 2)) {
        // The other half of a CRLF or of a long delimiter may be on its way.
        return -1
      } else {
        strayQuotes.push(found)
        next = after
      }
    }
  }

  function isEscaped(position: number, opened: number): boolean {
    let before = position - 1
    while (before > opened && text[before] === escape) before--
    return (position - before) % 2 === 0
  }
}
