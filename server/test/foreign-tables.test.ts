/** Imports into tables that HexTrackr did not make. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import type Database from 'better-sqlite3'
import type { ImportRecord } from '../protocol.ts'
import { suiteScope } from './suite.ts'
import { TestServer } from './support.ts'

describe('a table that another program made', () => {
  const scope = suiteScope()
  let server: TestServer
  let db: Database.Database
  before(async () => {
    server = await TestServer.start(scope)
    db = server.openDatabase()
  })

  const counts = ({ status, rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, tableRows }: ImportRecord) =>
    ({ status, rowsRead, rowsInserted, rowsUpdated, rowsUnchanged, tableRows })

  test('has its rows updated whatever their keys are, and none of them twice', { timeout: 30_000 }, async () => {
    db.exec(`
      CREATE TABLE keys (id INTEGER PRIMARY KEY, v TEXT);
      INSERT INTO keys VALUES (-9223372036854775808, 'least'), (-5, 'below'), (0, 'none'), (1, 'one'), (1700000000000, 'far'), (9223372036854775807, 'most');
      CREATE TABLE hidden (k TEXT, v TEXT);
      INSERT INTO hidden (_rowid_, k, v) VALUES (-1, 'a', '1'), (0, 'b', '2'), (1, 'c', '3'), (1700000000000, 'd', '4');
    `)
    const keys = await server.import('id,v\n-5,x\n0,x\n1,one\n1700000000000,x\n2,new\n', { options: { table: 'keys', mode: 'upsert', key: ['id'] } })
    assert.deepEqual(counts(keys), { status: 'completed', rowsRead: 5, rowsInserted: 1, rowsUpdated: 3, rowsUnchanged: 1, tableRows: 7 })
    assert.deepEqual(db.prepare('SELECT v FROM keys ORDER BY id').pluck().all(), ['least', 'x', 'x', 'one', 'new', 'x', 'most'])

    const hidden = await server.import('k,v\na,x\nb,x\nc,3\nd,x\ne,new\n', { options: { table: 'hidden', mode: 'upsert', key: ['k'] } })
    assert.deepEqual(counts(hidden), { status: 'completed', rowsRead: 5, rowsInserted: 1, rowsUpdated: 3, rowsUnchanged: 1, tableRows: 5 })
    assert.deepEqual(db.prepare('SELECT k || v FROM hidden ORDER BY k').pluck().all(), ['ax', 'bx', 'c3', 'dx', 'enew'])
  })

  test('or added rows to keeps them where an import changes its columns', async () => {
    await server.import('a\n1\n', { filename: 'shared.csv' })
    db.exec('INSERT INTO shared (_rowid_, a) VALUES (0, 10), (-3, 20)')
    assert.equal((await server.import('a\nx\n', { options: { table: 'shared', mode: 'append' } })).status, 'completed')
    assert.deepEqual(db.prepare('SELECT a FROM shared ORDER BY _rowid_').pluck().all(), ['20', '10', '1', 'x'])
  })
})
