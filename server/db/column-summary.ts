import { Fault, quoted } from '../faults.ts'
import type { ColumnInfo, ColumnSummary } from '../protocol.ts'
import { resolveTable } from './catalogue.ts'
import { quoteIdentifier, sameName } from './identifiers.ts'
import type { Db } from './open.ts'
import { allOf, SelectionSql, type RowSelection, type SqlValue } from './selection.ts'
import { sortKey } from './sort-key.ts'
import { sampled, toCell } from './table-query.ts'

/** From how many on not all is looked at. Tests set them low. */
export interface SummaryLimits {
  /** Up to so many rows every value is looked at; beyond, about so many of them, spread over the table. */
  mostRowsRead: number
  /** A column with at most so many different values in a sample has them counted exactly. */
  fewValues: number
}

const LIMITS: SummaryLimits = { mostRowsRead: 200_000, fewValues: 1_000 }

const TOP_VALUES = 10

/** Where fewer rows than this share have a frequent value, those rows are put in order by it; of more, each value is counted apart. */
const FEW_SHARE = 0.5

const BUCKETS = 24

/** Below every character of a date, so that a key is below those that begin as it does. */
const KEY_END = '\u0001'

/** Characters of a date without its time, at most: 31.12.2024. */
const LONGEST_DAY = 10

interface Totals {
  rows: number
  nulls: number
  blanks: number
  least: SqlValue
  greatest: SqlValue
}

/**
 * What a column holds, of the rows that a selection wants. Counts of rows, of empty ones, and the least and the greatest
 * value are exact; what is different, most frequent, and spread how is exact up to `mostRowsRead` rows, and
 * else of a sample, except that the most frequent values of a sample are counted in all rows.
 * @throws Fault TABLE_NOT_FOUND, BAD_QUERY, CANCELLED
 */
export function summarizeColumn(db: Db, name: string, wanted: string, selection: Omit<RowSelection, 'sort'>, limits = LIMITS): ColumnSummary {
  return db.transaction(() => {
    const table = resolveTable(db, name)
    const sql = new SelectionSql(db, table, selection)
    const column = sql.columns.find((one) => sameName(one.name, wanted))
    if (!column) throw new Fault('BAD_QUERY', `The table "${table}" has no column called ${quoted(wanted)}.`)
    return new Summary(db, sql, column, limits).make()
  })()
}

class Summary {
  readonly #db: Db
  readonly #sql: SelectionSql
  readonly #column: ColumnInfo
  readonly #limits: SummaryLimits
  /** `"column"`. */
  readonly #name: string
  /** What its values are ordered by. */
  readonly #key: string

  constructor(db: Db, sql: SelectionSql, column: ColumnInfo, limits: SummaryLimits) {
    this.#db = db
    this.#sql = sql
    this.#limits = limits
    this.#column = column
    this.#name = quoteIdentifier(column.name)
    this.#key = sortKey(column)
  }

