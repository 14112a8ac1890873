import { Fault, quoted } from '../faults.ts'
import { MAX_COLUMNS, type ColumnChoice, type ColumnType, type Dialect, type RejectedRow } from '../protocol.ts'
import { columnNames, noticeOf } from './column-names.ts'
import type { RecordBatch } from './record-reader.ts'

/** Lines that a notice names one by one. */
const MAX_LINES_NAMED = 5

/** Share of the rows that a table without names is at least wide enough for. */
const WIDTH_SHARE = 0.95

/** How many rows, and which share of all, have to be wider than the header before it is the header that lacks names. */
const MIN_WIDER_ROWS = 3
const MIN_WIDER_SHARE = 0.75

/** A line without anything on it, or with the mark that ends files of old systems. */
const BLANK = /^[\s\x1a]+$/

/** Columns that a file of rejected rows has in front of the original's; they are no data. */
export const REJECT_COLUMNS = ['_line', '_reason'] as const

/** A column of the file on its way into a table. */
export interface FittedColumn {
  /** Place among the fields of a record, from 0. */
  index: number
  name: string
  /** Asked for by the person; absent: decided by the values. */
  type?: ColumnType
}

/** Rows that fit, and those that do not. */
export interface FittedRows {
  rows: string[][]
  rejects: RejectedRow[]
  /** Rows that had fewer fields than the header and got empty ones. */
  padded: number
}

/** What values of a type that was asked for look like, and its name for people. */
const FORCED: Partial<Record<ColumnType, { pattern: RegExp, isExact: (value: string) => boolean, noun: string }>> = {
  INTEGER: { pattern: /^[+-]?\d+$/, isExact: (value) => Number.isSafeInteger(Number(value)), noun: 'an integer' },
  REAL: { pattern: /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i, isExact: (value) => Number.isFinite(Number(value)), noun: 'a number' },
}

/** Makes every record of a file as wide as its header, or says why that cannot be done without losing something. */
export class RowFitter {
  readonly columns: readonly FittedColumn[]
  /** The file's own columns, those left out included, made unique where they were not. */
  readonly header: readonly string[]
  /** Fields a record should have. */
  readonly width: number
  readonly #notices: readonly string[]
  readonly #plainLines: number[] = []
  readonly #keepsAll: boolean
  readonly #forced: readonly { column: FittedColumn, place: number }[]

  /**
   * @param first the file's first records, the header included where the dialect has one
   * @param choices what the person decided, by the header's names
   * @throws Fault UNDECODABLE where the header was rejected, TOO_MANY_COLUMNS, BAD_OPTIONS where a choice names no column, COLUMN_MISMATCH where none is left
   */
  constructor(first: readonly string[][], dialect: Dialect, choices: Readonly<Record<string, ColumnChoice>> = {}) {
    if (dialect.header && first.length === 0) throw new Fault('UNDECODABLE', 'The row with the names of the columns cannot be read. Name the file\'s encoding in the options.')
    const rows = first.slice(dialect.header ? 1 : 0)
    const named = dialect.header ? headerWidth(first) : 0
    this.width = Math.max(named, namelessWidth(rows, named))
    if (this.width > MAX_COLUMNS) {
      throw new Fault('TOO_MANY_COLUMNS', `The file has ${this.width.toLocaleString('en')} columns. A table can have at most ${MAX_COLUMNS.toLocaleString('en')}.`)
    }
    const { names, notices } = dialect.header
      ? columnNames(Array.from({ length: this.width }, (_, index) => first[0]![index] ?? ''))
      : { names: Array.from({ length: this.width }, (_, index) => `column_${index + 1}`), notices: [] }
    this.header = names
    const ofFile = [
      ...(dialect.skipLines > 0 ? [`${dialect.skipLines === 1 ? 'The first line stands' : `The first ${dialect.skipLines} lines stand`} above the table and ${dialect.skipLines === 1 ? 'is' : 'are'} left out.`] : []),
      ...(dialect.header ? [] : ['The file has no line with names of its columns; they are numbered.']),
      ...(named > 0 && this.width > named ? ['Nearly all rows have more fields than the header has names; the names were given from the left.'] : []),
      ...notices,
    ]
    const unknown = Object.keys(choices).find((name) => !names.includes(name))
    if (unknown !== undefined) throw new Fault('BAD_OPTIONS', `The option "columns" names ${quoted(unknown)}, but the file has no such column.`)
    const isRejectsFile = REJECT_COLUMNS.every((name) => names.includes(name))
    const kept = names.map((name, index) => ({ name, index })).filter(({ name }) =>
      !choices[name]?.skip && !(isRejectsFile && (REJECT_COLUMNS as readonly string[]).includes(name)))
    if (kept.length === 0) throw new Fault('COLUMN_MISMATCH', 'No column of the file is left to import.')
    const wanted = kept.map(({ name }) => choices[name]?.rename?.trim() ?? name)
    const renamed = columnNames(wanted).names
    const ofRenaming = kept.flatMap(({ index }, place) => renamed[place] === wanted[place] ? [] : [noticeOf(index, wanted[place]!, renamed[place]!)])
    this.#notices = [...ofFile, ...ofRenaming]
    this.columns = kept.map(({ name, index }, place) => ({ index, name: renamed[place]!, ...(choices[name]?.type && { type: choices[name].type }) }))
    this.#keepsAll = kept.length === this.width
    this.#forced = this.columns.map((column, place) => ({ column, place })).filter(({ column }) => column.type !== undefined && column.type !== 'TEXT')
  }

