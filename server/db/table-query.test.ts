import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import type { CellValue, ColumnInfo, Filter } from '../protocol.ts'
import { temporaryFolder } from '../test/support.ts'
import { describeNamed, listTables } from './catalogue.ts'
import { summarizeColumn } from './column-summary.ts'
import { Interrupt, registerInterrupt } from './interrupt.ts'
import { migrate } from './migrations.ts'
import { createWriter, type Db } from './open.ts'
import { quoteIdentifier } from './identifiers.ts'
import { buildIndex } from './table-index.ts'
import { countRows, iterateRows, selectRows, type PageLimits, type PagePosition, type RowSelection } from './table-query.ts'

/** So that tables of a few rows take every path that tables of millions take. */
const LOW: PageLimits = { triedRows: 3, mostRowsToSkip: 2, sampledRows: 8, notedRows: 40, toleratedDeviations: 0.5 }

const limits = fc.constantFrom(LOW, { ...LOW, notedRows: 0 }, { ...LOW, toleratedDeviations: 4 }, { ...LOW, sampledRows: 30 })
const LIMIT = 3

/** Few different values, so that there are many alike; NULL, the empty text, and numbers that differ by type only. */
const integer = fc.option(fc.integer({ min: -2, max: 3 }))
const real = fc.option(fc.constantFrom(-1.5, 0, 0.1, 2, 1e300))
const text = fc.constantFrom('', 'a', 'A', 'ä', '10', '9', '%', 'long '.repeat(20))
const rows = fc.array(fc.tuple(integer, real, text), { maxLength: 40, size: 'max' })

const filter: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ column: fc.constantFrom('i', 'r', 't'), operator: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), value: fc.constantFrom('', '0', '1', 'a', '2') }),
  fc.record({ column: fc.constantFrom('i', 'r', 't'), operator: fc.constantFrom('empty', 'notempty', 'contains'), value: fc.constantFrom('1', 'a', '%') }),
  fc.record({ column: fc.constantFrom('i', 'r', 't'), operator: fc.constant('in'), value: fc.constantFrom('[]', '["1","a"]', '[null]', '[null,"2",""]') }),
)

const selection: fc.Arbitrary<RowSelection> = fc.record({
  filters: fc.array(filter, { maxLength: 2 }),
  sort: fc.constantFrom('i', '-i', 'r', '-r', 't', '-t'),
  search: fc.constantFrom('a', '1', '0.1'),
}, { requiredKeys: ['filters'] })

function database(t: { after: (cleanUp: () => void) => void }): Db {
  const db = new Database(':memory:')
  t.after(() => db.close())
  migrate(db)
  registerInterrupt(db, () => undefined)
  return db
}

/** Keys of the rows, in order: without gaps as those of imports, or as other programs may give them. */
const KEYS: ((index: number) => number | bigint)[] = [(index) => index + 1, (index) => index * 3 - 7, (index) => 2n ** 62n + 2n ** 40n * BigInt(index - 20)]

function fill(db: Db, table: string, data: readonly (readonly unknown[])[], keyAt = KEYS[0]!): void {
  db.exec(`DROP TABLE IF EXISTS ${quoteIdentifier(table)}; CREATE TABLE ${quoteIdentifier(table)} (i INTEGER, r REAL, t TEXT)`)
  const insert = db.prepare(`INSERT INTO ${quoteIdentifier(table)} (_rowid_, i, r, t) VALUES (?, ?, ?, ?)`)
  data.forEach((row, index) => insert.run(keyAt(index), ...row))
}

