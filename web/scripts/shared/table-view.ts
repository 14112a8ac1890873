/** Which part of a table is on show: read from the address, written to it, paged. Pure. */
import { FILTER_OPERATORS, readSort, type CellValue, type ColumnInfo, type Filter, type FilterOperator, type Order } from '../../../server/protocol.ts'

export interface TableView {
  /** From 1. */
  page: number
  perPage: number
  /** `column` or `-column`, as `readSort` reads it; empty for the order of the rows in the table. */
  sort: string
  q: string
  filters: Filter[]
  /** Columns that are left out, or those alone that are shown, whichever are fewer. */
  columns: { are: 'hidden' | 'shown', names: string[] }
  /** The row that is open, counted from 1 over all pages; 0 is none. */
  row: number
}

export const PAGE_SIZES = [100, 250, 500] as const

export function readView(search: string): TableView {
  const params = new URLSearchParams(search)
  const perPage = PAGE_SIZES.find((size) => String(size) === params.get('size')) ?? PAGE_SIZES[0]
  const shown = params.getAll('show')
  const row = positive(params.get('row'))
  return {
    page: positive(params.get('page')) || 1,
    perPage, row,
    sort: params.get('sort') ?? '',
    q: params.get('q') ?? '',
    filters: [...params].flatMap(([key, text]) => readFilter(key, text)),
    columns: shown.length > 0 ? { are: 'shown', names: shown } : { are: 'hidden', names: params.getAll('hide') },
  }
}

function positive(text: string | null): number {
  const value = Number(text ?? '')
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}

function readFilter(key: string, text: string): Filter[] {
  const column = /^filter\[(.*)\]$/s.exec(key)?.[1]
  const [, name, value = ''] = /^([a-z]+)(?::(.*))?$/s.exec(text) ?? []
  const operator = FILTER_OPERATORS.find((one) => one === name)
  return column === undefined || operator === undefined ? [] : [{ column, operator, value }]
}

/** The query string of a view, without what is the default. */
export function writeView(view: TableView): string {
  const params = new URLSearchParams()
  if (view.page > 1) params.set('page', String(view.page))
  if (view.perPage !== PAGE_SIZES[0]) params.set('size', String(view.perPage))
  writeSelection(params, view)
  for (const name of view.columns.names) params.append(view.columns.are === 'shown' ? 'show' : 'hide', name)
  if (view.row > 0) params.set('row', String(view.row))
  return params.size > 0 ? `?${params.toString()}` : ''
}

/** Puts what decides which rows, and in what order, into the parameters that the address and the API share. */
export function writeSelection(params: URLSearchParams, { sort, q, filters }: Partial<Pick<TableView, 'sort' | 'q' | 'filters'>>): void {
  if (sort) params.set('sort', sort)
  if (q) params.set('q', q)
  for (const { column, operator, value } of filters ?? []) params.append(`filter[${column}]`, isUnary(operator) ? operator : `${operator}:${value}`)
}

/** More cells than this, all made at once, make the browser stutter. */
const CELLS_PER_PAGE = 20_000
const FEWEST_ROWS = 10

/** Fewer rows where there are very many columns, all of them in the document. */
export const rowsPerPage = (columns: number): number =>
  Math.min(PAGE_SIZES[0], Math.max(FEWEST_ROWS, Math.floor(CELLS_PER_PAGE / Math.max(1, columns))))

export const pageCount = (total: number, perPage: number): number => Math.max(1, Math.ceil(total / perPage))

/** The columns on show, in the order of the table; the first is always, since it names the rows. */
export function shownColumns<Column extends ColumnInfo>({ columns: { are, names } }: TableView, columns: readonly Column[]): Column[] {
  const named = new Set(names)
  const shown = columns.filter(({ name }) => named.has(name) === (are === 'shown'))
  return shown.length > 0 ? shown : columns.slice(0, 1)
}

/** How the view names the columns that are to be on show. */
export function chooseColumns(all: readonly ColumnInfo[], shown: ReadonlySet<string>): TableView['columns'] {
  const hidden = all.filter(({ name }) => !shown.has(name)).map(({ name }) => name)
  return hidden.length <= shown.size ? { are: 'hidden', names: hidden } : { are: 'shown', names: all.filter(({ name }) => shown.has(name)).map(({ name }) => name) }
}

