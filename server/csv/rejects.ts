import type { Dialect, RejectedRow } from '../protocol.ts'
import { detectDialect } from './dialect.ts'
import { detectEncoding } from './encoding.ts'
import { RecordReader } from './record-reader.ts'
import { REJECT_COLUMNS, RowFitter } from './row-fitter.ts'

/**
 * The columns of the file that a file of rejected rows came from.
 * @param head the first bytes of any file
 * @returns undefined where it is no file of rejected rows
 */
export function headerOfRejects(head: Uint8Array): string[] | undefined {
  // Worth a closer look only where both names occur at all.
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  if (!REJECT_COLUMNS.every((name) => bytes.includes(name) || bytes.includes(Buffer.from(name, 'utf16le')))) return undefined
  const encoding = detectEncoding(head, false)
  const sample = new TextDecoder(encoding).decode(head)
  const dialect = detectDialect(sample, encoding, {})
  const reader = new RecordReader(dialect, Infinity)
  const first = [reader.push(sample), ...reader.end()].find(({ records }) => records.length > 0)
  if (!first || !dialect.header) return undefined
  const { header } = new RowFitter(first.records.slice(0, 1), dialect)
  if (!REJECT_COLUMNS.every((name) => header.includes(name))) return undefined
  return header.filter((name) => !(REJECT_COLUMNS as readonly string[]).includes(name))
}

/** A field in the dialect, quoted where it must be. */
function writeField(field: string, { delimiter, quote, escape }: Dialect): string {
  if (quote === '' || !(field.includes(delimiter.trim() || delimiter) || field.includes(quote) || /[\r\n]/.test(field))) return field
  return `${quote}${field.replaceAll(quote, escape + quote)}${quote}`
}

/**
 * A file of rejected rows, in the dialect of the file they came from. Line and reason stand in front, so that they are
 * in their columns however many fields a row has; the row follows as it stood in the file. Rows that were rejected
 * before carry the line and the reason of the last time.
 */
export function* writeRejects(header: readonly string[], dialect: Dialect, rejects: Iterable<RejectedRow>): Iterable<string> {
  const line = (fields: readonly string[]): string => fields.map((field) => writeField(field, dialect)).join(dialect.delimiter)
  const wereRejects = REJECT_COLUMNS.every((name, index) => header[index] === name)
  yield line(wereRejects ? header : [...REJECT_COLUMNS, ...header]) + dialect.newline
  for (const { line: number, reason, record } of rejects) {
    const text = wereRejects ? line(fieldsOf(record, dialect).slice(REJECT_COLUMNS.length)) : record
    yield line([String(number), reason]) + dialect.delimiter + text + dialect.newline
  }
}

function fieldsOf(record: string, dialect: Dialect): string[] {
  const reader = new RecordReader(dialect, Infinity)
  return [reader.push(record), ...reader.end()].flatMap(({ records }) => records)[0] ?? []
}
