import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import type { ColumnContent, ColumnInfo, Filter } from '../protocol.ts'
import { summarizeColumn, type SummaryLimits } from './column-summary.ts'
import { registerInterrupt } from './interrupt.ts'
import { migrate } from './migrations.ts'
import type { Db } from './open.ts'
import { sortKey } from './sort-key.ts'
import { buildIndex, dropIndex } from './table-index.ts'

function database(t: { after: (cleanUp: () => void) => void }): Db {
  const db = new Database(':memory:')
  t.after(() => db.close())
  migrate(db)
  registerInterrupt(db, () => undefined)
  db.exec('CREATE TABLE data (n INTEGER, t TEXT)')
  return db
}

/** Have the catalogue say that the texts of the table are dates. @returns that column */
function describeDates(db: Db, content: ColumnContent): ColumnInfo {
  const column: ColumnInfo = { name: 't', type: 'TEXT', content }
  db.prepare('INSERT OR REPLACE INTO _hextrackr_tables VALUES (?, 0, ?, NULL)').run('data', JSON.stringify([{ name: 'n', type: 'INTEGER' }, column]))
  return column
}

test('a summary says what counting by hand says', (t) => {
  const db = database(t)
  const insert = db.prepare('INSERT INTO data VALUES (?, ?)')
  const row = fc.tuple(fc.option(fc.integer({ min: -5, max: 30 })), fc.option(fc.constantFrom('', 'a', 'b', 'B', 'ü')))
  fc.assert(fc.property(fc.array(row, { maxLength: 60 }), fc.constantFrom('n', 't'), fc.boolean(), (rows, column, isFiltered) => {
    db.exec('DELETE FROM data')
    for (const one of rows) insert.run(...one)
    const values = rows.filter(([n]) => !isFiltered || (n !== null && n >= 3)).map(([n, text]) => column === 'n' ? n : text)
    const filled = values.filter((value) => value !== null && value !== '')
    const counts = new Map<unknown, number>()
    for (const value of filled) counts.set(value, (counts.get(value) ?? 0) + 1)
    const inOrder = filled.toSorted((a, b) => typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(`${b}`)))

    const summary = summarizeColumn(db, 'data', column.toUpperCase(), { filters: isFiltered ? [{ column: 'n', operator: 'gte', value: '3' }] : [] })
    assert.deepEqual([summary.rows, summary.nulls, summary.blanks], [values.length, values.filter((value) => value === null).length, values.filter((value) => value === '').length])
    assert.deepEqual([summary.least, summary.greatest], [inOrder[0] ?? null, inOrder.at(-1) ?? null])
    assert.deepEqual([summary.distinct, summary.isDistinctExact, summary.rowsRead], [counts.size, true, values.length])
    assert.deepEqual(summary.top.map(({ rows: count }) => count), [...counts.values()].sort((a, b) => b - a).slice(0, 10))
    for (const { value, rows: count } of summary.top) assert.equal(counts.get(value), count)
    const isSpread = column === 'n' && counts.size > 1
    assert.equal(summary.histogram?.counts.reduce((a, b) => a + b, 0), isSpread ? filled.length : undefined)
  }), { numRuns: 300 })
})

test('of more rows than are read, what is counted is exact and what is estimated says so', (t) => {
  const db = database(t)
  db.exec('WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 20000) INSERT INTO data SELECT i, CASE WHEN i % 4 = 0 THEN \'often\' ELSE i % 3 END FROM k')
  const limits: SummaryLimits = { mostRowsRead: 2000, fewValues: 50 }
  const few = summarizeColumn(db, 'data', 't', { filters: [] }, limits)
  assert.deepEqual([few.rows, few.distinct, few.isDistinctExact], [20_000, 4, true])
  assert.deepEqual(few.top.map(({ value, rows }) => [value, rows]).sort(), [['0', 5000], ['1', 5000], ['2', 5000], ['often', 5000]])
  assert.ok(few.rowsRead > 1000 && few.rowsRead < 4000, `${few.rowsRead} rows were read`)

  const many = summarizeColumn(db, 'data', 'n', { filters: [] }, limits)
  assert.deepEqual([many.rows, many.least, many.greatest, many.isDistinctExact], [20_000, 1, 20_000, false])
  assert.ok(many.distinct > 1000 && many.distinct <= many.rowsRead)
  assert.equal(many.histogram!.counts.length, 24)
  // Spread over the whole table: no part of it is missing from the sample.
  assert.ok(Math.min(...many.histogram!.counts) > 0)
})

test('a summary of many rows knows those whose keys are large as well', (t) => {
  const db = database(t)
  db.exec('WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 5000) INSERT INTO data (_rowid_, n) SELECT (1 << 40) + i * 977, i FROM k')
  const { rowsRead, distinct } = summarizeColumn(db, 'data', 'n', { filters: [] }, { mostRowsRead: 1000, fewValues: 50 })
  assert.ok(rowsRead > 500 && rowsRead < 2000, `${rowsRead} rows were read`)
  assert.equal(distinct, rowsRead)
})

