import { Fault, quoted } from '../faults.ts'
import type { CellValue, ColumnInfo, RowsPageSoFar } from '../protocol.ts'
import { describeTable, resolveTable } from './catalogue.ts'
import { quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { allOf, SelectionSql, type Fragment, type RowSelection, type SqlValue } from './selection.ts'

export type { RowSelection } from './selection.ts'

/** Where a page begins: so many rows in, or next to the first or the last row of another page. */
export type PagePosition = { offset: number } | { after: string } | { before: string }

export interface PageRequest {
  selection: RowSelection
  limit: number
  position: PagePosition
  /** Whether the rows that match are counted; if not, `total` is null where it does not turn out by the way. */
  isCounted: boolean
}

/** A page, and which state of the table it shows; null where that cannot be told. */
export interface VersionedPage {
  page: RowsPageSoFar
  version: string | null
}

/** How many rows match, and in which state of the table. */
export interface VersionedCount {
  total: number
  version: string | null
}

/** From how many rows on a page is looked for in another way. Tests set them low. */
export interface PageLimits {
  /** Rows in the order of an index that are tried for a filter before all rows are read instead. */
  triedRows: number
  /** SQLite keeps that many rows in order while it looks for a page; beyond, a place nearer by is found first. */
  mostRowsToSkip: number
  /** Rows of a sample by which the value at a place in the order is estimated. */
  sampledRows: number
  /** Rows around a place in the order whose keys are noted while all rows are read. */
  notedRows: number
  /** By how many standard deviations the estimate may be off before another pass is needed. */
  toleratedDeviations: number
}

const LIMITS: PageLimits = { triedRows: 20_000, mostRowsToSkip: 10_000, sampledRows: 50_000, notedRows: 200_000, toleratedDeviations: 4 }

/**
 * What the content of a table depends on, as long as only the app writes to it: the import that it is of. Tables of other
 * programs have none.
 */
export function tableVersion(db: Db, table: string): string | null {
  return db.prepare<[string], { version: string }>(`
    SELECT concat_ws(' ', t.row_count, t.import_number, i.finished_at, t.columns) AS version
    FROM _hextrackr_tables t JOIN _hextrackr_imports i ON i.number = t.import_number WHERE t.name = ?`).get(table)?.version ?? null
}

/** One page of a table's rows. @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED */
export function selectRows(db: Db, name: string, { selection, limit, position, isCounted }: PageRequest, limits = LIMITS): VersionedPage {
  return db.transaction(() => {
    const table = resolveTable(db, name)
    const sql = new SelectionSql(db, table, selection)
    const pages = new Pages(db, sql, limits, () => describeTable(db, table).rows)
    const rows = limit === 0 ? [] : pages.rows(position, limit)
    const cursors = sql.hasRowid && rows.length > 0 ? { first: writeCursor(rows[0]!), last: writeCursor(rows.at(-1)!) } : undefined
    return {
      version: tableVersion(db, table),
      page: {
        columns: sql.columns,
        rows: rows.map((row) => row.slice(sql.hasRowid ? 2 : 0).map(toCell)),
        total: (isCounted || sql.isWhole ? pages.total : pages.knownTotal) ?? null,
        ...(cursors && { cursors }),
      },
    }
  })()
}

/** How many rows match. @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED */
export function countRows(db: Db, name: string, selection: RowSelection): VersionedCount {
  return db.transaction(() => {
    const table = resolveTable(db, name)
    const sql = new SelectionSql(db, table, selection)
    return { total: sql.isWhole ? describeTable(db, table).rows : sql.count(), version: tableVersion(db, table) }
  })()
}

/** Most columns that a statement can give (SQLITE_MAX_COLUMN, https://sqlite.org/limits.html). */
const MAX_RESULT_COLUMNS = 2000

/** The row's key, the value it is sorted by, and then its cells. */
type KeyedRow = SqlValue[]

/** The value and the row key that stand for a row's place in the order. */
interface Place {
  value: SqlValue
  rowid: bigint
}

/**
 * Finds pages. Rows are ordered by a column and then by their keys, or by their keys alone; descending is exactly the
 * other way round, so that the end is as near as the beginning.
 */
class Pages {
  readonly #db: Db
  readonly #sql: SelectionSql
  readonly #limits: PageLimits
  readonly #tableRows: () => number
  #total: number | undefined
  /** Of rows spread over all that are wanted, as JSON. */
  #sampledKeys: string | undefined

  /** @param tableRows how many rows the table has, wanted or not */
  constructor(db: Db, sql: SelectionSql, limits: PageLimits, tableRows: () => number) {
    this.#db = db
    this.#sql = sql
    this.#limits = limits
    this.#tableRows = tableRows
  }

  get total(): number {
    return this.#total ??= this.#sql.isWhole ? this.#tableRows() : this.#sql.count()
  }

  /** How many rows are wanted, where that has turned out by the way. */
  get knownTotal(): number | undefined {
    return this.#total
  }

  rows(position: PagePosition, limit: number): KeyedRow[] {
    const rows = this.#find(position, limit)
    // A page that is not full is the last one.
    if ('offset' in position && rows.length < limit && (rows.length > 0 || position.offset === 0)) this.#total ??= position.offset + rows.length
    if (!this.#isTooWide || !this.#sql.hasRowid) return rows
    const cells = this.#db.prepare<SqlValue[], SqlValue[]>(`SELECT ${listOf(this.#sql.columns)} FROM ${this.#sql.table} WHERE _rowid_ = ?`).raw(true).safeIntegers(true)
    return rows.map((row) => [...row, ...cells.get(row[0]!)!])
  }

  #find(position: PagePosition, limit: number): KeyedRow[] {
    const { hasRowid, sortColumn, isDescending } = this.#sql
    if (!hasRowid) return this.#withoutRowid(position, limit)
    if ('offset' in position) return sortColumn === undefined ? this.#unsortedFrom(position.offset, limit) : this.#sortedFrom(position.offset, limit)
    const isAfter = 'after' in position
    const place = readCursor(isAfter ? position.after : position.before)
    const isUp = isAfter !== isDescending
    const rows = sortColumn === undefined ? this.#unsortedBeyond(place.rowid, isUp, limit) : this.#sortedBeyond(place, isUp, limit)
    return isAfter ? rows : rows.reverse()
  }

  #unsortedFrom(offset: number, limit: number): KeyedRow[] {
    const { isWhole } = this.#sql
    const first = isWhole ? this.#firstRowidIfDense() : undefined
    if (first !== undefined) return this.#unsortedBeyond(first + BigInt(offset) - 1n, true, limit)
    return this.#all(`${this.#select('NULL')}${this.#sql.hint} WHERE ${this.#sql.condition.sql} ORDER BY _rowid_ LIMIT ? OFFSET ?`, [...this.#sql.condition.values, limit, offset])
  }

  /** The key of the first row where keys follow each other without a gap, as those of imported tables do. */
  #firstRowidIfDense(): bigint | undefined {
    const { low, high } = this.#db.prepare<[], { low: bigint | null, high: bigint | null }>(
      `SELECT (SELECT min(_rowid_) FROM ${this.#sql.table}) AS low, (SELECT max(_rowid_) FROM ${this.#sql.table}) AS high`,
    ).safeIntegers(true).get()!
    return low !== null && high !== null && high - low + 1n === BigInt(this.total) ? low : undefined
  }

  /** The rows before or after a key, from there on. */
  #unsortedBeyond(rowid: bigint, isUp: boolean, limit: number): KeyedRow[] {
    const { condition } = this.#sql
    return this.#all(
      `${this.#select('NULL')}${this.#sql.hint} WHERE _rowid_ ${isUp ? '>' : '<'} ? AND ${condition.sql} ORDER BY _rowid_${isUp ? '' : ' DESC'} LIMIT ?`,
      [rowid, ...condition.values, limit])
  }

  #sortedFrom(offset: number, limit: number): KeyedRow[] {
    const { isDescending, sortIndex, isBySortColumnOnly, isWhole } = this.#sql
    const isNear = offset <= this.#limits.mostRowsToSkip
    if (isNear) return this.#ordered(undefined, !isDescending, limit, offset)
    const isIndexed = sortIndex !== undefined && isBySortColumnOnly
    if (!isWhole && !isIndexed) this.#countAndSample()
    // As seen from the lowest value.
    const end = isDescending ? this.total - offset : Math.min(this.total, offset + limit)
    const start = isDescending ? Math.max(0, end - limit) : offset
    if (end <= start) return []
    const rows = this.#ascending(start, end - start, isIndexed)
    return isDescending ? rows.reverse() : rows
  }

  /** Rows of the ascending order, wherever in it they are. */
  #ascending(start: number, length: number, isIndexed: boolean): KeyedRow[] {
    const rest = this.total - start - length
    if (isIndexed || Math.min(start, rest) <= this.#limits.mostRowsToSkip) {
      return start <= rest ? this.#ordered(undefined, true, length, start) : this.#ordered(undefined, false, length, rest).reverse()
    }
    const { low, high, isOneValue } = this.#estimateAround(start)
    const { below, upTo, keys } = isOneValue ? this.#countsAt(low) : this.#keysBetween(low, high)
    const rows: KeyedRow[] = []
    if (start < below) {
      const rowsBack = below - start
      rows.push(...this.#ordered(this.#where('<', low), false, Math.min(length, rowsBack), Math.max(0, rowsBack - length)).reverse())
    }
    if (start < upTo && rows.length < length) {
      const [limit, offset] = [length - rows.length, Math.max(0, start - below)]
      rows.push(...keys === undefined ? this.#sameValue(low, { sql: '1', values: [] }, true, limit, offset) : this.#keysInOrder(' NOT INDEXED', keys, true, limit, offset))
    }
    if (rows.length < length) rows.push(...this.#ordered(this.#where('>', high), true, length - rows.length, Math.max(0, start - upTo)))
    return rows
  }

  /**
   * Two values between which the row at this place of the ascending order almost surely is; or one, which it about has, where
   * too many rows are between two.
   */
  #estimateAround(start: number): { low: SqlValue, high: SqlValue, isOneValue: boolean } {
    const sample = this.#sample()
    const valueAt = (index: number): SqlValue => sample[Math.max(0, Math.min(sample.length - 1, index))] ?? null
    const place = Math.floor(start / this.total * sample.length)
    // How many of a sample are below has a standard deviation of at most half the root of its size (binomial distribution).
    const margin = Math.ceil(this.#limits.toleratedDeviations * Math.sqrt(sample.length) / 2)
    const [low, high] = [valueAt(place - margin), valueAt(place + margin)]
    const sampledBetween = sample.lastIndexOf(high) - sample.indexOf(low) + 1
    // BLOBs are not found by what they hold, so how many there are stays unknown.
    const isNoted = !(low instanceof Uint8Array || high instanceof Uint8Array) && sampledBetween / sample.length * this.total <= this.#limits.notedRows
    return isNoted ? { low, high, isOneValue: low === high } : { low: valueAt(place), high: valueAt(place), isOneValue: true }
  }

  /** How many rows have a lower value, and how many a lower one or this. */
  #countsAt(value: SqlValue): { below: number, upTo: number, keys?: undefined } {
    const below = this.#where('<', value)
    const upTo = this.#where('<=', value)
    const { condition } = this.#sql
    return this.#db.prepare<SqlValue[], { below: number, upTo: number }>(
      `SELECT total(${below.sql}) AS below, total(${upTo.sql}) AS upTo FROM ${this.#sql.table}${this.#sql.hint} WHERE ${condition.sql}`,
    ).get(...below.values, ...upTo.values, ...condition.values)!
  }

  /** How many rows have a lower value than the first, and, found in the same pass, which ones are from there to the second. */
  #keysBetween(low: SqlValue, high: SqlValue): { below: number, upTo: number, keys: Fragment } {
    const below = this.#where('<', low)
    const within = this.#where('>=', low)
    const { sql, values } = allOf([this.#where('<=', high), this.#sql.condition])
    const found = this.#db.prepare<SqlValue[], { below: number, count: number, keys: string }>(
      `SELECT total(${below.sql}) AS below, total(${within.sql}) AS count, json_group_array(_rowid_) FILTER (WHERE ${within.sql}) AS keys
       FROM ${this.#sql.table}${this.#sql.hint} WHERE ${sql}`,
    ).get(...below.values, ...within.values, ...within.values, ...values)!
    return { below: found.below, upTo: found.below + found.count, keys: { sql: '_rowid_ IN (SELECT value FROM json_each(?))', values: [found.keys] } }
  }

  /** Values of the sort column in ascending order, of rows spread over all that are wanted. */
  #sample(): SqlValue[] {
    const { table, sortColumn, isWhole } = this.#sql
    const { sampledRows } = this.#limits
    // Whatever the table and its columns are called: nothing of a query in brackets is known outside of them.
    const values = (keys: string, ...given: SqlValue[]): SqlValue[] =>
      this.#db.prepare(`SELECT ${sortColumn!} FROM ${table} WHERE _rowid_ IN (${keys}) ORDER BY 1`).pluck().safeIntegers(true).all(...given) as SqlValue[]
    const first = isWhole && this.total > sampledRows ? this.#firstRowidIfDense() : undefined
    if (first === undefined) return values('SELECT value FROM json_each(?)', this.#sampledKeys ?? this.#countAndSample())
    return values(
      `WITH RECURSIVE sample (number) AS (VALUES (1) UNION ALL SELECT number + 1 FROM sample WHERE number < ?)
       SELECT ? + ((number * ${GOLDEN_RATIO} & 4294967295) * ? >> 32) FROM sample`, sampledRows, first, this.total)
  }

  /** Count the rows that are wanted, and note the keys of a sample of them in the same pass. @returns those keys */
  #countAndSample(): string {
    const { table, condition, hint } = this.#sql
    const { total, keys } = this.#db.prepare<SqlValue[], { total: number, keys: string }>(
      `SELECT count(*) AS total, json_group_array(_rowid_) FILTER (WHERE ${sampled(this.#limits.sampledRows / this.#tableRows())}) AS keys
       FROM ${table}${hint} WHERE ${condition.sql}`,
    ).get(...condition.values)!
    this.#total = total
    return this.#sampledKeys = keys
  }

  #sortedBeyond({ value, rowid }: Place, isUp: boolean, limit: number): KeyedRow[] {
    const beyond = { sql: `_rowid_ ${isUp ? '>' : '<'} ?`, values: [rowid] }
    const same = this.#where('=', value)
    const further = this.#where(isUp ? '>' : '<', value)
    const { sortIndex, isBySortColumnOnly } = this.#sql
    // An index leads to each of the two ranges at once; without one a single pass finds both.
    if (sortIndex === undefined || !isBySortColumnOnly) {
      return this.#ordered({ sql: `${further.sql} OR (${same.sql} AND ${beyond.sql})`, values: [...further.values, ...same.values, ...beyond.values] }, isUp, limit, 0)
    }
    const rows = this.#sameValue(value, beyond, isUp, limit, 0)
    return rows.length < limit ? [...rows, ...this.#ordered(further, isUp, limit - rows.length, 0)] : rows
  }

  /** Rows with one value of the sort column, which are in the order of their keys. */
  #sameValue(value: SqlValue, more: Fragment, isUp: boolean, limit: number, offset: number): KeyedRow[] {
    const { sql, values } = allOf([this.#where('=', value), more, this.#sql.condition])
    const { sortColumn, sortIndex } = this.#sql
    const hint = sortIndex === undefined ? ' NOT INDEXED' : ` INDEXED BY ${quoteIdentifier(sortIndex)}`
    return this.#all(`${this.#select(sortColumn!)}${hint} WHERE ${sql} ORDER BY _rowid_${isUp ? '' : ' DESC'} LIMIT ? OFFSET ?`, [...values, limit, offset])
  }

  /** The first rows of the order, or of its other end. */
  #ordered(more: Fragment | undefined, isUp: boolean, limit: number, offset: number): KeyedRow[] {
    const { table, sortColumn, sortIndex, isBySortColumnOnly } = this.#sql
    const keys = (hint: string): KeyedRow[] => this.#keysInOrder(hint, allOf([...more ? [more] : [], this.#sql.condition]), isUp, limit, offset)
    if (sortIndex === undefined) return keys(this.#sql.hint)
    const indexed = ` INDEXED BY ${quoteIdentifier(sortIndex)}`
    if (isBySortColumnOnly || this.#isTooWide) return keys(indexed)
    // In the order of the index the page may be found soon; if it is not, reading all rows in a row is quicker.
    const columns = listOf(this.#sql.columns)
    const order = this.#order(isUp)
    const tried = this.#all(
      `SELECT _rowid_, ${sortColumn!}, ${columns} FROM (SELECT _rowid_ AS _rowid_, ${columns} FROM ${table}${indexed} WHERE ${more?.sql ?? '1'} ${order} LIMIT ${this.#limits.triedRows})
       WHERE ${this.#sql.condition.sql} ${order} LIMIT ? OFFSET ?`, [...more?.values ?? [], ...this.#sql.condition.values, limit, offset])
    return tried.length === limit ? tried : keys(this.#sql.hint)
  }

  /**
   * The first of some rows in the order, or from its other end. The keys are put in order alone, and the rows looked up then:
   * what is sorted is small, however wide the table.
   */
  #keysInOrder(hint: string, { sql, values }: Fragment, isUp: boolean, limit: number, offset: number): KeyedRow[] {
    const order = this.#order(isUp)
    return this.#all(
      `${this.#select(this.#sql.sortColumn!)} WHERE _rowid_ IN (SELECT _rowid_ FROM ${this.#sql.table}${hint} WHERE ${sql} ${order} LIMIT ? OFFSET ?) ${order}`,
      [...values, limit, offset])
  }

  #order(isUp: boolean): string {
    const direction = isUp ? '' : ' DESC'
    return `ORDER BY ${this.#sql.sortColumn!}${direction}, _rowid_${direction}`
  }

  #withoutRowid(position: PagePosition, limit: number): KeyedRow[] {
    if (!('offset' in position)) throw new Fault('BAD_QUERY', 'The rows of this table have no keys by which a page could be found.')
    const { columns, table, condition, sortColumn, isDescending } = this.#sql
    const order = sortColumn === undefined ? '' : ` ORDER BY ${sortColumn}${isDescending ? ' DESC' : ''}`
    return this.#all(`SELECT ${listOf(columns)} FROM ${table} WHERE ${condition.sql}${order} LIMIT ? OFFSET ?`, [...condition.values, limit, position.offset])
  }

  /** Whether a row's key, the value it is sorted by and its cells are more than one statement can give; the cells are then read apart. */
  get #isTooWide(): boolean {
    return this.#sql.columns.length + 2 > MAX_RESULT_COLUMNS
  }

  #select(sortColumn: string): string {
    return `SELECT _rowid_, ${sortColumn}${this.#isTooWide ? '' : `, ${listOf(this.#sql.columns)}`} FROM ${this.#sql.table}`
  }

  /** True of rows whose value stands so in the order, in which NULL comes first. */
  #where(relation: '<' | '<=' | '=' | '>=' | '>', value: SqlValue): Fragment {
    const column = this.#sql.sortColumn!
    if (value === null) return { sql: { '<': '0', '<=': `${column} IS NULL`, '=': `${column} IS NULL`, '>=': '1', '>': `${column} IS NOT NULL` }[relation], values: [] }
    return { sql: relation.startsWith('<') ? `(${column} ${relation} ? OR ${column} IS NULL)` : `${column} ${relation} ?`, values: [value] }
  }

  #all(sql: string, values: SqlValue[]): KeyedRow[] {
    return this.#db.prepare(sql).raw(true).safeIntegers(true).all(...values) as KeyedRow[]
  }
}