  make(): ColumnSummary {
    const { rows, nulls, blanks, least, greatest } = this.#totals()
    const isSampled = rows > this.#limits.mostRowsRead && this.#sql.hasRowid
    const seen = this.#seen(isSampled ? this.#limits.mostRowsRead / rows : 1)
    const counts = countValues(seen)
    const isCountable = !isSampled || counts.size <= this.#limits.fewValues
    const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, TOP_VALUES)
    const share = top.reduce((sum, [, count]) => sum + count, 0) / seen.length
    const exact = isSampled ? this.#exactly(top.map(([value]) => value), share, isCountable) : undefined
    const histogram = typeof least === 'string' || least === null ? undefined : histogramOf(seen, Number(least), Number(greatest))
    return {
      column: this.#column, rows, nulls, blanks,
      least: toCell(least), greatest: toCell(greatest),
      distinct: exact?.distinct ?? counts.size,
      isDistinctExact: isCountable,
      top: top.map(([value, count], index) => ({ value: toCell(value), rows: Math.max(exact?.rows[index] ?? 0, count) })).sort((a, b) => b.rows - a.rows),
      ...(histogram && { histogram }),
      rowsRead: isSampled ? seen.length : rows,
    }
  }

  #totals(): Totals {
    const { sql, values } = this.#sql.condition
    const hasTexts = this.#column.type === 'TEXT'
    // Empty texts are the least of all; what people look for is the least that says something.
    const value = hasTexts ? `nullif(${this.#name}, '')` : this.#name
    const isOrderedAsIs = this.#key === this.#name
    const [rows, filled, blanks, ...ends] = this.#db.prepare(
      `SELECT count(*), count(${this.#name}), ${hasTexts ? `total(${this.#name} = '')` : '0'} ${isOrderedAsIs ? `, min(${value}), max(${value})` : ''}
       FROM ${this.#sql.table}${this.#sql.hint} WHERE ${sql}`,
    ).raw(true).safeIntegers(true).get(...values) as [bigint, bigint, number | bigint, ...SqlValue[]]
    const [least, greatest] = isOrderedAsIs ? ends as [SqlValue, SqlValue] : this.#firstAndLastDate()
    return { rows: Number(rows), nulls: Number(rows - filled), blanks: Number(blanks), least, greatest: greatest === '' ? null : greatest }
  }

  /** The ends of dates that begin with the day or the month. What they are ordered by takes microseconds to compute, so few are asked for it. */
  #firstAndLastDate(): [SqlValue, SqlValue] {
    const index = this.#sql.indexes.get(this.#column.name)
    if (this.#sql.isWhole && index !== undefined) {
      const end = (direction: string): SqlValue => this.#db.prepare<[], SqlValue>(
        `SELECT ${this.#name} FROM ${this.#sql.table} INDEXED BY ${quoteIdentifier(index)} WHERE ${this.#name} <> '' ORDER BY ${this.#key} ${direction} LIMIT 1`,
      ).pluck().get() ?? null
      return [end('ASC'), end('DESC')]
    }
    const { sql, values } = this.#sql.condition
    // Of values that begin with the same day, in the same spelling, the rest is the time, which is ordered as text.
    const [first, last] = this.#db.prepare<SqlValue[], [string | null, string | null]>(
      `SELECT min(${sortKey(this.#column, 'first')} || '${KEY_END}' || first), max(${sortKey(this.#column, 'last')} || '${KEY_END}' || last)
       FROM (SELECT min(${this.#name}) AS first, max(${this.#name}) AS last FROM ${this.#sql.table}${this.#sql.hint}
         WHERE ${sql} AND ${this.#name} <> '' GROUP BY substr(${this.#name}, 1, ${LONGEST_DAY}))`,
    ).raw(true).get(...values)!
    const shown = (found: string | null): SqlValue => found === null ? null : found.slice(found.indexOf(KEY_END) + 1)
    return [shown(first), shown(last)]
  }

  /** The values of all rows, or of a share of them. */
  #seen(fraction: number): SqlValue[] {
    const { sql, values } = allOf([...fraction < 1 ? [{ sql: sampled(fraction), values: [] }] : [], this.#sql.condition])
    return this.#db.prepare(`SELECT ${this.#name} FROM ${this.#sql.table}${this.#sql.hint} WHERE ${sql}`).pluck().safeIntegers(true).all(...values) as SqlValue[]
  }

  /**
   * In how many of all rows some values occur, and how many different ones there are where they are few.
   * @param share about how many of the rows have one of those values, 0 to 1
   */
  #exactly(wanted: readonly SqlValue[], share: number, isCountable: boolean): { rows: number[], distinct: number | undefined } {
    const { sql, values } = this.#sql.condition
    const from = `FROM ${this.#sql.table}${this.#sql.hint} WHERE ${sql}`
    const distinct = isCountable ? `count(DISTINCT nullif(${this.#name}, ''))` : 'NULL'
    const ask = (columns: string[], ...more: SqlValue[]): (number | null)[] =>
      this.#db.prepare<SqlValue[], (number | null)[]>(`SELECT ${columns.join(', ')} ${from}`).raw(true).get(...more, ...values)!
    if (share > FEW_SHARE) {
      const counts = ask([...wanted.map(() => `total(${this.#name} = ?)`), distinct], ...wanted)
      return { rows: counts.slice(0, -1).map(Number), distinct: counts.at(-1) ?? undefined }
    }
    const counts = new Map(this.#db.prepare<SqlValue[], [SqlValue, bigint]>(
      `SELECT ${this.#name}, count(*) ${from} AND ${this.#name} IN (${wanted.map(() => '?').join(', ')}) GROUP BY 1`,
    ).raw(true).safeIntegers(true).all(...values, ...wanted))
    return { rows: wanted.map((value) => Number(counts.get(value) ?? 0)), distinct: isCountable ? ask([distinct])[0] ?? undefined : undefined }
  }
}

/** How often each value occurs that says something. */
function countValues(values: readonly SqlValue[]): Map<SqlValue, number> {
  const counts = new Map<SqlValue, number>()
  for (const value of values) {
    if (value === null || value === '') continue
    // BLOBs are compared by what they hold.
    const key = value instanceof Uint8Array ? String(toCell(value)) : value
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/** Numbers in buckets of the same width, each up to but without its end; the last with it. */
function histogramOf(values: readonly SqlValue[], low: number, high: number): ColumnSummary['histogram'] {
  if (!(high > low) || !Number.isFinite(high - low)) return undefined
  const counts = new Array<number>(BUCKETS).fill(0)
  for (const value of values) {
    if (typeof value !== 'number' && typeof value !== 'bigint') continue
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor((Number(value) - low) / (high - low) * BUCKETS)))
    counts[bucket] = counts[bucket]! + 1
  }
  return { low, high, counts }
}
