import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { Fault } from '../faults.ts'
import { checkTableName, quoteIdentifier, tableNameFromFile } from './identifiers.ts'

describe('tableNameFromFile', () => {
  test('leaves out folders, extensions and what a name cannot hold', () => {
    assert.equal(tableNameFromFile('nessus_export_w47.csv'), 'nessus_export_w47')
    assert.equal(tableNameFromFile('C:\\exports\\Weekly Report.CSV'), 'Weekly Report')
    assert.equal(tableNameFromFile('../../etc/passwd'), 'passwd')
    assert.equal(tableNameFromFile('a"b;c.csv.txt'), 'a_b_c')
    assert.equal(tableNameFromFile('日本語.tsv'), '日本語')
  })

  test('finds a name even where nothing is left', () => {
    assert.equal(tableNameFromFile('.csv'), 'table')
    assert.equal(tableNameFromFile(';;;.csv'), 'table')
    assert.equal(tableNameFromFile('sqlite_stat1.csv'), 'table_sqlite_stat1')
    assert.equal(tableNameFromFile('_hextrackr_x.csv'), 'table__hextrackr_x')
  })

  test('gives a usable name for any file', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (filename) => {
      const name = tableNameFromFile(filename)
      assert.equal(checkTableName(name), name)
    }), { numRuns: 2000 })
  })
})

describe('quoteIdentifier', () => {
  test('makes a name of anything, and of nothing else than a name', () => {
    const db = new Database(':memory:')
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), (name) => {
      fc.pre(!name.includes('\0') && !/^sqlite_/i.test(name))
      db.exec(`CREATE TABLE ${quoteIdentifier(name)} (x)`)
      assert.deepEqual(db.prepare('SELECT name FROM sqlite_schema').all(), [{ name }])
      db.exec(`DROP TABLE ${quoteIdentifier(name)}`)
    }))
  })
})

test('checkTableName says why a name cannot be used', () => {
  assert.throws(() => checkTableName('sqlite_x'), (error) => error instanceof Fault && error.code === 'BAD_TABLE_NAME' && error.message.includes('belong to SQLite'))
  assert.equal(checkTableName('  u\u0308ber  '), 'über')
})
