import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { ColumnTypes, exactDecimal, exactDecimalScale, exactInteger } from './column-types.ts'

const whole = (text: string): [bytes: Uint8Array, from: number, to: number] => [Buffer.from(text), 0, Buffer.byteLength(text)]

function typeOf(...values: string[]): string {
  const types = new ColumnTypes([undefined])
  for (const value of values) types.observe(0, ...whole(value))
  const { type, scale } = types.describe(['x'])[0]!
  return scale === undefined ? type : `${type}(${scale})`
}

describe('column types', () => {
  test('integers that come back unchanged are INTEGER', () => {
    assert.equal(typeOf('0', '1', '-5', '', '9007199254740991'), 'INTEGER')
  })

  test('what a number would change stays TEXT', () => {
    for (const value of ['007', '1e5', '+1', '12345678901234567890', '9007199254740992', '1,5', '-0', ' 1', '1 ', '0x1f', '--1', '-', '.5', '5.', '1.2.3', '-0.0', '00.5', 'NaN', 'Infinity', '１']) {
      assert.equal(typeOf('1', value), 'TEXT', value)
      assert.equal(typeOf(value), 'TEXT', value)
    }
  })

  test('decimals with one number of digits after the point are REAL with that scale', () => {
    assert.equal(typeOf('1.50', '22.75', '', '-0.05'), 'REAL(2)')
  })

  test('decimals with mixed scales are versions, not numbers', () => {
    assert.equal(typeOf('1.10', '1.9'), 'TEXT')
    assert.equal(typeOf('1', '2.5'), 'TEXT')
    assert.equal(typeOf('2.5', '1'), 'TEXT')
  })

  test('a column without any value is TEXT', () => {
    assert.equal(typeOf('', ''), 'TEXT')
  })

  test('one value that does not fit makes a column TEXT for good', () => {
    const types = new ColumnTypes([undefined])
    assert.equal(types.observe(0, ...whole('1')), true)
    assert.equal(types.observe(0, ...whole('x')), false)
    assert.equal(types.observe(0, ...whole('2')), true)
    assert.equal(types.type(0), 'TEXT')
  })

  test('every text that counts as a number comes back from SQLite unchanged', () => {
    const db = new Database(':memory:')
    db.exec('CREATE TABLE t (i INTEGER, r REAL)')
    const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
    const read = db.prepare<[], { i: number, r: number }>('SELECT i, r FROM t ORDER BY rowid DESC LIMIT 1')
    const integers = fc.oneof(fc.maxSafeInteger().map(String), fc.integer().map(String))
    const decimals = fc.tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }), fc.integer({ min: 1, max: 15 })).map(([minus, digits, scale]) => {
      const text = digits.toString().padStart(scale + 1, '0')
      return `${minus ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`
    })
    fc.assert(fc.property(integers, decimals, (integer, decimal) => {
      const scale = exactDecimalScale(...whole(decimal))
      fc.pre(scale > 0)
      assert.equal(exactInteger(...whole(integer)), Number(integer))
      assert.equal(exactDecimal(...whole(decimal), scale), Number(decimal))
      insert.run(integer, decimal)
      const row = read.get()!
      assert.equal(String(row.i), integer)
      assert.equal(row.r.toFixed(scale), decimal)
    }), { numRuns: 5000 })
  })
})