const listOf = (columns: readonly ColumnInfo[]): string => columns.map(({ name }) => quoteIdentifier(name)).join(', ')

/** 2^32 over the golden ratio: multiples of it are spread evenly (Knuth, The Art of Computer Programming, vol. 3, section 6.4). */
const GOLDEN_RATIO = 2_654_435_769

/** SQL that is true of about that share of the rows, the same ones each time, spread over the whole table. */
export function sampled(fraction: number): string {
  // Only so many bits of a key that the product is an integer still.
  return `((_rowid_ & 2147483647) * ${GOLDEN_RATIO} >> 8 & 16777215) < ${Math.ceil(Math.min(1, fraction) * 2 ** 24)}`
}

/** A row's place as a text that a client can hand back. */
function writeCursor(row: KeyedRow): string {
  const [rowid, value] = row
  const tagged = tag(value!)
  return Buffer.from(JSON.stringify([String(rowid), tagged])).toString('base64url')
}

/** What JSON has no way to write. */
type Tagged = { i?: string, b?: string, n?: string } | string | number | null

function tag(value: SqlValue): Tagged {
  if (typeof value === 'bigint') return { i: value.toString() }
  if (value instanceof Uint8Array) return { b: Buffer.from(value).toString('base64') }
  return typeof value === 'number' && !Number.isFinite(value) ? { n: String(value) } : value
}

