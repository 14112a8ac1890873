const LF = 10
const CR = 13

/**
 * Take apart complete records that follow RFC 4180, some five times as fast as a general parser.
 *
 * Gives exactly what csv-parse gives, or declines: a quoted field must end right before a delimiter or a line end.
 * Quotes inside unquoted fields are text; blank lines are no records.
 * @param delimiter one character
 * @param width declines a record that has another number of fields and a line break inside; 0 takes any
 * @returns null where it declines
 */
export function splitRecords(text: string, delimiter: string, quote: string, width = 0): string[][] | null {
  const records: string[][] = []
  const length = text.length
  const delimiterCode = delimiter.charCodeAt(0)
  const quoteCode = quote === '' ? -1 : quote.charCodeAt(0)
  const doubledQuote = quote + quote
  let at = 0

  while (at < length) {
    const first = text.charCodeAt(at)
    if (first === LF || (first === CR && text.charCodeAt(at + 1) === LF)) {
      at += first === LF ? 1 : 2
      continue
    }
    const record: string[] = []
    for (;;) {
      if (text.charCodeAt(at) === quoteCode) {
        let close = at + 1
        let hasDoubledQuotes = false
        for (;;) {
          close = text.indexOf(quote, close)
          if (close === -1) return null
          if (text.charCodeAt(close + 1) !== quoteCode) break
          hasDoubledQuotes = true
          close += 2
        }
        const field = text.slice(at + 1, close)
        record.push(hasDoubledQuotes ? field.replaceAll(doubledQuote, quote) : field)
        at = close + 1
      } else {
        const start = at
        let code = text.charCodeAt(at)
        while (at < length && code !== delimiterCode && code !== LF) code = text.charCodeAt(++at)
        const isCrLf = code === LF && at > start && text.charCodeAt(at - 1) === CR
        record.push(text.slice(start, isCrLf ? at - 1 : at))
      }
      if (at === length) break
      const code = text.charCodeAt(at)
      if (code === delimiterCode) {
        at++
      } else if (code === LF) {
        at++
        break
      } else if (code === CR && text.charCodeAt(at + 1) === LF) {
        at += 2
        break
      } else {
        return null
      }
    }
    if (width > 0 && record.length !== width && record.some(hasLineBreak)) return null
    records.push(record)
  }
  return records
}

/** Whether a field that was read by its quotes spans lines, of whichever kind. */
export const hasLineBreak = (field: string): boolean => field.includes('\n') || field.includes('\r')
