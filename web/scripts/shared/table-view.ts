/** Which part of a table is on show: read from the address, written to it, paged. Pure. */
import type { ColumnInfo } from '../../../server/protocol.ts'

export interface TableView {
  /** From 1. */
  page: number
  /** `column` or `-column`; empty for the order of the rows in the table. */
  sort: string
  q: string
}

const ROWS_PER_PAGE = 100
/** More cells than this make the browser stutter. */
const CELLS_PER_PAGE = 20_000
const FEWEST_ROWS = 10

export function readView(search: string): TableView {
  const params = new URLSearchParams(search)
  const page = Number(params.get('page') ?? '1')
  return { page: Number.isSafeInteger(page) && page > 0 ? page : 1, sort: params.get('sort') ?? '', q: params.get('q') ?? '' }
}

/** The query string of a view, without what is the default. */
export function writeView({ page, sort, q }: TableView): string {
  const params = new URLSearchParams()
  if (page > 1) params.set('page', String(page))
  if (sort) params.set('sort', sort)
  if (q) params.set('q', q)
  return params.size > 0 ? `?${params.toString()}` : ''
}

/** Fewer rows where there are very many columns. */
export const rowsPerPage = (columns: number): number =>
  Math.min(ROWS_PER_PAGE, Math.max(FEWEST_ROWS, Math.floor(CELLS_PER_PAGE / Math.max(1, columns))))

export const pageCount = (total: number, perPage: number): number => Math.max(1, Math.ceil(total / perPage))

export type Direction = 'ascending' | 'descending'

/** How the view sorts by that column, if it does. */
export function sortedBy({ sort }: TableView, column: string): Direction | undefined {
  if (sort === column) return 'ascending'
  return sort === `-${column}` ? 'descending' : undefined
}

/** Ascending, descending, then as the rows are in the table. */
export function nextSort(view: TableView, column: string): string {
  const now = sortedBy(view, column)
  return now === undefined ? column : now === 'ascending' ? `-${column}` : ''
}

/** A number as the file had it: with the column's digits after the point. */
export function cellText(value: string | number, column: ColumnInfo): string {
  return typeof value === 'number' && column.type === 'REAL' && column.scale !== undefined ? value.toFixed(column.scale) : String(value)
}
