import type { CellValue, ColumnInfo } from '../protocol.ts'

const NEEDS_QUOTES = /[",\r\n]/

/** Whether a number is written whole with that many digits after the point. */
export const hasScale = (value: number, scale: number): boolean => Number(value.toFixed(scale)) === value

/** A cell as the text it had in the file. A number that came into the column since, with more digits, keeps them. */
export function cellText(value: CellValue, { scale }: ColumnInfo): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  return scale === undefined || !hasScale(value, scale) ? String(value) : value.toFixed(scale)
}

/**
 * One line of CSV with its line end (RFC 4180). A line of one empty field is quoted, since a blank line is no row.
 */
export function csvLine(fields: readonly string[]): string {
  if (fields.length === 1 && fields[0] === '') return '""\r\n'
  return `${fields.map((field) => NEEDS_QUOTES.test(field) ? `"${field.replaceAll('"', '""')}"` : field).join(',')}\r\n`
}