test('the least and the greatest of dates are the first and the last day', (t) => {
  const db = database(t)
  const summaryOf = (content: ColumnContent, dates: string[]): unknown[] => {
    describeDates(db, content)
    db.exec('DELETE FROM data')
    for (const date of dates) db.prepare('INSERT INTO data (t) VALUES (?)').run(date)
    const { least, greatest } = summarizeColumn(db, 'data', 't', { filters: [] })
    return [least, greatest]
  }
  assert.deepEqual(summaryOf('date-dmy', ['31.12.2023', '', '01.01.2024', '15.06.2022 10:00', '2.1.2024', '15.06.2022 09:59']), ['15.06.2022 09:59', '2.1.2024'])
  assert.deepEqual(summaryOf('date-mdy', ['12/31/2023', '1/1/2024']), ['12/31/2023', '1/1/2024'])
  assert.deepEqual(summaryOf('date-dmy', ['', '']), [null, null])
  assert.deepEqual(summaryOf('date-ymd', ['2024-01-01', '2023-12-31']), ['2023-12-31', '2024-01-01'])
})

test('the least and the greatest of dates are those that sorting gives, with an index, without one, and of a filter', (t) => {
  const db = database(t)
  const number = (max: number): fc.Arbitrary<string> => fc.tuple(fc.integer({ min: 1, max }), fc.boolean()).map(([n, isPadded]) => isPadded ? String(n).padStart(2, '0') : String(n))
  const date = fc.tuple(number(3), number(3), fc.constantFrom('1999', '2024'), fc.constantFrom('', '', ' 09:59', ' 10:00', 'T10:00:30Z')).map(([a, b, year, time]) => `${a}.${b}.${year}${time}`)
  fc.assert(fc.property(fc.array(fc.option(fc.oneof(fc.constant(''), date)), { maxLength: 30 }), fc.constantFrom('date-dmy' as const, 'date-mdy' as const), (dates, content) => {
    const column = describeDates(db, content)
    db.exec('DELETE FROM data')
    for (const [n, text] of dates.entries()) db.prepare('INSERT INTO data VALUES (?, ?)').run(n % 2, text)
    const key = sortKey(column)
    const keyOf = db.prepare(`SELECT ${sortKey(column, 'value')} FROM (SELECT ? AS value)`).pluck()
    const check = (filters: Filter[], condition: string): void => {
      const sorted = db.prepare(`SELECT ${key} FROM data WHERE t <> '' AND ${condition} ORDER BY 1`).pluck().all()
      const { least, greatest } = summarizeColumn(db, 'data', 't', { filters })
      assert.deepEqual([least, greatest].map((end) => keyOf.get(end)), [sorted[0] ?? null, sorted.at(-1) ?? null])
    }
    check([], '1')
    check([{ column: 'n', operator: 'eq', value: '1' }], 'n = 1')
    buildIndex(db, 'data', 't')
    check([], '1')
    check([{ column: 't', operator: 'gte', value: '2.2.1999' }], `${key} >= '19990202'`)
    dropIndex(db, 'data', 't')
  }), { numRuns: 100 })
})

test('what dates are ordered by is computed for few of them', (t) => {
  const db = database(t)
  describeDates(db, 'date-dmy')
  let computed = 0
  db.function('printf', { deterministic: true }, (_format, month, day) => {
    computed++
    return [month, day].map((text) => String(Number.parseInt(String(text), 10) || 0).padStart(2, '0')).join('')
  })
  db.exec(`WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < 2000)
    INSERT INTO data (t) SELECT strftime('%d.%m.%Y %H:%M', '2000-01-01', (i % 10) || ' days', i || ' minutes') FROM k`)
  const ends = (): unknown[] => {
    computed = 0
    const { least, greatest } = summarizeColumn(db, 'data', 't', { filters: [] })
    return [least, greatest]
  }
  assert.deepEqual(ends(), ['01.01.2000 00:10', '11.01.2000 09:19'])
  assert.ok(computed > 0 && computed <= 2 * 12, `${computed} times for 12 days`)
  buildIndex(db, 'data', 't')
  assert.deepEqual(ends(), ['01.01.2000 00:10', '11.01.2000 09:19'])
  assert.ok(computed <= 2, `${computed} times with an index`)
})

test('a summary of what is not there is refused', (t) => {
  const db = database(t)
  assert.throws(() => summarizeColumn(db, 'none', 'n', { filters: [] }), { code: 'TABLE_NOT_FOUND' })
  assert.throws(() => summarizeColumn(db, 'data', 'none', { filters: [] }), { code: 'BAD_QUERY' })
})
