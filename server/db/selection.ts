import { Fault, quoted } from '../faults.ts'
import { readSort, type ColumnInfo, type Filter, type FilterOperator } from '../protocol.ts'
import { foldName } from '../unique-name.ts'
import { anyOf } from './any-of.ts'
import { columnIndexes, hasRowid, isImported, tableColumns } from './catalogue.ts'
import { quoteIdentifier } from './identifiers.ts'
import { WHILE_WANTED } from './interrupt.ts'
import type { Db } from './open.ts'
import { sortKey } from './sort-key.ts'

/** Which rows of a table, in what order. */
export interface RowSelection {
  /** `column` or `-column`, as `readSort` reads it. */
  sort?: string
  /** Text that some column contains, ASCII letters compared without case. */
  search?: string
  filters: Filter[]
}

/** What SQLite gives and takes. Integers come as bigint, so that none loses a digit. */
export type SqlValue = bigint | number | string | Uint8Array | null

/** A piece of SQL with the values for its question marks. */
export interface Fragment {
  sql: string
  values: SqlValue[]
}

/** An index serves a filter only where it leaves at most this many rows: each of them is then looked up on its own. */
const FEW_ROWS = 20_000

const MAX_VALUES = 1000

/** All that the text of a number is made of. */
const NUMBER_CHARACTERS = /^[\d.eE+-]*$/

/** A part of a number that is written without an exponent. */
const DECIMAL = /^-?(?<whole>\d*)(?:(?<point>\.)(?<fraction>\d*))?$/

/** All that the text of a date is made of, with its time. */
const DATE_CHARACTERS = /^[\d./:,TZ -]*$/i

const COMPARISONS: Partial<Record<FilterOperator, string>> = { eq: 'IS', ne: 'IS NOT', lt: '<', lte: '<=', gt: '>', gte: '>=' }

/** A column's value as people see it. */
function asText({ name, type, scale }: ColumnInfo): string {
  const operand = quoteIdentifier(name)
  if (type === 'TEXT') return operand
  // To printf, NULL is a zero.
  return scale === undefined ? `CAST(${operand} AS TEXT)` : `iif(${operand} IS NULL, NULL, printf('%.${scale}f', ${operand}))`
}

/** True of rows in whose column people see a text, ASCII letters compared without case. */
function containsSql(column: ColumnInfo, text: string): Fragment {
  // To LIKE, which is quicker, a NUL is the end, and a BLOB contains nothing.
  if (text.includes('\0')) return { sql: `typeof(${asText(column)}) = 'text' AND instr(lower(${asText(column)}), lower(?)) > 0`, values: [text] }
  const escaped = text.replaceAll(/[\\%_]/g, '\\$&')
  // ESCAPE costs time in every row.
  return { sql: `${asText(column)} LIKE ?${escaped === text ? '' : ` ESCAPE '\\'`}`, values: [`%${escaped}%`] }
}

/** All of the conditions. */
export const allOf = (conditions: readonly Fragment[]): Fragment => conditions.length === 0
  ? { sql: '1', values: [] }
  : { sql: conditions.map(({ sql }) => `(${sql})`).join(' AND '), values: conditions.flatMap(({ values }) => values) }

/** A selection turned into SQL, every value bound. */
export class SelectionSql {
  readonly columns: ColumnInfo[]
  /** By column name. */
  readonly indexes: ReadonlyMap<string, string>
  readonly hasRowid: boolean
  /** `"table"`. */
  readonly table: string
  /** `"column"`, or what its values are ordered by; absent where the rows are wanted in the order of the table. */
  readonly sortColumn: string | undefined
  readonly isDescending: boolean
  readonly sortIndex: string | undefined
  /** True of the rows that are wanted. */
  readonly condition: Fragment
  /** Whether all rows are wanted. */
  readonly isWhole: boolean
  readonly #db: Db
  readonly #filters: { column: ColumnInfo, condition: Fragment, isIndexable: boolean }[]
  readonly #search: Fragment | undefined
  #hint: string | undefined