/** @throws Fault BAD_QUERY */
function readCursor(cursor: string): Place {
  try {
    const [rowid, tagged] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [unknown, Tagged]
    return { rowid: readInteger(rowid), value: untag(tagged) }
  } catch (cause) {
    throw new Fault('BAD_QUERY', 'The cursor cannot be read. Use one as a page of rows gave it.', { cause })
  }
}

/** @throws where it is not what `tag` makes of a value */
function untag(tagged: Tagged): SqlValue {
  if (tagged === null || typeof tagged === 'string' || typeof tagged === 'number') return tagged
  if (tagged.i !== undefined) return readInteger(tagged.i)
  if (tagged.b !== undefined) return Buffer.from(tagged.b, 'base64')
  if (tagged.n === 'Infinity' || tagged.n === '-Infinity') return Number(tagged.n)
  throw new TypeError('no value')
}

/** An integer of SQLite's. @throws for anything else */
function readInteger(given: unknown): bigint {
  if (typeof given !== 'string' || !/^-?\d+$/.test(given) || BigInt.asIntN(64, BigInt(given)) !== BigInt(given)) throw new TypeError('no integer')
  return BigInt(given)
}

/** Integers beyond JavaScript's, BLOBs and the infinities are given as text, exactly: JSON has none of them. */
export function toCell(value: unknown): CellValue {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`
  if (value === Infinity) return 'Inf'
  if (value === -Infinity) return '-Inf'
  return value as CellValue
}

/**
 * All rows of a selection, one by one. The connection can do nothing else until the iteration ends.
 * @param columns names of those that are wanted, in the order of the table; all where absent
 * @throws Fault TABLE_NOT_FOUND, BAD_QUERY
 */
export function iterateRows(
  db: Db, name: string, selection: RowSelection, columns?: readonly string[],
): { columns: ColumnInfo[], rows: Iterable<CellValue[]> } {
  const table = resolveTable(db, name)
  const sql = new SelectionSql(db, table, selection)
  const unknown = columns?.find((wanted) => !sql.columns.some((column) => sameName(column.name, wanted)))
  if (unknown !== undefined) throw new Fault('BAD_QUERY', `The table "${table}" has no column called ${quoted(unknown)}.`)
  const wanted = columns ? sql.columns.filter((column) => columns.some((one) => sameName(one, column.name))) : sql.columns
  const descending = sql.isDescending ? ' DESC' : ''
  const order = [...sql.sortColumn === undefined ? [] : [`${sql.sortColumn}${descending}`], ...sql.hasRowid ? [`_rowid_${descending}`] : []]
  const statement = db.prepare(`SELECT ${listOf(wanted)} FROM ${sql.table}${sql.sortIndex === undefined ? sql.hint : ''} WHERE ${sql.condition.sql}${order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''}`)
  return { columns: wanted, rows: cellsOf(statement.raw(true).safeIntegers(true).iterate(...sql.condition.values) as Iterable<SqlValue[]>) }
}

function* cellsOf(rows: Iterable<SqlValue[]>): Iterable<CellValue[]> {
  for (const row of rows) yield row.map(toCell)
}
