import { columnNames } from '../csv/column-names.ts'
import { hasScale } from '../csv/write.ts'
import type { SqlQuery } from '../db/sql-query.ts'
import { toCell } from '../db/table-query.ts'
import { Fault } from '../faults.ts'
import type { CellValue, ColumnInfo, ColumnType, QueryResult } from '../protocol.ts'

/** Most text that one page of a result holds, in characters. */
const MAX_PAGE_LENGTH = 8 * 2 ** 20

/** The columns of a query's result, with names that are unique. */
export function namedColumns({ columns }: SqlQuery): ColumnInfo[] {
  const { names } = columnNames(columns.map(({ name }) => name))
  return columns.map((column, index) => ({ ...column, name: names[index]! }))
}

/** The first rows, as many as asked for and as fit. @throws Fault BAD_SQL; QUERY_TOO_LARGE where not even one fits */
export function queryPage(query: SqlQuery, limit: number): QueryResult {
  const startedAt = performance.now()
  const columns = namedColumns(query)
  const rows: CellValue[][] = []
  const types = columns.map(() => new ValueType())
  let cutBy: QueryResult['cutBy']
  let length = 0
  for (const row of query.rows()) {
    length += lengthOf(row)
    if (rows.length === limit) cutBy = 'rows'
    else if (length > MAX_PAGE_LENGTH) cutBy = 'size'
    if (cutBy) break
    row.forEach((value, index) => types[index]!.see(value))
    rows.push(row.map(toCell))
  }
  if (rows.length === 0 && cutBy) {
    throw new Fault('QUERY_TOO_LARGE', `The first row alone is larger than ${MAX_PAGE_LENGTH / 2 ** 20} MB. Select less of it, with substr() for instance.`)
  }
  const durationMs = Math.round(performance.now() - startedAt)
  const shownColumns = columns.map((column, index) => shown(column, types[index]!.type, rows.map((row) => row[index]!)))
  return { columns: shownColumns, rows, ...(cutBy && { cutBy }), durationMs }
}

/** Characters that a row takes when it is sent, about. */
const lengthOf = (row: readonly unknown[]): number => row.reduce<number>((sum, value) =>
  sum + (typeof value === 'string' ? value.length : value instanceof Uint8Array ? 2 * value.length : 8) + 4, 0)

/** A column as its values are. A UNION may bring numbers with more digits after the point than the column it is named after. */
function shown({ name, type, scale }: ColumnInfo, seen: ColumnType | undefined, values: readonly CellValue[]): ColumnInfo {
  const keepsScale = scale !== undefined && values.every((value) => typeof value !== 'number' || hasScale(value, scale))
  return { name, type: seen ?? type, ...(keepsScale && { scale }) }
}

/** The type that all values of a column have. */
class ValueType {
  readonly #seen = new Set<'INTEGER' | 'REAL' | 'TEXT'>()

  see(value: unknown): void {
    if (value !== null) this.#seen.add(typeof value === 'bigint' ? 'INTEGER' : typeof value === 'number' ? 'REAL' : 'TEXT')
  }

  /** Undefined where every value is NULL. */
  get type(): ColumnType | undefined {
    return (['TEXT', 'REAL', 'INTEGER'] as const).find((type) => this.#seen.has(type))
  }
}
