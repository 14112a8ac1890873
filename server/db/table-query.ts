import { Fault } from '../faults.ts'
import type { CellValue, ColumnInfo, RowsPage } from '../protocol.ts'
import { describeTable, resolveTable, tableColumns } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import type { Db } from './open.ts'

export const FILTER_OPERATORS = ['eq', 'ne', 'lt', 'lte', 'gt', 'gte', 'contains', 'empty', 'notempty'] as const

export type FilterOperator = typeof FILTER_OPERATORS[number]

/** Which rows of a table, in what order. */
export interface RowSelection {
  sort?: { column: string, descending: boolean }
  /** Text that some column contains, ASCII letters compared without case. */
  search?: string
  filters: { column: string, operator: FilterOperator, value: string }[]
}

/** A function takes at most 1,000 arguments here (SQLITE_MAX_FUNCTION_ARG), and a term for each column would nest too deep. */
const COLUMNS_PER_SEARCH = 500

type Parameter = string | number

const COMPARISONS: Partial<Record<FilterOperator, string>> = { eq: 'IS', ne: 'IS NOT', lt: '<', lte: '<=', gt: '>', gte: '>=' }

/** A column's value as people see it. */
const asText = ({ name, type, scale }: ColumnInfo): string =>
  type === 'TEXT' ? quoteIdentifier(name) : scale === undefined ? `CAST(${quoteIdentifier(name)} AS TEXT)` : `printf('%.${scale}f', ${quoteIdentifier(name)})`

const likePattern = (text: string): string => `%${text.replaceAll(/[\\%_]/g, '\\$&')}%`

/** A selection turned into SQL, every value bound. */
class SelectionSql {
  readonly columns: ColumnInfo[]
  readonly from: string
  readonly where: string
  readonly orderBy: string
  readonly parameters: Parameter[] = []

  /** @throws Fault BAD_QUERY where a column is not in the table */
  constructor(db: Db, table: string, { sort, search, filters }: RowSelection) {
    this.columns = tableColumns(db, table)
    const byName = new Map(this.columns.map((column) => [column.name.toLowerCase(), column]))
    const column = (name: string): ColumnInfo => {
      const found = byName.get(name.toLowerCase())
      if (!found) throw new Fault('BAD_QUERY', `The table "${table}" has no column called ${JSON.stringify(name)}.`)
      return found
    }
    const conditions = filters.map(({ column: name, operator, value }) => this.#condition(column(name), operator, value))
    if (search) {
      const groups = Array.from({ length: Math.ceil(this.columns.length / COLUMNS_PER_SEARCH) }, (_, index) =>
        this.columns.slice(index * COLUMNS_PER_SEARCH, (index + 1) * COLUMNS_PER_SEARCH))
      conditions.push(`(${groups.map((group) => `concat_ws(char(31), ${group.map(asText).join(', ')}) LIKE ? ESCAPE '\\'`).join(' OR ')})`)
      this.parameters.push(...groups.map(() => likePattern(search)))
    }
    this.from = ` FROM ${quoteIdentifier(table)}`
    this.where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''
    const key = isWithoutRowid(db, table) ? '' : '_rowid_'
    this.orderBy = sort
      ? ` ORDER BY ${quoteIdentifier(column(sort.column).name)}${sort.descending ? ' DESC' : ''}${key && `, ${key}`}`
      : key && ` ORDER BY ${key}`
  }

  get select(): string {
    return `SELECT ${this.columns.map(({ name }) => quoteIdentifier(name)).join(', ')}${this.from}${this.where}${this.orderBy}`
  }

  #condition(column: ColumnInfo, operator: FilterOperator, value: string): string {
    const name = quoteIdentifier(column.name)
    if (operator === 'empty') return `(${name} IS NULL OR ${name} = '')`
    if (operator === 'notempty') return `(${name} IS NOT NULL AND ${name} <> '')`
    if (operator === 'contains') {
      this.parameters.push(likePattern(value))
      return `${asText(column)} LIKE ? ESCAPE '\\'`
    }
    const isNumber = column.type !== 'TEXT' && value.trim() !== '' && Number.isFinite(Number(value))
    this.parameters.push(isNumber ? Number(value) : value)
    return `${name} ${COMPARISONS[operator]!} ?`
  }
}

function isWithoutRowid(db: Db, table: string): boolean {
  return db.prepare<[string], { wr: number }>('SELECT wr FROM pragma_table_list WHERE schema = \'main\' AND name = ?').get(table)?.wr === 1
}

/** Integers beyond JavaScript's, BLOBs and the infinities are given as text, exactly: JSON has none of them. */
export function toCell(value: unknown): CellValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (value === Infinity) return 'Inf'
  if (value === -Infinity) return '-Inf'
  return value as CellValue
}

/** One page of a table's rows. @throws Fault TABLE_NOT_FOUND, BAD_QUERY */
export function selectRows(db: Db, name: string, selection: RowSelection, limit: number, offset: number): RowsPage {
  const table = resolveTable(db, name)
  return db.transaction(() => {
    const sql = new SelectionSql(db, table, selection)
    const rows = db.prepare(`${sql.select} LIMIT ? OFFSET ?`).raw(true).safeIntegers(true).all(...sql.parameters, limit, offset) as unknown[][]
    const total = sql.where === ''
      ? describeTable(db, table).rows
      : db.prepare<Parameter[], { n: number }>(`SELECT count(*) AS n${sql.from}${sql.where}`).get(...sql.parameters)!.n
    return { columns: sql.columns, rows: rows.map((row) => row.map(toCell)), total }
  })()
}

/** All rows of a selection, one by one. The connection can do nothing else until the iteration ends. */
export function iterateRows(db: Db, name: string, selection: RowSelection): { columns: ColumnInfo[], rows: Iterable<CellValue[]> } {
  const sql = new SelectionSql(db, resolveTable(db, name), selection)
  return { columns: sql.columns, rows: cellsOf(db.prepare(sql.select).raw(true).safeIntegers(true).iterate(...sql.parameters) as Iterable<unknown[]>) }
}

function* cellsOf(rows: Iterable<unknown[]>): Iterable<CellValue[]> {
  for (const row of rows) yield row.map(toCell)
}