  /** What a person should know of how the file was read so far. */
  get notices(): readonly string[] {
    const count = this.#plainLines.length
    if (count === 0) return this.#notices
    const lines = `${count === 1 ? 'line' : 'lines'} ${this.#plainLines.slice(0, MAX_LINES_NAMED).join(', ')}${count > MAX_LINES_NAMED ? ', …' : ''}`
    const what = count === 1 ? '1 row has a quote that never closes and was read as it stands' : `${count.toLocaleString('en')} rows have a quote that never closes and were read as they stand`
    return [...this.#notices, `${what} (${lines}).`]
  }

  /** @param from records before this one, the header, are no rows */
  fit(batch: RecordBatch, from: number): FittedRows {
    const { records } = batch
    const fitted: FittedRows = { rows: [], rejects: [], padded: 0 }
    for (const line of batch.plainLines) this.#plainLines.push(line)
    for (let index = from; index < records.length; index++) {
      const record = records[index]!
      if (this.width > 1 && record.length === 1 && BLANK.test(record[0]!)) continue
      const surplus = record.length > this.width && record.slice(this.width).some((field) => field !== '')
      const isShort = record.length < this.width
      while (record.length < this.width) record.push('')
      const row = this.#keepsAll ? record : this.columns.map((column) => record[column.index]!)
      const reason = surplus ? `it has ${record.length} fields, the header has ${this.width}` : this.#misfit(row)
      if (reason !== undefined) {
        fitted.rejects.push({ line: batch.lineOf(index), reason, record: batch.textOf(index) })
      } else {
        if (isShort) fitted.padded++
        fitted.rows.push(row)
      }
    }
    if (batch.rejects.length > 0) fitted.rejects = [...fitted.rejects, ...batch.rejects].sort((a, b) => a.line - b.line)
    return fitted
  }

  #misfit(row: readonly string[]): string | undefined {
    for (const { column, place } of this.#forced) {
      const reason = misfit(column, row[place]!)
      if (reason !== undefined) return reason
    }
    return undefined
  }
}

/** Why a value is not of the type that was asked for; undefined where it is, or where none was asked for. */
export function misfit({ name, type }: FittedColumn, value: string): string | undefined {
  const rule = type && FORCED[type]
  if (!rule || value === '' || (rule.pattern.test(value) && rule.isExact(value))) return undefined
  return `${name}: ${JSON.stringify(value.slice(0, 100))} is not ${rule.noun}`
}

/** Nameless cells at the end of a header are columns only where they hold something below. */
function headerWidth([header, ...rows]: readonly string[][]): number {
  let width = header!.length
  while (width > 1 && header![width - 1]!.trim() === '' && rows.every((row) => (row[width - 1] ?? '') === '')) width--
  return width
}

/**
 * How wide the rows are where no header says it.
 * @param named names that there are; 0 where there is no header
 * @returns 0 where the header says it
 */
function namelessWidth(rows: readonly string[][], named: number): number {
  const widths = rows.map(filledWidth)
  if (named > 0) {
    const wider = widths.filter((width) => width > named)
    if (wider.length < MIN_WIDER_ROWS || wider.length < rows.length * MIN_WIDER_SHARE) return 0
  }
  widths.sort((a, b) => a - b)
  return widths[Math.ceil(widths.length * WIDTH_SHARE) - 1] ?? 1
}

/** Fields up to the last one that is not empty. */
function filledWidth(row: readonly string[]): number {
  let width = row.length
  while (width > 1 && row[width - 1] === '') width--
  return width
}
