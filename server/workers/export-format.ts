import { withoutFormula } from '../csv/formulas.ts'
import { cellText, csvLine } from '../csv/write.ts'
import type { CellValue, ColumnInfo } from '../protocol.ts'

/** `excel` is CSV that Excel reads as UTF-8. */
export const EXPORT_FORMATS = ['csv', 'excel', 'json', 'ndjson'] as const

export type ExportFormat = typeof EXPORT_FORMATS[number]

/** What spreadsheets open: there a text may be run as a formula. */
export const isCsv = (format: ExportFormat): boolean => format === 'csv' || format === 'excel'

/** How rows are written. */
export interface ExportStyle {
  format: ExportFormat
  /** CSV only: texts that a spreadsheet would run are changed so that it shows them (`withoutFormula`). */
  formulasAsText: boolean
}

/** Without it Excel takes UTF-8 for the encoding of the computer's language. */
const BYTE_ORDER_MARK = '\ufeff'

/** How rows become text in a format: what comes first, each row, and what comes last. */
export interface RowWriter {
  head: string
  row: (cells: readonly CellValue[], index: number) => string
  tail: string
}

export function rowWriter({ format, formulasAsText }: ExportStyle, columns: readonly ColumnInfo[]): RowWriter {
  if (isCsv(format)) {
    const line = formulasAsText ? (fields: readonly string[]) => csvLine(fields.map(withoutFormula)) : csvLine
    return {
      head: (format === 'excel' ? BYTE_ORDER_MARK : '') + line(columns.map(({ name }) => name)),
      row: (cells) => line(cells.map((cell, index) => cellText(cell, columns[index]!))),
      tail: '',
    }
  }
  const keys = columns.map(({ name }) => JSON.stringify(name))
  const object = (cells: readonly CellValue[]): string => `{${cells.map((cell, index) => `${keys[index]!}:${JSON.stringify(cell)}`).join(',')}}`
  return format === 'ndjson'
    ? { head: '', row: (cells) => `${object(cells)}\n`, tail: '' }
    : { head: '[', row: (cells, index) => `${index === 0 ? '' : ','}\n${object(cells)}`, tail: '\n]\n' }
}