export type Direction = 'ascending' | 'descending'

/** By which of the columns the view sorts, if it does. */
export const orderOf = ({ sort }: Pick<TableView, 'sort'>, columns: readonly ColumnInfo[]): Order | undefined => sort === '' ? undefined : readSort(sort, columns)

/** How an order sorts by that column, if it does. */
export function sortedBy(order: Order | undefined, column: string): Direction | undefined {
  if (order?.column !== column) return undefined
  return order.descending ? 'descending' : 'ascending'
}

const isUnary = (operator: FilterOperator): boolean => operator === 'empty' || operator === 'notempty'

/** Whether a condition is complete by itself. */
export const needsValue = (operator: FilterOperator): boolean => !isUnary(operator)

const WORDS: Record<FilterOperator, { number: string, text: string }> = {
  eq: { number: 'is', text: 'is' },
  ne: { number: 'is not', text: 'is not' },
  contains: { number: 'contains', text: 'contains' },
  lt: { number: 'is less than', text: 'is before' },
  lte: { number: 'is at most', text: 'is up to' },
  gt: { number: 'is more than', text: 'is after' },
  gte: { number: 'is at least', text: 'is from' },
  in: { number: 'is any of', text: 'is any of' },
  empty: { number: 'is empty', text: 'is empty' },
  notempty: { number: 'is not empty', text: 'is not empty' },
}

/** A condition in words that fit what the column holds. */
export const operatorWords = (operator: FilterOperator, column: ColumnInfo | undefined): string => WORDS[operator][column === undefined || column.type === 'TEXT' ? 'text' : 'number']

/** The value of a filter as people read it. */
export function filterValue({ operator, value }: Filter): string {
  if (isUnary(operator)) return ''
  if (operator !== 'in') return value
  try {
    return (JSON.parse(value) as (string | null)[]).map((one) => one ?? 'null').join(', ')
  } catch {
    return value
  }
}

/** A filter for any of several values. */
export const anyOf = (column: string, values: readonly (string | null)[]): Filter => {
  const [only] = values
  return values.length === 1 && typeof only === 'string' ? { column, operator: 'eq', value: only } : { column, operator: 'in', value: JSON.stringify(values) }
}

/** A number as the file had it: with the column's digits after the point. */
export function cellText(value: string | number, column: ColumnInfo): string {
  return typeof value === 'number' && column.type === 'REAL' && column.scale !== undefined ? value.toFixed(column.scale) : String(value)
}

/** An address that a cell is, if it is nothing else and leads to the web. */
export function linkOf(value: CellValue): string | undefined {
  if (typeof value !== 'string' || !/^https?:\/\/\S+$/i.test(value)) return undefined
  return URL.canParse(value) ? value : undefined
}

/** Where a search is found in a text, as the server compares: ASCII letters without case. */
export function matchesIn(text: string, q: string): { from: number, to: number }[] {
  const fold = (string: string) => string.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  const [where, what] = [fold(text), fold(q)]
  const found: { from: number, to: number }[] = []
  if (what === '') return found
  for (let from = where.indexOf(what); from >= 0; from = where.indexOf(what, from + what.length)) found.push({ from, to: from + what.length })
  return found
}

/** Rows as CSV (RFC 4180), as the export writes them. */
export function asCsv(columns: readonly ColumnInfo[], rows: readonly (readonly CellValue[])[]): string {
  const field = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  const cells = (row: readonly CellValue[]) => row.map((value, index) => value === null ? '' : field(cellText(value, columns[index]!)))
  return [columns.map(({ name }) => field(name)), ...rows.map(cells)].map((fields) => `${fields.join(',')}\r\n`).join('')
}

/** One row as a JSON object. */
export const asJson = (columns: readonly ColumnInfo[], row: readonly CellValue[]): string =>
  `{${columns.map(({ name }, index) => `\n  ${JSON.stringify(name)}: ${JSON.stringify(row[index] ?? null)}`).join(',')}\n}`

/** Places on the screen that a text takes in a font whose characters are all as wide; those of East Asia and emoji take two. */
export function textWidth(text: string): number {
  let width = 0
  for (const char of text) width += (char.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1
  return width
}
