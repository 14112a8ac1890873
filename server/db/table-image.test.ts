import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { ColumnTypes } from '../csv/column-types.ts'
import type { ColumnType } from '../protocol.ts'
import { ImageFile, textEncoding } from './image-file.ts'
import { createWriter, type Db } from './open.ts'
import { TableImageWriter } from './table-image.ts'

describe('an image of a table', () => {
  let folder: string
  let db: Db
  let tables = 0

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hextrackr-test-'))
    db = createWriter(join(folder, 'live.db'), 1000)
  })

  after(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })

  /** Write batches of rows into a new table by an image for each. @returns what SQLite then finds in it */
  function store(
    types: readonly ColumnType[], batches: readonly (readonly string[])[][], asked: readonly (ColumnType | undefined)[] = types.map(() => undefined),
  ): unknown[][] {
    const table = `t${++tables}`
    const columns = types.map((type, index) => `c${index} ${type}`).join(', ')
    const file = new ImageFile(db, join(folder, 'images'), table, columns)
    const writer = new TableImageWriter(types.map((type, place) => ({ place, type })), new ColumnTypes(asked), textEncoding(db))
    db.exec(`CREATE TABLE ${table} (${columns})`)
    let memory = new Uint8Array()
    for (const rows of batches) {
      writer.begin(memory)
      for (const row of rows) {
        const fields = row.map((value) => Buffer.from(value))
        const stops = fields.map((_, index) => fields.slice(0, index + 1).reduce((sum, { length }) => sum + length, 0))
        writer.add(Buffer.concat(fields), stops.map((stop, index) => stop - fields[index]!.length), stops, row.length)
      }
      const image = writer.end()
      file.write(image)
      db.transaction(() => file.copy()).immediate()
      memory = image.pages
    }
    file.close()
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    return db.prepare(`SELECT * FROM ${table} ORDER BY rowid`).raw().all() as unknown[][]
  }

  test('texts of every length come back as they were, those that need several pages too', () => {
    const lengths = [
      0, 1, 56, 57, 58, 120, 8190, 8191, 8192, 65_000,
      65_490, 65_497, 65_498, 65_499, 65_500, 65_501, 65_502, 65_600, 131_000, 131_030, 131_060, 500_000,
    ]
    const rows = lengths.flatMap((length) => [['a'.repeat(length), 'é'], ['x', 'b'.repeat(length)]])
    assert.deepEqual(store(['TEXT', 'TEXT'], [rows, rows.toReversed()]), [...rows, ...rows.toReversed()])
  })

  test('integers of every size come back as they were', () => {
    const values = [0, 1, 2, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fffff, 0x800000, 0x7fffffff, 0x80000000, 0x7fffffffffff, 0x800000000000, Number.MAX_SAFE_INTEGER]
    const all = [...values, ...values.slice(1).flatMap((value) => [-value, -value - 1]).filter(Number.isSafeInteger)]
    assert.deepEqual(store(['INTEGER'], [all.map((value) => [String(value)])]), all.map((value) => [value]))
  })

  test('what does not fit its column is kept as it was written, and nothing is no number', () => {
    assert.deepEqual(store(['INTEGER', 'REAL'], [[['1', '1.5'], ['', ''], ['007', 'x'], ['2', '2.5']]]), [
      [1, 1.5], [null, null], [Buffer.from('007'), Buffer.from('x')], [Buffer.from('2'), Buffer.from('2.5')],
    ])
  })

  test('numbers that were asked for may be written in any way', () => {
    assert.deepEqual(store(['INTEGER', 'REAL'], [[['+7', '1e3'], ['007', '-.5']]], ['INTEGER', 'REAL']), [[7, 1000], [7, -0.5]])
  })

  test('a table of as many columns as there can be, and fields that are missing', () => {
    const row = Array.from({ length: 2000 }, (_, index) => 'x'.repeat(index % 40))
    assert.deepEqual(store(row.map(() => 'TEXT'), [[row, row.slice(0, 3)]]), [row, [...row.slice(0, 3), ...Array.from({ length: 1997 }, () => '')]])
  })

  test('many rows fill many pages', () => {
    const rows = Array.from({ length: 30_000 }, (_, index) => [`row ${index}`, 'x'.repeat(index % 90)])
    assert.deepEqual(store(['TEXT', 'TEXT'], [rows.slice(0, 10), rows.slice(10)]), rows)
  })

  test('whatever the rows are, they are what INSERT would store', () => {
    const cell = fc.oneof(fc.string({ unit: 'binary' }), fc.integer().map(String), fc.nat(70_000).map((length) => 'z'.repeat(length)))
    const rows = (width: number): fc.Arbitrary<string[][]> => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 })
    const table = fc.integer({ min: 1, max: 6 }).chain((width) => fc.array(rows(width), { minLength: 1, maxLength: 3 }))
    fc.assert(fc.property(table, (batches) => {
      assert.deepEqual(store(batches[0]![0]!.map(() => 'TEXT'), batches), batches.flat())
    }), { numRuns: 100 })
  })

  for (const encoding of ['UTF-16le', 'UTF-16be']) {
    test(`a database in ${encoding} gets its texts in that`, () => {
      const utf8 = db
      db = new Database(join(folder, `${encoding}.db`))
      try {
        db.pragma(`encoding = '${encoding}'`)
        const texts = [['é', 'x'.repeat(70_000)], ['💀', ''], ['', 'a']]
        assert.deepEqual(store(['TEXT', 'TEXT'], [texts, texts.toReversed()]), [...texts, ...texts.toReversed()])
        store(['INTEGER'], [[['1'], ['é']]])
        assert.equal(db.prepare(`SELECT CAST(c0 AS TEXT) FROM t${tables} WHERE typeof(c0) = 'blob'`).pluck().get(), 'é')
      } finally {
        db.close()
        db = utf8
      }
    })
  }

  test('it is copied record by record', () => {
    db.exec('CREATE TABLE copied (a TEXT)')
    const file = new ImageFile(db, join(folder, 'images'), 'copied', 'a TEXT')
    const opcodes = db.prepare<[], { opcode: string }>(`EXPLAIN ${file.copySql}`).all().map(({ opcode }) => opcode)
    file.close()
    assert.ok(opcodes.includes('RowCell') || opcodes.includes('RowData'), opcodes.join(' '))
    assert.ok(!opcodes.includes('MakeRecord'), opcodes.join(' '))
  })
})
