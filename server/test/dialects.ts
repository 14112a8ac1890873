import fc from 'fast-check'
import type { Dialect } from '../protocol.ts'

/** A way to write a table that is to be found again. */
export interface Written extends Pick<Dialect, 'delimiter' | 'quote' | 'escape' | 'newline'> {
  quotesAll: boolean
}

/** A table as text. */
export function write(rows: readonly (readonly string[])[], { delimiter, quote, escape, newline, quotesAll }: Written): string {
  const bare = delimiter.trim() || delimiter
  const field = (text: string): string => {
    if (!quotesAll && !text.includes(bare) && !text.includes(quote) && !/[\r\n]/.test(text) && text !== '') return text
    const escaped = escape === quote ? text.replaceAll(quote, quote + quote) : text.replaceAll(escape, escape + escape).replaceAll(quote, escape + quote)
    return quote + escaped + quote
  }
  return rows.map((row) => row.map(field).join(delimiter) + newline).join('')
}

/** Any way to write a table with one of the delimiters. */
export const written = (...delimiters: string[]): fc.Arbitrary<Written> => fc.record({
  delimiter: fc.constantFrom(...delimiters),
  quote: fc.constantFrom('"', '"', '\''),
  newline: fc.constantFrom<Dialect['newline']>('\n', '\r\n', '\r'),
  isBackslash: fc.boolean(),
  quotesAll: fc.boolean(),
}).map(({ isBackslash, ...rest }) => ({ ...rest, escape: isBackslash ? '\\' : rest.quote }))
