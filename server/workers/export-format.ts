import { cellText, csvLine } from '../csv/write.ts'
import type { CellValue, ColumnInfo } from '../protocol.ts'

/** `excel` is CSV that Excel reads as UTF-8. */
export const EXPORT_FORMATS = ['csv', 'excel', 'json', 'ndjson'] as const

export type ExportFormat = typeof EXPORT_FORMATS[number]

/** Without it Excel takes UTF-8 for the encoding of the computer's language. */
const BYTE_ORDER_MARK = '\ufeff'

/** How rows become text in a format: what comes first, each row, and what comes last. */
export interface RowWriter {
  head: string
  row: (cells: readonly CellValue[], index: number) => string
  tail: string
}

export function rowWriter(format: ExportFormat, columns: readonly ColumnInfo[]): RowWriter {
  if (format === 'csv' || format === 'excel') {
    return {
      head: (format === 'excel' ? BYTE_ORDER_MARK : '') + csvLine(columns.map(({ name }) => name)),
      row: (cells) => csvLine(cells.map((cell, index) => cellText(cell, columns[index]!))),
      tail: '',
    }
  }
  const keys = columns.map(({ name }) => JSON.stringify(name))
  const object = (cells: readonly CellValue[]): string => `{${cells.map((cell, index) => `${keys[index]!}:${JSON.stringify(cell)}`).join(',')}}`
  return format === 'ndjson'
    ? { head: '', row: (cells) => `${object(cells)}\n`, tail: '' }
    : { head: '[', row: (cells, index) => `${index === 0 ? '' : ','}\n${object(cells)}`, tail: '\n]\n' }
}
