import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { columnNames } from './column-names.ts'

describe('columnNames', () => {
  test('keeps names that can be kept, without a notice', () => {
    assert.deepEqual(columnNames([' id ', 'first name', 'ÄÖ', 'äö', '😀']), { names: ['id', 'first name', 'ÄÖ', 'äö', '😀'], notices: [] })
  })

  test('numbers names that SQLite takes for one, and never with the name of another column', () => {
    const { names, notices } = columnNames(['a', 'A', 'a_2', 'a'])
    assert.deepEqual(names, ['a', 'A_3', 'a_2', 'a_4'])
    assert.equal(notices.length, 2)
  })

  test('names columns without a name by their place', () => {
    assert.deepEqual(columnNames(['', 'column_1', ' ']).names, ['column_1_2', 'column_1', 'column_3'])
  })

  test('shortens what is too long and avoids what is reserved', () => {
    const { names, notices } = columnNames(['x'.repeat(300), `${'x'.repeat(250)}y`, '_RowId_', 'a\0b'])
    assert.deepEqual(names, ['x'.repeat(200), `${'x'.repeat(200)}_2`, '_RowId__2', 'ab'])
    assert.equal(notices.length, 4)
    assert.ok(notices.every((notice) => notice.length < 150))
  })

  test('has a name for each column of the widest table, however long or alike they are', () => {
    const longest = 'x'.repeat(16_000_000)
    for (const header of [Array.from({ length: 2000 }, () => ''), Array.from({ length: 2000 }, (_, index) => index % 2 === 0 ? 'a' : 'A'), [longest, `${longest}y`]]) {
      const { names } = columnNames(header)
      assert.equal(new Set(names.map((name) => name.toLowerCase())).size, header.length)
    }
    assert.equal(columnNames(['😀'.repeat(300)]).names[0], '😀'.repeat(200))
  })

  test('gives unique names that are not empty for any header, and says what it changed', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', 'A', '_', '2', ' ', '\0', '\ud800'), maxLength: 4 }), { maxLength: 8 }), (header) => {
      const { names, notices } = columnNames(header)
      assert.equal(new Set(names.map((name) => name.toLowerCase())).size, header.length)
      assert.ok(names.every((name) => name !== ''))
      assert.equal(notices.length, names.filter((name, index) => name !== header[index]!.trim()).length)
    }))
  })
})