describe('pages of a table', () => {
  test('are the same rows by number and by neighbour, for any selection, with and without indexes', (t) => {
    const db = database(t)
    fc.assert(fc.property(rows, selection, fc.subarray(['i', 'r', 't']), fc.constantFrom(...KEYS), limits, (data, wanted, indexed, keyAt, low) => {
      fill(db, 'data', data, keyAt)
      // What SQLite says by itself, each row followed by its key to tell it from others.
      const all = [...iterateRows(db, 'data', wanted).rows]
      for (const column of indexed) buildIndex(db, 'data', column)
      const page = (position: PagePosition) => selectRows(db, 'data', { selection: wanted, limit: LIMIT, position, isCounted: true }, low).page
      assert.deepEqual([...iterateRows(db, 'data', wanted).rows], all, 'exported')
      assert.equal(countRows(db, 'data', wanted).total, all.length)

      const byNeighbour: CellValue[][] = []
      let here = page({ offset: 0 })
      for (let offset = 0; offset < all.length + LIMIT; offset += LIMIT) {
        assert.deepEqual(page({ offset }).rows, all.slice(offset, offset + LIMIT), `at ${offset}`)
        assert.equal(here.total, all.length)
        byNeighbour.push(...here.rows)
        if (!here.cursors) break
        const next = page({ after: here.cursors.last })
        if (next.cursors) assert.deepEqual(page({ before: next.cursors.first }).rows, here.rows, `before ${offset + LIMIT}`)
        here = next
      }
      assert.deepEqual(byNeighbour, all)
    }), { numRuns: 300 })
  })

  test('have ties in the order of the table, and exactly the other way round when descending', (t) => {
    const db = database(t)
    fill(db, 'data', [[2, null, 'first'], [1, null, 'second'], [2, null, 'third'], [null, null, 'fourth']])
    const sorted = (sort: string): unknown[] => [...iterateRows(db, 'data', { filters: [], sort }).rows].map((row) => row[2])
    assert.deepEqual(sorted('i'), ['fourth', 'second', 'first', 'third'])
    assert.deepEqual(sorted('-i'), sorted('i').reverse())
  })

  test('keep integers, infinities and BLOBs of other programs exact in their cursors', (t) => {
    const db = database(t)
    db.exec('CREATE TABLE odd (v); INSERT INTO odd VALUES (9223372036854775807), (9223372036854775806), (9e999), (-9e999), (x\'00ff\'), (x\'00fe\'), (NULL), (\'\')')
    const wanted: RowSelection = { filters: [], sort: 'v' }
    const walk = (position: PagePosition): CellValue[] => {
      const { rows: [row], cursors } = selectRows(db, 'odd', { selection: wanted, limit: 1, position, isCounted: false }).page
      return row && cursors ? [row[0]!, ...walk({ after: cursors.last })] : []
    }
    assert.deepEqual(walk({ offset: 0 }), [null, '-Inf', '9223372036854775806', '9223372036854775807', 'Inf', '', '0x00fe', '0x00ff'])
  })

  test('hold exactly the rows in whose numbers people see what they search for', (t) => {
    const db = database(t)
    db.exec('CREATE TABLE numbers (i INTEGER, r REAL)')
    const columns: ColumnInfo[] = [{ name: 'i', type: 'INTEGER' }, { name: 'r', type: 'REAL', scale: 2 }]
    db.prepare('INSERT INTO _hextrackr_tables (name, row_count, columns) VALUES (?, 0, ?)').run('numbers', JSON.stringify(columns))
    const insert = db.prepare('INSERT INTO numbers VALUES (?, ?)')
    const power = fc.nat({ max: 12 }).map((digits) => 10 ** digits)
    const number = fc.oneof(fc.integer({ min: -120, max: 120 }), fc.integer(), power, power.map((least) => 1 - least))
    const search = fc.oneof(
      fc.constantFrom('0', '-', '.', '-0.', '00', '0.0', '.5', '1e', '1-', '1.234', '10', '99', '100', 'x'), fc.integer({ min: -99_999, max: 99_999 }).map(String),
    )
    const cells = fc.array(fc.tuple(fc.option(number), fc.option(number)), { minLength: 1 })
    fc.assert(fc.property(cells, search, fc.nat(), fc.nat(), (data, anything, from, length) => {
      db.exec('DELETE FROM numbers')
      for (const [i, hundredths] of data) insert.run(i, hundredths === null ? null : hundredths / 100)
      const texts = data.map(([i, hundredths]) => [i === null ? '' : String(i), hundredths === null ? '' : (hundredths / 100).toFixed(2)])
      const some = texts[from % texts.length]![from % 2]!
      for (const wanted of [anything, some.slice(from % (some.length + 1)).slice(0, 1 + length % 8) || anything]) {
        const expected = texts.filter((row) => row.some((cell) => cell.includes(wanted))).length
        assert.equal(countRows(db, 'numbers', { filters: [], search: wanted }).total, expected, wanted)
        const inColumn = texts.filter(([, cell]) => cell!.includes(wanted)).length
        assert.equal(countRows(db, 'numbers', { filters: [{ column: 'r', operator: 'contains', value: wanted }] }).total, inColumn, `${wanted} in r`)
      }
    }), { numRuns: 300 })
  })

  test('say how many rows there are where they are the last', (t) => {
    const db = database(t)
    fill(db, 'data', Array.from({ length: 10 }, (_, index) => [index % 5, null, '']))
    const total = (position: PagePosition, limit: number, column?: string): number | null => selectRows(db, 'data', {
      selection: { filters: [{ column: 'i', operator: 'gt', value: '2' }], ...(column !== undefined && { sort: column }) }, limit, position, isCounted: false,
    }).page.total
    assert.deepEqual([total({ offset: 0 }, 4), total({ offset: 0 }, 5), total({ offset: 3 }, 2), total({ offset: 3 }, 2, 'i'), total({ offset: 4 }, 2), total({ offset: 9 }, 2)], [null, 4, 4, 4, null, null])
  })

  test('of tables without row keys are found by number', (t) => {
    const db = database(t)
    db.exec('CREATE TABLE bare (k TEXT PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO bare VALUES (\'b\', 1), (\'a\', 2), (\'c\', 3)')
    const { page } = selectRows(db, 'bare', { selection: { filters: [], sort: '-n' }, limit: 2, position: { offset: 1 }, isCounted: true })
    assert.deepEqual([page.rows, page.total, page.cursors], [[['a', 2], ['b', 1]], 3, undefined])
    assert.throws(() => selectRows(db, 'bare', { selection: { filters: [] }, limit: 2, position: { after: 'x' }, isCounted: true }), { code: 'BAD_QUERY' })
  })

  test('are given up as soon as nobody waits for them', (t) => {
    const db = database(t)
    fill(db, 'data', Array.from({ length: 9000 }, (_, index) => [index, null, '']))
    const interrupt = new Interrupt()
    registerInterrupt(db, () => interrupt)
    const request = { selection: { filters: [{ column: 't', operator: 'eq', value: 'none' }] } satisfies RowSelection, limit: 1, position: { offset: 0 }, isCounted: false }
    assert.deepEqual(selectRows(db, 'data', request).page.rows, [])
    interrupt.give()
    assert.throws(() => selectRows(db, 'data', request), { code: 'CANCELLED' })
    assert.throws(() => countRows(db, 'data', request.selection), { code: 'CANCELLED' })
  })

  test('and all that is said of it are of one moment, whatever becomes of it meanwhile', (t) => {
    const folder = temporaryFolder(t)
    const ask: Record<string, (db: Db) => unknown> = {
      rows: (db) => selectRows(db, 'gone', { selection: { filters: [], sort: 'a' }, limit: 2, position: { offset: 0 }, isCounted: true }),
      count: (db) => countRows(db, 'gone', { filters: [{ column: 'a', operator: 'eq', value: '1' }] }),
      summary: (db) => summarizeColumn(db, 'gone', 'a', { filters: [] }),
      table: (db) => describeNamed(db, 'gone'),
      tables: (db) => listTables(db),
    }
    for (const [what, question] of Object.entries(ask)) {
      let dropsAt = 1
      for (let isDropped = true; isDropped; dropsAt++) {
        const path = join(folder, `${what}-${dropsAt}.db`)
        const writer = createWriter(path, 0)
        migrate(writer)
        writer.exec('CREATE TABLE gone (a INTEGER); INSERT INTO gone VALUES (1), (2), (3)')
        isDropped = false
        let statements = 0
        const reader = new Database(path, { readonly: true, verbose: () => {
          if (++statements !== dropsAt) return
          isDropped = true
          writer.exec('DROP TABLE gone')
        } })
        registerInterrupt(reader, () => undefined)
        try {
          assert.ok(question(reader))
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'TABLE_NOT_FOUND', `${what}: ${String(error)} where the table goes before statement ${dropsAt}`)
        } finally {
          reader.close()
          writer.close()
        }
      }
      assert.ok(dropsAt > 3, `${what} takes several statements`)
    }
  })

  test('are not found by what is no cursor', (t) => {
    const db = database(t)
    fill(db, 'data', [[1, null, 'a']])
    for (const cursor of [['1', true], ['1', {}], ['1', ['x']], ['1', { i: '9223372036854775808' }], ['1', { n: 'x' }], ['9223372036854775808', 1], ['x', 1], [null, 1], ['', 1], null, 1, []]) {
      const after = Buffer.from(JSON.stringify(cursor)).toString('base64url')
      assert.throws(() => selectRows(db, 'data', { selection: { filters: [], sort: 'i' }, limit: 1, position: { after }, isCounted: false }), { code: 'BAD_QUERY' }, JSON.stringify(cursor))
    }
  })
})