  /** @throws Fault BAD_QUERY where a column is not in the table, or a filter's value cannot be read */
  constructor(db: Db, table: string, { sort, search, filters }: RowSelection) {
    this.#db = db
    this.columns = tableColumns(db, table)
    this.indexes = columnIndexes(db, table)
    this.hasRowid = hasRowid(db, table)
    this.table = quoteIdentifier(table)
    const byName = new Map(this.columns.map((column) => [foldName(column.name), column]))
    const columnOf = (name: string): ColumnInfo => {
      const found = byName.get(foldName(name))
      if (!found) throw new Fault('BAD_QUERY', `The table "${table}" has no column called ${quoted(name)}.`)
      return found
    }
    const isOurs = isImported(db, table)
    this.#filters = filters.map((filter) => {
      const column = columnOf(filter.column)
      return { column, condition: filterSql(column, filter, isOurs), isIndexable: isIndexable(column, filter) }
    })
    this.#search = search === undefined ? undefined : searchSql(this.columns, search, isOurs)
    const order = sort === undefined ? undefined : readSort(sort, this.columns)
    const sorted = order && columnOf(order.column)
    this.sortColumn = sorted && sortKey(sorted)
    this.sortIndex = sorted && this.indexes.get(sorted.name)
    this.isDescending = order?.descending ?? false
    this.isWhole = this.#filters.length === 0 && !this.#search
    this.condition = allOf([
      ...this.hasRowid ? [{ sql: WHILE_WANTED, values: [] }] : [],
      ...this.#filters.map(({ condition }) => condition),
      ...this.#search ? [this.#search] : [],
    ])
  }

  /** Whether nothing but the column that the rows are sorted by decides which rows are wanted. */
  get isBySortColumnOnly(): boolean {
    return !this.#search && this.#filters.every((filter) => filter.isIndexable && sortKey(filter.column) === this.sortColumn)
  }

  /**
   * `INDEXED BY` the index of a filter that leaves few rows, and no index where none does: without statistics SQLite takes
   * any, and looking up millions of rows one by one is slower than reading all of them in a row.
   */
  get hint(): string {
    return this.#hint ??= this.#findHint()
  }

  #findHint(): string {
    for (const { column, condition, isIndexable } of this.#filters) {
      const index = isIndexable ? this.indexes.get(column.name) : undefined
      if (index === undefined) continue
      const hint = ` INDEXED BY ${quoteIdentifier(index)}`
      const { n } = this.#db.prepare<SqlValue[], { n: number }>(
        `SELECT count(*) AS n FROM (SELECT 1 FROM ${this.table}${hint} WHERE ${condition.sql} LIMIT ${FEW_ROWS + 1})`,
      ).get(...condition.values)!
      if (n <= FEW_ROWS) return hint
    }
    return ' NOT INDEXED'
  }

  /** How many rows are wanted, by reading them. */
  count(): number {
    // One filter alone is counted in its index, which holds all that has to be known.
    const [only, ...others] = this.#filters
    const isInIndex = only?.isIndexable && others.length === 0 && !this.#search && this.indexes.has(only.column.name)
    return this.#db.prepare<SqlValue[], { n: number }>(
      `SELECT count(*) AS n FROM ${this.table}${isInIndex ? ` INDEXED BY ${quoteIdentifier(this.indexes.get(only.column.name)!)}` : this.hint} WHERE ${this.condition.sql}`,
    ).get(...this.condition.values)!.n
  }
}

/** @param isOurs whether columns of texts are known to hold nothing else */
function filterSql(column: ColumnInfo, { operator, value }: Filter, isOurs: boolean): Fragment {
  const name = quoteIdentifier(column.name)
  switch (operator) {
    case 'empty': return { sql: `${name} IS NULL OR ${name} = ''`, values: [] }
    case 'notempty': return { sql: `${name} IS NOT NULL AND ${name} <> ''`, values: [] }
    case 'contains': return containsSql(column, value)
    case 'in': {
      const wanted = readValues(column, value)
      const values = wanted.filter((one) => one !== null).flatMap((text) => equals(column, text, isOurs))
      return {
        sql: [...values.length > 0 ? [`${name} IN (${values.map(() => '?').join(', ')})`] : [], ...wanted.includes(null) ? [`${name} IS NULL`] : []].join(' OR ') || '0',
        values,
      }
    }
    case 'eq': case 'ne': {
      const [first, ...others] = equals(column, value, isOurs)
      if (others.length === 0) return { sql: `${name} ${COMPARISONS[operator]!} ?`, values: [first!] }
      return { sql: operator === 'eq' ? `${name} IN (?, ?)` : `${name} IS NOT ? AND ${name} IS NOT ?`, values: [first!, ...others] }
    }
    case 'lt': case 'lte': case 'gt': case 'gte': {
      const key = sortKey(column)
      if (key === name) break
      return { sql: `${name} <> '' AND ${key} ${COMPARISONS[operator]!} (SELECT ${sortKey(column, 'value')} FROM (SELECT ? AS value))`, values: [value] }
    }
  }
  return { sql: `${name} ${COMPARISONS[operator]!} ?`, values: [equals(column, value, isOurs).at(-1)!] }
}

/** Whether an index over the column's order leads to the rows that a filter wants. */
function isIndexable(column: ColumnInfo, { operator }: Filter): boolean {
  return ['lt', 'lte', 'gt', 'gte'].includes(operator) || (operator === 'eq' && sortKey(column) === quoteIdentifier(column.name))
}

/** @throws Fault BAD_QUERY */
function readValues({ name }: ColumnInfo, json: string): (string | null)[] {
  let values: unknown
  try {
    values = JSON.parse(json)
  } catch {
    values = undefined
  }
  if (!Array.isArray(values) || values.length > MAX_VALUES || !values.every((one) => one === null || typeof one === 'string')) {
    throw new Fault('BAD_QUERY', `The filter "in" on ${quoted(name)} takes a JSON array of at most ${MAX_VALUES} texts, or null for none.`)
  }
  return values as (string | null)[]
}

/**
 * The values that people see as a text. In a column of numbers it is a number, if it is one. A column of another program that
 * passes for one of texts may have no type, and then hold a number as well as a text; to one of texts, a number that is written
 * as SQLite writes it is that text (https://sqlite.org/datatype3.html#type_conversions_prior_to_comparison).
 * @returns one, or a text and the number that it stands for
 */
function equals({ type }: ColumnInfo, text: string, isOurs: boolean): SqlValue[] {
  if (type !== 'TEXT') return [numberOf(text) ?? text]
  const number = isOurs ? undefined : numberOf(text)
  return number !== undefined && isWrittenSo(number, text) ? [text, number] : [text]
}

/** Whether SQLite writes a number as that text: with 15 digits at the most, and no exponent. */
const isWrittenSo = (number: bigint | number, text: string): boolean =>
  String(number) === text && (typeof number === 'bigint' || (/^-?(?=.{3,16}$)\d+\.\d+$/.test(text) && Math.abs(number) >= 1e-4))

/** The number that a text stands for, exactly: beyond JavaScript's integers too. */
function numberOf(text: string): bigint | number | undefined {
  if (/^\s*[+-]?\d+\s*$/.test(text)) {
    const integer = BigInt(text.trim().replace(/^\+/, ''))
    if (BigInt.asIntN(64, integer) === integer) return integer
  }
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : undefined
}

/** @param isOurs whether columns are known to hold nothing but numbers, or dates, which need not be searched for words */
function searchSql(columns: readonly ColumnInfo[], search: string, isOurs: boolean): Fragment {
  const searched = columns.map((column) => isOurs ? searchColumnSql(column, search) : containsSql(column, search)).filter((one) => one !== undefined)
  if (searched.length === 0) return { sql: '0', values: [] }
  return { sql: anyOf(searched.map(({ sql }) => sql)), values: searched.flatMap(({ values }) => values) }
}

/** @returns undefined where no value of such a column contains the text */
function searchColumnSql(column: ColumnInfo, search: string): Fragment | undefined {
  const { type, content, scale } = column
  const contains = containsSql(column, search)
  if (type === 'TEXT') return content?.startsWith('date') !== true || DATE_CHARACTERS.test(search) ? contains : undefined
  if (type === 'REAL' && scale === undefined) return NUMBER_CHARACTERS.test(search) ? contains : undefined
  const { whole, point, fraction } = DECIMAL.exec(search)?.groups ?? {}
  if (whole === undefined || (point !== undefined && (scale === undefined || fraction!.length > scale))) return undefined
  const isBeforePoint = point !== undefined || whole.length > (scale ?? 0)
  if (!isBeforePoint || whole.length < 2) return contains
  // To compare numbers is quicker than to write and read them. Less than a power of ten, since they may be rounded up as they are written.
  const least = 0.9 * 10 ** (whole.length - 1)
  return { sql: `(${quoteIdentifier(column.name)} NOT BETWEEN ? AND ? AND ${contains.sql})`, values: [-least, least, ...contains.values] }
}
